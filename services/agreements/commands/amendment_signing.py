"""Signing amendments: for a party, by delegation, on paper."""

from datetime import date, datetime
from uuid import UUID

from services.agreements.agreement import Scan
from services.agreements.amendment import Amendment
from services.agreements.commands.amendments import amendable, both, record_signature
from services.agreements.commands.authority import authority_of, delegator_of, require_kept, still_mandated
from services.agreements.errors.sealing import LevelNotOffered
from services.agreements.tables import AMENDMENTS
from shared.actor import NATIONAL, Actor
from shared.clock import business_date, now
from shared.database import Work
from shared.events.agreements import SignatureLevel


async def sign_amendment(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    content_hash: str,
    level: SignatureLevel = "simple",
    by: Actor,
    at: datetime | None = None,
) -> Amendment:
    """Sign the frozen branch for a party, under a mandate of this day or as a delegate; once all have, it is applied.

    There is no file of a branch to seal: a level above simple is reached on paper, by record_amendment_scan. Refuses
    LevelNotOffered, NoMandate, MandateNotValid, MandateOutOfScope, DelegationOver, AssociationNotAccredited,
    TextTampered, what Amendment.sign refuses, and what applying it refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "sign_amendment", by, None)
        if level != "simple":
            raise LevelNotOffered(level=level, offered=["simple"])
        at = at or now()
        organisation = amendment.party(party_id).organisation_id
        day = business_date(at)
        on_behalf_of = delegator_of(amendment.delegation(party_id, by.person), day)
        authority = await authority_of(tx, organisation, on_behalf_of or by.person, agreement, day)
        mandate_id = authority.mandate_of(organisation, agreement, day)
        authority.require_standing(organisation)
        events = amendment.sign(
            party_id,
            content_hash=content_hash,
            person=by.person,
            mandate_id=mandate_id,
            level=level,
            at=at,
            on_behalf_of=on_behalf_of,
        )
        await require_kept(tx, amendment.content_hash)
        return await record_signature(tx, agreement, amendment, events, by=by, at=at)


async def decline_amendment(
    db: Work, id: UUID, *, party_id: UUID, content_hash: str, reason: str, by: Actor, at: datetime | None = None
) -> Amendment:
    """Refuse to sign for a party, under the same mandate: the amendment will not be."""
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await both(tx, id, "decline_amendment", by, None)
        organisation, day = amendment.party(party_id).organisation_id, business_date(at or now())
        (await authority_of(tx, organisation, by.person, agreement, day)).mandate_of(organisation, agreement, day)
        events = amendment.decline(party_id, content_hash=content_hash, reason=reason)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def delegate_amendment(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    delegate: str,
    valid_until: date,
    document: str,
    by: Actor,
    at: datetime | None = None,
) -> Amendment:
    """Let another person sign for a party under one's own mandate of this day; it ends with the mandate.

    Refuses NoMandate, MandateNotValid, MandateOutOfScope, and what Amendment.delegate refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "delegate_amendment", by, None)
        organisation, day = amendment.party(party_id).organisation_id, business_date(at or now())
        authority = await authority_of(tx, organisation, by.person, agreement, day)
        events = amendment.delegate(
            party_id,
            delegator=by.person,
            delegate=delegate,
            mandate_id=authority.mandate_of(organisation, agreement, day),
            valid_until=valid_until,
            document=document,
            today=day,
        )
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def record_amendment_scan(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    content_hash: str,
    person: str,
    file_hash: str,
    signed_on: date,
    by: Actor,
    at: datetime | None = None,
) -> Amendment:
    """Take down a signature on paper that one attests to have seen, with its scan; another person checks it.

    `person` signed it and needed a mandate of that day; `file_hash` is that of a document of the agreement. Refuses
    FileUnknown, NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited, TextTampered and what
    Amendment.record_scan refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "record_amendment_scan", by, None)
        agreement.require_file(file_hash)
        organisation = amendment.party(party_id).organisation_id
        # Whoever brings a scan need not see the mandates of who signed it.
        async with tx.widened(NATIONAL):
            authority = await authority_of(tx, organisation, person, agreement, signed_on)
        mandate_id = authority.mandate_of(organisation, agreement, signed_on)
        authority.require_standing(organisation)
        scan = Scan(person=person, mandate_id=mandate_id, file_hash=file_hash, signed_on=signed_on, witness=by.person)
        day = business_date(at or now())
        events = amendment.record_scan(party_id, scan, content_hash=content_hash, today=day)
        await require_kept(tx, amendment.content_hash)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def accept_amendment_scan(
    db: Work, id: UUID, *, party_id: UUID, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Let a signature on paper count, having checked its scan; once all have signed, the amendment is applied.

    It rests on a mandate of the day on the paper, by what is known by now. Refuses NoScanToCheck, CheckedByAnother,
    NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited, TextTampered, and what applying it refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "accept_amendment_scan", by, expected)
        at = at or now()
        scan = amendment.scan_to_accept(party_id, checker=by.person)
        mandate_id = await still_mandated(tx, agreement, amendment.party(party_id).organisation_id, scan)
        events = amendment.accept_scan(party_id, checker=by.person, mandate_id=mandate_id, at=at)
        await require_kept(tx, amendment.content_hash)
        return await record_signature(tx, agreement, amendment, events, by=by, at=at)


async def return_amendment_scan(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Amendment:
    """Ask the party to sign again, as the scan does not show its signature. Refuses NoScanToCheck, CheckedByAnother."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await both(tx, id, "return_amendment_scan", by, expected)
        events = amendment.return_scan(party_id, checker=by.person, reason=reason)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def renew_amendment_offer(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Offer the same branch for signature again once the time to sign is over. Refuses OfferStillStands."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await amendable(tx, id, "renew_amendment_offer", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.renew_offer(business_date(at or now())), by=by)
