"""Signing amendments: for a party, by delegation, on paper."""

from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from services.agreements.agreement import Scan
from services.agreements.amendment import Amendment
from services.agreements.commands.amendment_applying import record_signature
from services.agreements.commands.authority import bound_on_paper, delegable, in_place_of, mandated, may_confirm
from services.agreements.commands.giving import Asked, Sign, give, sealed_first
from services.agreements.commands.integrity import require_kept, require_untampered
from services.agreements.commands.loading import amendable, load_both, load_both_for
from services.agreements.commands.sealing import ReadySeal
from services.agreements.tables import AMENDMENTS
from shared.actor import SYSTEM, Actor
from shared.clock import business_date, now
from shared.database import Database, Work
from shared.events.agreements import SignatureLevel
from shared.refusals import Refusal

T = TypeVar("T")


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

    A level that is sealed takes the `seal` that `sealed_amendment` hands over. Refuses what `give` refuses, and what
    applying it refuses.
    """
    asked = Asked(party_id, content_hash, level, by)
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "sign_amendment", by)
        events, at = await give(tx, agreement, amendment, asked, seal, at)
        return await record_signature(tx, agreement, amendment, events, by=by, at=at)


async def sealed_amendment(
    db: Database,
    id: UUID,
    sign: Sign[T],
    *,
    party_id: UUID,
    content_hash: str,
    level: SignatureLevel = "simple",
    by: Actor,
    at: datetime | None = None,
) -> T:
    """What `sign` gives, with its seal made first if the level asks for one."""
    asked = Asked(party_id, content_hash, level, by)
    return await sealed_first(db, id, asked, lambda tx: amendable(tx, id, "sign_amendment", by), sign, at)


async def decline_amendment(
    db: Work, id: UUID, *, party_id: UUID, content_hash: str, reason: str, by: Actor, at: datetime | None = None
) -> Amendment:
    """Refuse to sign for a party, under the same mandate: the amendment will not be."""
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await load_both_for(tx, id, "decline_amendment", by)
        await mandated(tx, agreement, amendment.party(party_id), by.person, business_date(at or now()))
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
        agreement, amendment = await amendable(tx, id, "delegate_amendment", by)
        day = business_date(at or now())
        rests_on = await delegable(tx, agreement, amendment.party(party_id), by.person, day)
        events = amendment.delegate(
            party_id,
            delegator=by.person,
            delegate=delegate,
            **rests_on,
            valid_until=valid_until,
            document=document,
            today=day,
        )
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def withdraw_amendment_delegation(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Amendment:
    """Take back that another signs for a party, for who delegated it. Refuses NothingDelegated, NotYourDelegation."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await load_both_for(tx, id, "withdraw_amendment_delegation", by, expected)
        withdrawn = amendment.withdraw_delegation(party_id, by=by.person, reason=reason)
        return await AMENDMENTS.record(tx, amendment, withdrawn, by=by)


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

    `person` signed it and needed a mandate of that day, or a delegation of that day by who held one; `file_hash` is
    that of a document of the agreement. Refuses FileUnknown, NoMandate, MandateNotValid, MandateOutOfScope,
    DelegationOver, SignedBeforeDelegation, AssociationNotAccredited, TextTampered and what require_parent_signed and
    Amendment.record_scan refuse.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "record_amendment_scan", by)
        agreement.require_file(file_hash)
        party = amendment.party(party_id)
        on_behalf_of = await in_place_of(tx, agreement, amendment, party, person, signed_on)
        mandate_id = await bound_on_paper(tx, agreement, party, on_behalf_of or person, signed_on)
        scan = Scan(
            person=person,
            on_behalf_of=on_behalf_of,
            mandate_id=mandate_id,
            file_hash=file_hash,
            signed_on=signed_on,
            witness=by.person,
        )
        day = business_date(at or now())
        events = amendment.record_scan(party_id, scan, content_hash=content_hash, today=day)
        await require_untampered(tx, amendment)
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
        mandate_id = await bound_on_paper(tx, agreement, amendment.party(party_id), scan.mandated, scan.signed_on)
        events = amendment.accept_scan(party_id, checker=by.person, mandate_id=mandate_id, at=at)
        await require_untampered(tx, amendment)
        return await record_signature(tx, agreement, amendment, events, by=by, at=at)


async def return_amendment_scan(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Amendment:
    """Ask the party to sign again, as the scan does not show its signature. Refuses NoScanToCheck, CheckedByAnother."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await load_both_for(tx, id, "return_amendment_scan", by, expected)
        events = amendment.return_scan(party_id, checker=by.person, reason=reason)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def renew_amendment_offer(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Offer the same branch for signature again once the time to sign is over. Refuses OfferStillStands."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await amendable(tx, id, "renew_amendment_offer", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.renew_offer(business_date(at or now())), by=by)


async def confirm_amendment_signature(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    content_hash: str,
    file_hash: str | None = None,
    by: Actor,
    at: datetime | None = None,
) -> Amendment:
    """Stand by a party's contested signature once all have signed, under one's own mandate of this day.

    `file_hash` is that of a document of the agreement that shows it. Refuses FileUnknown, NoMandate, MandateNotValid,
    MandateOutOfScope, AssociationNotAccredited, TextTampered and what Amendment.confirm_signature refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await load_both_for(tx, id, "confirm_amendment_signature", by)
        if file_hash:
            agreement.require_file(file_hash)
        at = at or now()
        mandate_id = await may_confirm(tx, agreement, amendment.party(party_id), by.person, business_date(at))
        events = amendment.confirm_signature(
            party_id, content_hash=content_hash, person=by.person, mandate_id=mandate_id, at=at, file_hash=file_hash
        )
        await require_kept(tx, content_hash)
        return await AMENDMENTS.record(tx, amendment, events, by=by, at=at)


async def let_amendment_time_pass(db: Work, id: UUID, *, on: date) -> Amendment:
    """Recall the last day to sign, and end the offer after it. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        amendment = await AMENDMENTS.load(tx, id)
        return await AMENDMENTS.record(tx, amendment, amendment.pass_time(on), by=SYSTEM)


async def contest_amendment(db: Work, id: UUID, mandate_id: UUID, *, ended_on: date) -> Amendment:
    """Mark what was signed under a mandate that had ended by then, as is known only now. A reaction asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        _, amendment = await load_both(tx, id)
        events = amendment.contest_signatures(mandate_id, ended_on=ended_on)
        return await AMENDMENTS.record(tx, amendment, events, by=SYSTEM)
