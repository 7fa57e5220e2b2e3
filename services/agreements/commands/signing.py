"""Signing: for a party, by delegation, on paper."""

from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from services.agreements.agreement import Agreement, Scan
from services.agreements.commands.authority import (
    bound_on_paper,
    delegable,
    hold_on_the_table,
    in_place_of,
    mandated,
    may_confirm,
)
from services.agreements.commands.giving import Asked, Sign, give, sealed_first
from services.agreements.commands.integrity import require_kept, require_untampered
from services.agreements.commands.loading import load_for
from services.agreements.commands.passing import led_to, let_pass
from services.agreements.commands.sealing import ReadySeal
from services.agreements.commands.vetting import look_around
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS
from shared.actor import SYSTEM, Actor
from shared.clock import business_date, now, today
from shared.database import Database, Transaction, Work
from shared.events.agreements import SignatureLevel
from shared.refusals import Refusal

T = TypeVar("T")


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
    seal: ReadySeal | Refusal | None = None,
) -> Agreement:
    """Sign the frozen text for a party, as the person its organisation mandated for this day or as their delegate.

    A level that is sealed takes the `seal` that `sealed` hands over. Refuses what `give` refuses.
    """
    asked = Asked(party_id, text_hash, level, by, ceremony_id)
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "sign_agreement", by)
        events, at = await give(tx, agreement, agreement, asked, seal, at)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def sealed(
    db: Database,
    id: UUID,
    sign: Sign[T],
    *,
    party_id: UUID,
    text_hash: str,
    ceremony_id: UUID | None = None,
    level: SignatureLevel = "simple",
    by: Actor,
    at: datetime | None = None,
) -> T:
    """What `sign` gives, with its seal made first if the level asks for one."""
    asked = Asked(party_id, text_hash, level, by, ceremony_id)
    return await sealed_first(db, id, asked, lambda tx: _look(tx, id, by), sign, at)


async def _look(tx: Transaction, id: UUID, by: Actor) -> tuple[Agreement, Agreement]:
    agreement = await look_around(tx, await led_to(tx, await AGREEMENTS.read(tx, id), today()), today())
    PERMISSIONS.allow(by, "sign_agreement", agreement)
    return agreement, agreement


async def decline_agreement(
    db: Work, id: UUID, *, party_id: UUID, text_hash: str, reason: str, by: Actor, at: datetime | None = None
) -> Agreement:
    """Refuse to sign for a party, under the same mandate: the signatures are void and the text is negotiated again."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "decline_agreement", by)
        await hold_on_the_table(tx, agreement)
        at = at or now()
        await mandated(tx, agreement, agreement.party(party_id), by.person, business_date(at))
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

    Refuses NoMandate, MandateNotValid, MandateOutOfScope, and what Agreement.delegate refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "delegate_signing", by)
        day = business_date(at or now())
        rests_on = await delegable(tx, agreement, agreement.party(party_id), by.person, day)
        events = agreement.delegate(
            party_id,
            delegator=by.person,
            delegate=delegate,
            **rests_on,
            valid_until=valid_until,
            document=document,
            today=day,
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def withdraw_delegation(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Take back that another signs for a party, for who delegated it: by no mandate, so after its end too.

    Refuses NothingDelegated, NotYourDelegation.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_delegation", by, expected)
        withdrawn = agreement.withdraw_delegation(party_id, by=by.person, reason=reason)
        return await AGREEMENTS.record(tx, agreement, withdrawn, by=by)


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

    `person` signed it and needed a mandate of that day, or a delegation of that day by who held one; `file_hash` is
    that of an attached document. Refuses FileUnknown, NoMandate, MandateNotValid, MandateOutOfScope, DelegationOver,
    SignedBeforeDelegation, AssociationNotAccredited, TextTampered and what Agreement.record_scan refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "record_scan", by)
        agreement.require_file(file_hash)
        party = agreement.party(party_id)
        on_behalf_of = await in_place_of(tx, agreement, agreement, party, person, signed_on)
        mandate_id = await bound_on_paper(
            tx, agreement, party, on_behalf_of or person, signed_on, tabled=id, ceremony_id=ceremony_id
        )
        scan = Scan(
            person=person,
            on_behalf_of=on_behalf_of,
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
    """Let a signature on paper count, having checked its scan.

    It rests on a mandate of the day on the paper, by what is known by now. Refuses NoScanToCheck, CheckedByAnother,
    NoMandate, MandateNotValid, MandateOutOfScope, AssociationNotAccredited.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "accept_scan", by, expected)
        await hold_on_the_table(tx, agreement)
        at = at or now()
        scan = agreement.scan_to_accept(party_id, checker=by.person)
        mandate_id = await bound_on_paper(tx, agreement, agreement.party(party_id), scan.mandated, scan.signed_on)
        events = agreement.accept_scan(party_id, checker=by.person, mandate_id=mandate_id, at=at)
        await require_untampered(tx, agreement)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def return_scan(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    reason: str,
    by: Actor,
    expected: int | None = None,
    at: datetime | None = None,
) -> Agreement:
    """Ask the party to sign again, as the scan does not show its signature. Refuses NoScanToCheck, CheckedByAnother."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "return_scan", by, expected)
        events = agreement.return_scan(party_id, checker=by.person, reason=reason, today=business_date(at or now()))
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def renew_offer(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Offer the same text for signature again once the time to sign is over. Refuses OfferStillStands, TermOver."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "renew_offer", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.renew_offer(business_date(at or now())), by=by)


async def confirm_signature(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    text_hash: str,
    file_hash: str | None = None,
    by: Actor,
    at: datetime | None = None,
) -> Agreement:
    """Stand by a party's contested signature once all have signed, under one's own mandate of this day.

    `file_hash` is that of an attached document that shows it. Refuses FileUnknown, NoMandate, MandateNotValid,
    MandateOutOfScope, AssociationNotAccredited, TextTampered and what Agreement.confirm_signature refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "confirm_signature", by)
        if file_hash:
            agreement.require_file(file_hash)
        at = at or now()
        mandate_id = await may_confirm(tx, agreement, agreement.party(party_id), by.person, business_date(at))
        events = agreement.confirm_signature(
            party_id, text_hash=text_hash, person=by.person, mandate_id=mandate_id, at=at, file_hash=file_hash
        )
        await require_kept(tx, text_hash)
        return await AGREEMENTS.record(tx, agreement, events, by=by, at=at)


async def contest_signatures(db: Work, id: UUID, mandate_id: UUID, *, ended_on: date) -> Agreement:
    """Mark what was signed under a mandate that had ended by then, as is known only now. A reaction asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await let_pass(tx, await AGREEMENTS.load(tx, id), today())
        if agreement.refusal_of("contest_signatures"):
            return agreement
        events = agreement.contest_signatures(mandate_id, ended_on=ended_on)
        return await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)
