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

from services.agreements.agreement import Agreement
from services.agreements.ceremony import RUNNING, Ceremony, CeremonyState
from services.agreements.errors import (
    AssociationNotAccredited,
    CeremonyNotOpen,
    MandateNotValid,
    NoMandate,
    NotInTheCeremony,
    SignedInItsCeremony,
)
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from shared.actor import Actor, Role
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
    """Sign the frozen text for a party, as the person its organisation mandated for this day.

    Refuses NoMandate, MandateNotValid, AssociationNotAccredited; CeremonyNotOpen, NotInTheCeremony or
    SignedInItsCeremony; and what Agreement.sign refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        PERMISSIONS.allow(by, "sign_agreement", agreement)
        organisation = agreement.party(party_id).organisation_id
        at = at or now()
        authority = await _authority(tx, id, organisation, ceremony_id, by, business_date(at))
        mandate_id = _mandate(authority, organisation, business_date(at))
        if authority.standing not in (None, "accredited"):
            raise AssociationNotAccredited(organisation=organisation, standing=authority.standing)
        _check_ceremony(authority, ceremony_id)
        events = agreement.sign(
            party_id,
            text_hash=text_hash,
            person=by.person,
            mandate_id=mandate_id,
            ceremony_id=ceremony_id,
            level=level,
            at=at,
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def decline_agreement(
    db: Work, id: UUID, *, party_id: UUID, text_hash: str, reason: str, by: Actor, at: datetime | None = None
) -> Agreement:
    """Refuse to sign for a party, under the same mandate: the signatures are void and the text is negotiated again."""
    async with db.transaction(by.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        PERMISSIONS.allow(by, "decline_agreement", agreement)
        organisation = agreement.party(party_id).organisation_id
        at = at or now()
        authority = await _authority(tx, id, organisation, None, by, business_date(at))
        _mandate(authority, organisation, business_date(at))
        events = agreement.decline(party_id, text_hash=text_hash, reason=reason)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


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


async def _authority(
    tx: Transaction, agreement_id: UUID, organisation: UUID, ceremony_id: UUID | None, by: Actor, day: date
) -> Authority:
    facts = {
        "agreement": agreement_id,
        "organisation": organisation,
        "ceremony": ceremony_id,
        "person": by.person,
        "day": day,
    }
    return Authority(*(await (await tx.connection()).execute(AUTHORITY, facts)).one())


def _mandate(authority: Authority, organisation: UUID, day: date) -> UUID:
    if authority.mandate_id is None:
        raise NoMandate(organisation=organisation)
    if not authority.valid_from <= day <= authority.valid_until:
        raise MandateNotValid(
            organisation=organisation, valid_from=authority.valid_from, valid_until=authority.valid_until
        )
    return authority.mandate_id


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
