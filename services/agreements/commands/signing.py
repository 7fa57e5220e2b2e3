"""Signing: one agreement, or many in a batch that survives a crash."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from sqlalchemy import text
from sqlmodel import col, select

from services.agreements.agreement import Agreement, Scan
from services.agreements.ceremony import RUNNING, Ceremony, CeremonyState
from services.agreements.commands.families import parent_of
from services.agreements.commands.loading import load_for
from services.agreements.errors import (
    AssociationNotAccredited,
    CeremonyNotOpen,
    MandateNotValid,
    NoMandate,
    NotInTheCeremony,
    SignedInItsCeremony,
)
from services.agreements.errors.signing import DelegationOver, FileUnknown, TextTampered
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from shared import files
from shared.actor import NATIONAL, SYSTEM, Actor, Role
from shared.clock import business_date, now
from shared.database import Database, Transaction, Work
from shared.events.agreements import SignatureLevel
from shared.ids import new_id
from shared.messaging.crash import crash_point
from shared.refusals import NotFound, Refusal

# All that a signature rests on, in one round trip: the person's best mandate, the association's standing, and the
# ceremony, which stays as it is until we commit (close_ceremony waits for us, or we for it).
AUTHORITY = text("""
    with sitting as (
        select id, status, agreements @> array[cast(:agreement as uuid)] as listed
        from ceremony
        where id = coalesce(cast(:ceremony as uuid), (
            select id from ceremony
            where agreements @> array[cast(:agreement as uuid)] and status in ('lobby', 'open', 'interrupted') limit 1
        ))
        for share
    ), held as (
        select id, valid_from, valid_until from mandate
        where organisation_id = :organisation and person = :person
        order by :day between valid_from and valid_until desc, valid_until desc limit 1
    )
    select held.id as mandate_id, valid_from, valid_until, standing,
        sitting.id as ceremony_id, sitting.status as ceremony_state, listed
    from (values (1)) one
    left join held on true
    left join association_standing on association_standing.id = :organisation
    left join sitting on true
""")
# PostgreSQL hashes what it keeps: nothing but the places that differ comes back.
TAMPERED = text("""
    with frozen as (
        select hash, body from content where hash = :text_hash
    ), kept(place, hash) as (
        select clause->>'key' || '/' || language, clause->>language
        from frozen, jsonb_array_elements(body::jsonb) clause, (values ('ar'), ('fr')) languages(language)
    )
    select 'table' from (values (1)) one
    where not exists (select from frozen where encode(sha256(convert_to(body, 'UTF8')), 'hex') = hash)
    union all
    select place from kept left join content using (hash)
    where body is null or encode(sha256(convert_to(body, 'UTF8')), 'hex') <> hash
""")
AT_ONCE = 10.0
"""Seconds that a request gives its batch; the schedule signs what is left."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What a person's signature for an organisation rests on."""

    mandate_id: UUID | None
    valid_from: date
    valid_until: date
    standing: str | None
    """None for an organisation that is no association."""
    ceremony_id: UUID | None
    """The ceremony asked for, else one under way that has the agreement in its order."""
    ceremony_state: str | None
    listed: bool | None

    def mandate_of(self, organisation: UUID, day: date) -> UUID:
        """The mandate that covers the day. Refuses NoMandate, MandateNotValid."""
        if self.mandate_id is None:
            raise NoMandate(organisation=organisation)
        if not self.valid_from <= day <= self.valid_until:
            raise MandateNotValid(organisation=organisation, valid_from=self.valid_from, valid_until=self.valid_until)
        return self.mandate_id

    def require_standing(self, organisation: UUID) -> None:
        """Refuse AssociationNotAccredited for an association that may sign nothing at present."""
        if self.standing not in (None, "accredited"):
            raise AssociationNotAccredited(organisation=organisation, standing=self.standing)


class SignatureRequest(BaseModel):
    """One signature of a batch: the party, and the hash of the text it means to sign."""

    model_config = ConfigDict(frozen=True)

    agreement_id: UUID
    party_id: UUID
    text_hash: str


