"""Signing amendments: for a party, by delegation, on paper."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import TypedDict, TypeVar, Unpack
from uuid import UUID

from services.agreements.agreement import Agreement, Scan
from services.agreements.amendment import Amendment
from services.agreements.commands.amendments import amendable, amended_at_once, both, record_signature
from services.agreements.commands.authority import authority_of, delegator_of, require_as_agreed, still_mandated
from services.agreements.commands.families import require_parent_signed
from services.agreements.commands.sealing import ReadySeal, make_seal, seal_first, use_seal
from services.agreements.papers.drawing import draw_seal, draw_sealable_amendment
from services.agreements.sealing import SEALED
from services.agreements.tables import AMENDMENTS
from shared.actor import NATIONAL, Actor
from shared.clock import business_date, now
from shared.database import Database, Transaction, Work
from shared.events.agreements import AmendmentPartySigned, SignatureLevel
from shared.events.base import DomainEvent
from shared.refusals import Refusal

T = TypeVar("T")


class Asked(TypedDict):
    """What is asked of a signature."""

    party_id: UUID
    content_hash: str
    level: SignatureLevel
    by: Actor


async def sign_amendment(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    content_hash: str,
    level: SignatureLevel = "simple",
    by: Actor,
    at: datetime | None = None,
    seal: ReadySeal | Refusal | None = None,
) -> Amendment:
    """Sign the frozen branch for a party, under a mandate of this day or as a delegate; once all have, it is applied.

    A level that is sealed takes the `seal` that `sealed_amendment` hands over; given a database, this makes it first.
    Refuses NoMandate, MandateNotValid, MandateOutOfScope, DelegationOver, AssociationNotAccredited, TextTampered, what
    require_parent_signed, Amendment.sign and making the seal refuse, and what applying it refuses.
    """
    asked: Asked = {"party_id": party_id, "content_hash": content_hash, "level": level, "by": by}
    if seal is None and level in SEALED and isinstance(db, Database):
        return await sealed_amendment(
            db, id, lambda made: sign_amendment(db, id, **asked, at=at, seal=made), at=at, **asked
        )
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "sign_amendment", by, None)
        ready = seal if isinstance(seal, ReadySeal) else None
        at = ready.at if ready else at or now()
        events = await _decide(tx, agreement, amendment, **asked, at=at, seal=ready)
        await use_seal(tx, amendment, party_id, level, seal)
        return await record_signature(tx, agreement, amendment, events, by=by, at=at)


async def sealed_amendment(
    db: Database,
    id: UUID,
    sign: Callable[[ReadySeal | Refusal | None], Awaitable[T]],
    *,
    at: datetime | None = None,
    **asked: Unpack[Asked],
) -> T:
    """What `sign` gives, with its seal made first if the level asks for one."""
    return await seal_first(id, asked["level"], lambda: _seal_for(db, id, at=at or now(), **asked), sign)


async def _seal_for(db: Database, id: UUID, *, at: datetime, **asked: Unpack[Asked]) -> ReadySeal:
    """A seal for a signature that would be recorded now. Nothing is asked of a provider for one that would not."""
    by = asked["by"]
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "sign_amendment", by, None)
        signed, *_ = events = await _decide(tx, agreement, amendment, **asked, at=at)
        assert isinstance(signed, AmendmentPartySigned)
        await amended_at_once(tx, agreement, amendment.model_copy().evolve(events), business_date(at))
        shown = await draw_seal(tx, amendment, signed, at)
        first = amendment.sealed_file is None
        unsealed = await draw_sealable_amendment(tx, agreement, amendment) if first else None
    return await make_seal(amendment, signed, shown, unsealed, at)


async def _decide(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    *,
    at: datetime,
    seal: ReadySeal | None = None,
    **asked: Unpack[Asked],
) -> list[DomainEvent]:
    party_id, person, day = asked["party_id"], asked["by"].person, business_date(at)
    organisation = amendment.party(party_id).organisation_id
    on_behalf_of = delegator_of(amendment.delegation(party_id, person), day)
    authority = await authority_of(tx, organisation, on_behalf_of or person, agreement, day)
    mandate_id = authority.mandate_of(organisation, agreement, day)
    authority.require_standing(organisation)
    await require_parent_signed(tx, agreement)
    events = amendment.sign(
        party_id,
        content_hash=asked["content_hash"],
        person=person,
        mandate_id=mandate_id,
        level=asked["level"],
        at=at,
        on_behalf_of=on_behalf_of,
        file_hash=seal.file_hash if seal else None,
        archived_file=seal.archived_file if seal else None,
    )
    await require_as_agreed(tx, amendment)
    return events


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
    require_parent_signed and Amendment.record_scan refuse.
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
        await require_parent_signed(tx, agreement)
        scan = Scan(person=person, mandate_id=mandate_id, file_hash=file_hash, signed_on=signed_on, witness=by.person)
        day = business_date(at or now())
        events = amendment.record_scan(party_id, scan, content_hash=content_hash, today=day)
        await require_as_agreed(tx, amendment)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def accept_amendment_scan(
    db: Work, id: UUID, *, party_id: UUID, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Let a signature on paper count, having checked its scan; once all have signed, the amendment is applied.

    It rests on a mandate of the day on the paper, by what is known by now. Refuses NoScanToCheck, CheckedByAnother,
    NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited, TextTampered, what require_parent_signed
    refuses, and what applying it refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "accept_amendment_scan", by, expected)
        at = at or now()
        scan = amendment.scan_to_accept(party_id, checker=by.person)
        mandate_id = await still_mandated(tx, agreement, amendment.party(party_id).organisation_id, scan)
        await require_parent_signed(tx, agreement)
        events = amendment.accept_scan(party_id, checker=by.person, mandate_id=mandate_id, at=at)
        await require_as_agreed(tx, amendment)
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