async def sign_agreement(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    text_hash: str,
    ceremony_id: UUID | None = None,
    level: SignatureLevel = "simple",
    by: Actor,
    at: datetime | None = None,
) -> Agreement:
    """Sign the frozen text for a party, as the person its organisation mandated for this day or as their delegate.

    Refuses NoMandate, MandateNotValid, DelegationOver, AssociationNotAccredited; TextTampered; CeremonyNotOpen,
    NotInTheCeremony or SignedInItsCeremony; and what Agreement.sign refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "sign_agreement", by)
        at = at or now()
        delegation = agreement.delegation(party_id, by.person)
        if delegation and business_date(at) > delegation.valid_until:
            raise DelegationOver(valid_until=delegation.valid_until)
        holder = delegation.delegator if delegation else by.person
        mandate_id = await _may_sign(tx, agreement, party_id, holder, ceremony_id, business_date(at))
        events = agreement.sign(
            party_id,
            text_hash=text_hash,
            person=by.person,
            mandate_id=mandate_id,
            ceremony_id=ceremony_id,
            level=level,
            on_behalf_of=delegation.delegator if delegation else None,
            at=at,
        )
        await require_untampered(tx, agreement)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def decline_agreement(
    db: Work, id: UUID, *, party_id: UUID, text_hash: str, reason: str, by: Actor, at: datetime | None = None
) -> Agreement:
    """Refuse to sign for a party, under the same mandate: the signatures are void and the text is negotiated again."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "decline_agreement", by)
        at = at or now()
        await _mandated(tx, agreement, party_id, by.person, business_date(at))
        events = agreement.decline(party_id, text_hash=text_hash, reason=reason, at=at)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def delegate_signing(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    delegate: str,
    valid_until: date,
    document: str,
    by: Actor,
    at: datetime | None = None,
) -> Agreement:
    """Let another person sign for a party under one's own mandate of this day; it ends with the mandate.

    Refuses NoMandate, MandateNotValid, and what Agreement.delegate refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "delegate_signing", by)
        day = business_date(at or now())
        mandate_id = await _mandated(tx, agreement, party_id, by.person, day)
        events = agreement.delegate(
            party_id,
            delegator=by.person,
            delegate=delegate,
            mandate_id=mandate_id,
            valid_until=valid_until,
            document=document,
            today=day,
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def record_scan(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    text_hash: str,
    person: str,
    file_hash: str,
    signed_on: date,
    ceremony_id: UUID | None = None,
    by: Actor,
    at: datetime | None = None,
) -> Agreement:
    """Take down a signature on paper that one attests to have seen, with its scan; another person checks it.

    `person` signed it and needed a mandate of that day; `file_hash` is that of an attached document. Refuses
    FileUnknown, NoMandate, MandateNotValid, AssociationNotAccredited, TextTampered and what Agreement.record_scan
    refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "record_scan", by)
        if not await files.exists(file_hash):
            raise FileUnknown(file_hash=file_hash)
        # Whoever brings a scan need not see the mandates of who signed it.
        async with tx.widened(NATIONAL):
            mandate_id = await _may_sign(tx, agreement, party_id, person, ceremony_id, signed_on)
        scan = Scan(
            person=person,
            mandate_id=mandate_id,
            ceremony_id=ceremony_id,
            file_hash=file_hash,
            signed_on=signed_on,
            witness=by.person,
        )
        events = agreement.record_scan(party_id, scan, text_hash=text_hash, today=business_date(at or now()))
        await require_untampered(tx, agreement)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def accept_scan(
    db: Work, id: UUID, *, party_id: UUID, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Let a signature on paper count, having checked its scan. Refuses NoScanToCheck, CheckedByAnother."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "accept_scan", by, expected)
        at = at or now()
        events = agreement.accept_scan(party_id, checker=by.person, at=at)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def return_scan(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Ask the party to sign again, as the scan does not show its signature. Refuses NoScanToCheck, CheckedByAnother."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "return_scan", by, expected)
        events = agreement.return_scan(party_id, checker=by.person, reason=reason)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def renew_offer(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Offer the same text for signature again once the time to sign is over. Refuses OfferStillStands, TermOver."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "renew_offer", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.renew_offer(business_date(at or now())), by=by)


async def contest_signatures(db: Work, id: UUID, mandate_id: UUID, *, ended_on: date) -> Agreement:
    """Mark what was signed under a mandate that had ended by then, as is known only now. A reaction asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        if agreement.refusal_of("contest_signatures"):
            return agreement
        events = agreement.contest_signatures(mandate_id, ended_on=ended_on)
        return await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)


async def require_untampered(tx: Transaction, agreement: Agreement) -> None:
    """Refuse TextTampered unless the text is kept as it was frozen: the table, and every clause in both languages."""
    places = (await (await tx.connection()).execute(TAMPERED, {"text_hash": agreement.text_hash})).scalars().all()
    if places:
        raise TextTampered(places=list(places))


async def sign_batch(
    db: Work,
    requests: Sequence[SignatureRequest],
    *,
    ceremony_id: UUID | None = None,
    level: SignatureLevel = "simple",
    by: Actor,
) -> SignatureBatchRow:
    """Take down signatures to be given together; `resume_batch` then gives them."""
    PERMISSIONS.allow(by, "sign_batch")
    async with db.transaction(by.scope) as tx:
        batch = SignatureBatchRow(
            id=new_id(),
            visible_to=[by.jurisdiction],
            person=by.person,
            actor={
                "issuer": by.issuer,
                "subject": by.subject,
                "roles": sorted(by.roles),
                "jurisdiction": by.jurisdiction,
            },
            ceremony_id=ceremony_id,
            level=level,
            items=[{**request.model_dump(mode="json"), "outcome": "pending"} for request in requests],
            created_at=now(),
        )
        tx.add(batch)
        await tx.flush()
        return batch


async def resume_batch(db: Database, batch: SignatureBatchRow, *, within: float = AT_ONCE) -> SignatureBatchRow:
    """Give the signatures of a batch that are still pending, each agreement in a transaction of its own.

    They are given as the person who asked for them. Two at once take turns. Stops after `within` seconds.
    """
    by = _signer(batch)
    until = time.monotonic() + within
    while batch.finished_at is None and time.monotonic() < until:
        batch = await _sign_next(db, batch.id, by)
        crash_point("batch.signed-one")
    return batch


async def _sign_next(db: Database, id: UUID, by: Actor) -> SignatureBatchRow:
    async with db.transaction(by.scope) as tx:
        query = select(SignatureBatchRow).where(col(SignatureBatchRow.id) == id).with_for_update()
        if (batch := (await tx.exec(query)).first()) is None:
            raise NotFound()
        pending = [position for position, item in enumerate(batch.items) if item["outcome"] == "pending"]
        if pending:
            item = batch.items[pending[0]]
            outcome = await _sign_item(tx, batch, SignatureRequest.model_validate(item, extra="ignore"), by)
            # A new list: a change inside the old one would not be seen.
            batch.items = [
                item | outcome if position == pending[0] else item for position, item in enumerate(batch.items)
            ]
        if len(pending) <= 1 and batch.finished_at is None:
            batch.finished_at = now()
        return batch


async def _sign_item(tx: Transaction, batch: SignatureBatchRow, item: SignatureRequest, by: Actor) -> dict[str, Any]:
    try:
        signed = await sign_agreement(
            tx,
            item.agreement_id,
            party_id=item.party_id,
            text_hash=item.text_hash,
            ceremony_id=batch.ceremony_id,
            level=batch.level,
            by=by,
        )
    except Refusal as refusal:  # it changed nothing, so that the transaction can keep what it said
        values = to_jsonable_python(refusal.values)
        return {"outcome": "refused", "refusal": {"slug": refusal.slug, "status": refusal.status, "values": values}}
    return {"outcome": "signed", "state": signed.status, "version": signed.version}


def _signer(batch: SignatureBatchRow) -> Actor:
    roles = frozenset(Role(role) for role in batch.actor["roles"])
    return Actor(batch.actor["issuer"], batch.actor["subject"], roles, batch.actor["jurisdiction"])


async def _may_sign(
    tx: Transaction, agreement: Agreement, party_id: UUID, person: str, ceremony_id: UUID | None, day: date
) -> UUID:
    organisation = agreement.party(party_id).organisation_id
    authority = await authority_of(tx, organisation, person, day, agreement_id=agreement.id, ceremony_id=ceremony_id)
    mandate_id = authority.mandate_of(organisation, day)
    authority.require_standing(organisation)
    _check_ceremony(authority, ceremony_id)
    if agreement.parent_id is not None:
        (await parent_of(tx, agreement)).require_signed()
    return mandate_id


async def _mandated(tx: Transaction, agreement: Agreement, party_id: UUID, person: str, day: date) -> UUID:
    organisation = agreement.party(party_id).organisation_id
    return (await authority_of(tx, organisation, person, day)).mandate_of(organisation, day)


async def authority_of(
    tx: Transaction,
    organisation: UUID,
    person: str,
    day: date,
    *,
    agreement_id: UUID | None = None,
    ceremony_id: UUID | None = None,
) -> Authority:
    """What a person's signature for an organisation rests on that day: of an agreement also the ceremony it is in."""
    facts = {
        "agreement": agreement_id,
        "organisation": organisation,
        "ceremony": ceremony_id,
        "person": person,
        "day": day,
    }
    return Authority(*(await (await tx.connection()).execute(AUTHORITY, facts)).one())


def _check_ceremony(authority: Authority, ceremony_id: UUID | None) -> None:
    if ceremony_id is None:
        if authority.ceremony_state in RUNNING:
            raise SignedInItsCeremony(ceremony=authority.ceremony_id)
        return
    if authority.ceremony_id is None:
        raise NotFound()
    if not authority.listed:
        raise NotInTheCeremony(ceremony=ceremony_id)
    if authority.ceremony_state != CeremonyState.open:
        raise CeremonyNotOpen(ceremony=ceremony_id, kind=Ceremony.kind, state=authority.ceremony_state)
