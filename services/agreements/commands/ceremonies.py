"""The life of a ceremony, from its plan to its minutes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import BEING_SIGNED, SIGNED_BY_ALL, Agreement, AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import AHEAD, Attendee, Ceremony, Codes, Missing
from services.agreements.commands.families import parent_of
from services.agreements.commands.integrity import require_untampered
from services.agreements.commands.passing import led_to
from services.agreements.commands.vetting import mandated_on, names_of
from services.agreements.errors.ceremonies import (
    AgreementOver,
    AlreadyInACeremony,
    NotAtTheTable,
    OrderNotKept,
    TakenUpInTheCeremony,
)
from services.agreements.errors.documents import FileLost
from services.agreements.errors.families import ParentNotSigned
from services.agreements.errors.signing import TextTampered
from services.agreements.jurisdiction import owns_or_supervises
from services.agreements.minutes import (
    TOLD_OF_SIGNING,
    Minutes,
    Strike,
    course_of,
    draw_up,
    entry_of,
    taken_up,
    unnamed,
)
from services.agreements.papers import require_printable
from services.agreements.parameters import parameters
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, CEREMONIES, AssociationStandingRow
from shared.actor import NATIONAL, Actor
from shared.audit import canonical
from shared.clock import business_date, now, today
from shared.database import Transaction, Work
from shared.ids import new_id
from shared.messaging import journal
from shared.refusals import Refusal
from shared.store import digest, put_text
from shared.territory import MINISTRY_ID

OVER = SIGNED_BY_ALL | {AgreementState.cancelled}


async def plan_ceremony(
    db: Work,
    *,
    title: Bilingual,
    place: Bilingual | None,
    planned_for: datetime,
    agreements: Sequence[UUID],
    by: Actor,
) -> Ceremony:
    """Plan a ceremony with its order of business.

    Refuses OrderNotKept, AgreementOver, AlreadyInACeremony, CharactersNotPrintable.
    """
    PERMISSIONS.allow(by, "plan_ceremony")
    for each in (title, place):
        require_printable(f"{each.ar} {each.fr}" if each else "")
    async with db.transaction(by.scope) as tx:
        listed = await _locked(tx, agreements)
        _require_kept(by, listed)
        await _require_signable(tx, listed)
        id, order = new_id(), _visible(agreements, listed)
        about: Any = {"title": title, "place": place, "planned_for": planned_for}
        about |= {"parties": _parties(listed.values()), "academy": _keeper(listed)}
        events = Ceremony.plan(id, agreements=order, **about)
        return await CEREMONIES.record(tx, Ceremony(id=id), events, by=by)


async def postpone_ceremony(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Ceremony:
    """Put a ceremony off until it has a new date."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "postpone_ceremony", by, expected)
        return await CEREMONIES.record(tx, ceremony, ceremony.postpone(reason), by=by)


async def reschedule_ceremony(
    db: Work, id: UUID, *, planned_for: datetime, by: Actor, expected: int | None = None
) -> Ceremony:
    """Give a postponed ceremony its new date."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "reschedule_ceremony", by, expected)
        return await CEREMONIES.record(tx, ceremony, ceremony.reschedule(planned_for), by=by)


async def name_chair(db: Work, id: UUID, *, chair: Attendee, by: Actor, expected: int | None = None) -> Ceremony:
    """Say who presides, for the ministry or a party of one of the agreements. Refuses NotAtTheTable for another."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "name_chair", by, expected)
        if chair.organisation_id != MINISTRY_ID:
            await _require_at_the_table(tx, ceremony, chair)
        return await CEREMONIES.record(tx, ceremony, ceremony.name_chair(chair), by=by)


async def admit_attendee(db: Work, id: UUID, *, attendee: Attendee, by: Actor) -> Ceremony:
    """Give somebody a seat for a party of one of the agreements. Refuses NotAtTheTable for another organisation."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "admit_attendee", by, None)
        await _require_at_the_table(tx, ceremony, attendee)
        return await CEREMONIES.record(tx, ceremony, ceremony.admit(attendee), by=by)


async def release_attendee(db: Work, id: UUID, *, attendee: Attendee, by: Actor) -> Ceremony:
    """Take back the seat of somebody who left, or was seated by mistake. Refuses NotSeated."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "release_attendee", by, None)
        return await CEREMONIES.record(tx, ceremony, ceremony.release(attendee), by=by)


async def change_order(
    db: Work, id: UUID, *, agreements: Sequence[UUID], by: Actor, expected: int | None = None
) -> Ceremony:
    """Put the agreements into another order of business, others among them.

    Refuses OrderNotKept, AgreementOver and AlreadyInACeremony for those that come, OrderLeavesOut.
    """
    async with db.transaction(by.scope) as tx:
        # As those who sign do: the agreements first, so that nobody waits in a circle.
        listed = await _locked(tx, agreements)
        ceremony = await _ceremony(tx, id, "change_order", by, expected)
        _require_kept(by, listed)
        await _require_signable(tx, {id: each for id, each in listed.items() if id not in ceremony.agreements})
        kept: Any = {"parties": _parties(listed.values()), "academy": _keeper(listed)}
        events = ceremony.change_order(_visible(agreements, listed), **kept)
        return await CEREMONIES.record(tx, ceremony, events, by=by)


async def strike_agreement(
    db: Work, id: UUID, *, agreement_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Ceremony:
    """Take an agreement off the order of business: it is signed another day, or not at all.

    Refuses TakenUpInTheCeremony once a party has signed or declined it in the sitting; NotInTheCeremony,
    AgreementsMissing, CharactersNotPrintable: the minutes tell the reason.
    """
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "strike_agreement", by, expected)
        require_printable(reason)
        agreement = await AGREEMENTS.read(tx, agreement_id)
        others = [await AGREEMENTS.read(tx, each) for each in ceremony.agreements if each != agreement_id]
        theirs: Any = {"organisations": _parties([agreement]), "parties": _parties(others)}
        events = ceremony.strike(agreement_id, reason=reason, **theirs)
        if taken_up(ceremony, agreement, await journal.past(tx, agreement_id, types=TOLD_OF_SIGNING)):
            raise TakenUpInTheCeremony(agreement=agreement_id)
        return await CEREMONIES.record(tx, ceremony, events, by=by)


async def call_agreement(db: Work, id: UUID, *, agreement_id: UUID, by: Actor) -> Ceremony:
    """Put an agreement of the order on the table, and on the screens."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "call_agreement", by, None)
        return await CEREMONIES.record(tx, ceremony, ceremony.call(agreement_id), by=by)


async def prepare_ceremony(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Ceremony:
    """Open the lobby. Refuses LobbyNotReady while a text is not frozen or a party could not sign today."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "prepare_ceremony", by, expected)
        day = business_date(at or now())
        listed = await _order(tx, ceremony, day)
        missing = await _missing(tx, ceremony, listed, day)
        events = ceremony.prepare(missing, codes=_codes(listed), parties=_parties(listed))
        return await CEREMONIES.record(tx, ceremony, events, by=by)


async def open_ceremony(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Ceremony:
    """Begin the ceremony. Refuses NoChair, BeforeItsDay, LobbyNotReady, SeatsNotQuorate."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "open_ceremony", by, expected)
        ceremony.require("open_ceremony")
        at = at or now()
        listed = await _order(tx, ceremony, business_date(at))
        missing = await _missing(tx, ceremony, listed, business_date(at))
        events = ceremony.open(missing, at, codes=_codes(listed), ahead=parameters().ceremony_days)
        return await CEREMONIES.record(tx, ceremony, events, by=by)


async def interrupt_ceremony(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Ceremony:
    """Pause the ceremony. Refuses CharactersNotPrintable: the minutes tell the reason."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "interrupt_ceremony", by, expected)
        require_printable(reason)
        return await CEREMONIES.record(tx, ceremony, ceremony.interrupt(reason), by=by)


async def resume_ceremony(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Ceremony:
    """Go on with an interrupted ceremony."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "resume_ceremony", by, expected)
        return await CEREMONIES.record(tx, ceremony, ceremony.resume(), by=by)


async def close_ceremony(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Ceremony:
    """End the ceremony and draw up its minutes; what was not signed stays ready to sign."""
    async with db.transaction(by.scope) as tx:
        # The lock waits for signatures under way in this ceremony; later ones find it closed.
        ceremony = await _ceremony(tx, id, "close_ceremony", by, expected)
        ceremony.require("close_ceremony")
        at = at or now()
        listed = await _order(tx, ceremony, business_date(at))
        told, told_of = await _told(tx, ceremony, listed, at)
        minutes = {language: await put_text(tx, draw_up(told, language)) for language in ("ar", "fr")}
        record = await put_text(tx, canonical(told.model_dump(mode="json")).decode())
        signed = [each.id for each in listed if each.state in SIGNED_BY_ALL]
        events = ceremony.close(signed=signed, minutes=minutes, record=record, codes=_codes(told_of), at=at)
        return await CEREMONIES.record(tx, ceremony, events, by=by, at=at)


async def adopt_minutes(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Ceremony:
    """Adopt the minutes drawn up at the closing, in both languages."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "adopt_minutes", by, expected)
        minutes_hash = digest(canonical(ceremony.minutes).decode())
        return await CEREMONIES.record(tx, ceremony, ceremony.adopt_minutes(minutes_hash), by=by)


async def cancel_ceremony(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Ceremony:
    """Give a ceremony up."""
    async with db.transaction(by.scope) as tx:
        ceremony = await _ceremony(tx, id, "cancel_ceremony", by, expected)
        return await CEREMONIES.record(tx, ceremony, ceremony.cancel(reason), by=by)


async def _ceremony(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None) -> Ceremony:
    ceremony = await CEREMONIES.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, ceremony)
    return ceremony


async def _order(tx: Transaction, ceremony: Ceremony, day: date) -> list[Agreement]:
    """The agreements of the order of business, as they are on the day.

    Without locks, as signers hold theirs while they wait for ours: what time has made is recorded by whoever signs.
    """
    return [await led_to(tx, await AGREEMENTS.read(tx, id), day) for id in ceremony.agreements]


async def _told(
    tx: Transaction, ceremony: Ceremony, listed: Sequence[Agreement], at: datetime
) -> tuple[Minutes, Sequence[Agreement]]:
    """What the minutes tell, and of which agreements: those of the order, and those that were struck."""
    assert ceremony.opened_at is not None, "closed without having been opened"
    course = course_of(await journal.past(tx, ceremony.id))
    struck = {id: await AGREEMENTS.read(tx, id) for id in course.struck}
    names = await names_of(tx, {*course.present, *course.chairs})
    entries = [entry_of(ceremony, each, await journal.past(tx, each.id, types=TOLD_OF_SIGNING)) for each in listed]
    told = Minutes(
        title=ceremony.title,
        place=ceremony.place,
        planned_for=ceremony.planned_for,
        opened_at=ceremony.opened_at,
        closed_at=at,
        chairs=tuple(names.get(each) or unnamed(each) for each in course.chairs),
        present={each: names.get(each) or unnamed(each) for each in course.present},
        pauses=tuple(course.pauses),
        entries=tuple(entries),
        struck=tuple(
            Strike(agreement_id=id, reference=each.reference, title=each.title, at=when, reason=reason)
            for (id, each), (when, reason) in zip(struck.items(), course.struck.values(), strict=True)
        ),
    )
    return told, [*listed, *struck.values()]


def _parties(listed: Iterable[Agreement]) -> list[UUID]:
    return sorted({party.organisation_id for each in listed for party in each.parties})


def _codes(listed: Sequence[Agreement]) -> Codes:
    return {each.id: each.visible_to() for each in listed}


async def _require_at_the_table(tx: Transaction, ceremony: Ceremony, attendee: Attendee) -> None:
    if attendee.organisation_id not in _parties(await _order(tx, ceremony, today())):
        raise NotAtTheTable(organisation=attendee.organisation_id)


async def _locked(tx: Transaction, agreements: Sequence[UUID]) -> dict[UUID, Agreement]:
    """Locked, so that two plans cannot take the same agreement."""
    return {each.id: each for each in await AGREEMENTS.load_many(tx, agreements)}


def _visible(order: Sequence[UUID], agreements: Mapping[UUID, Agreement]) -> Codes:
    return {each: agreements[each].visible_to() for each in order}


def _keeper(agreements: Mapping[UUID, Agreement]) -> str | None:
    """The academy that keeps all of them."""
    keepers = {each.academy for each in agreements.values()}
    return keepers.pop() if len(keepers) == 1 else None


def _require_kept(by: Actor, agreements: Mapping[UUID, Agreement]) -> None:
    if others := [each for each in agreements.values() if not owns_or_supervises(by, each)]:
        raise OrderNotKept(agreements=[each.id for each in others], names=[each.title.model_dump() for each in others])


async def _missing(tx: Transaction, ceremony: Ceremony, listed: Sequence[Agreement], day: date) -> Missing:
    """As `missing_for`: who may sign for the others is nothing that an academy sees otherwise."""
    async with tx.widened(NATIONAL):
        return await missing_for(tx, ceremony, listed, day)


async def _require_signable(tx: Transaction, agreements: Mapping[UUID, Agreement]) -> None:
    """Refuse AgreementOver, and AlreadyInACeremony."""
    if over := [each for each in agreements.values() if each.state in OVER]:
        raise AgreementOver(agreements=[each.id for each in over], names=[each.title.model_dump() for each in over])
    ceremony = CEREMONIES.table.c
    query = select(ceremony.id, ceremony.agreements, ceremony.planned_for).where(
        ceremony.agreements.overlap([*agreements]), ceremony.status.in_(AHEAD)
    )
    for id, taken, planned_for in (await tx.execute(query)).all():
        agreement = next(each for each in agreements.values() if each.id in taken)
        title = agreement.title.model_dump()
        raise AlreadyInACeremony(agreement=agreement.id, title=title, ceremony=id, planned_for=planned_for)


async def missing_for(tx: Transaction, ceremony: Ceremony, listed: Sequence[Agreement], day: date) -> Missing:
    """What each agreement of the order lacks on this day to be signed in the ceremony; nothing for those that are.

    Of a group of which some are enough, nobody is missing once enough of its members may sign and are seated.
    """
    signing = {party.organisation_id for each in listed for party in each.missing_signatures}
    standing = col(AssociationStandingRow.standing)
    query = select(AssociationStandingRow.id).where(
        col(AssociationStandingRow.id).in_(signing), standing != "accredited"
    )
    barred = {*(await tx.exec(query)).all()}
    missing: Missing = {}
    for agreement in listed:
        if agreement.state in SIGNED_BY_ALL:
            continue
        own = [party.organisation_id for party in agreement.missing_signatures]
        if agreement.state == AgreementState.cancelled:
            missing[agreement.id] = {"cancelled": own}
            continue
        if not own:  # drafted before that was refused: nobody signs what it says
            missing[agreement.id] = {"text": [party.organisation_id for party in agreement.parties]}
            continue
        lacks = await _signers_missing(tx, ceremony, agreement, barred, day)
        if not await _parent_allows(tx, ceremony, agreement):
            lacks = {"parent": own} | lacks
        if agreement.state not in BEING_SIGNED:
            lacks = {"text": own} | lacks
        else:
            if not agreement.offered_on(day):
                lacks = {"offer": own} | lacks
            if await _is_tampered(tx, agreement):
                lacks = {"tampered": own} | lacks
        if lacks := {what: those for what, those in lacks.items() if those}:
            missing[agreement.id] = lacks
    return missing


async def _signers_missing(
    tx: Transaction, ceremony: Ceremony, agreement: Agreement, barred: Collection[UUID], day: date
) -> dict[str, list[UUID]]:
    """What keeps a group below its number: whose mandate, whose accreditation, whose seat."""
    order = agreement.signing_order
    mandated = await mandated_on(tx, agreement, [each.organisation_id for each in order.awaited], day)
    able = [each for each in order.awaited if mandated.get(each.organisation_id) and each.organisation_id not in barred]
    seated = {attendee.organisation_id for attendee in ceremony.attendees}
    short = [each.organisation_id for each in order.awaited_beside([each.party_id for each in able])]
    there = [each.party_id for each in able if each.organisation_id in seated]
    seats = {*short, *(each.organisation_id for each in able)} - seated
    return {
        "mandate": [each for each in short if each not in mandated],
        "scope": [each for each in short if mandated.get(each) is False],
        "accreditation": [each for each in short if each in barred],
        "seat": [each.organisation_id for each in order.awaited_beside(there) if each.organisation_id in seats],
    }


async def _parent_allows(tx: Transaction, ceremony: Ceremony, agreement: Agreement) -> bool:
    """Whether its parent lets it be signed, or is to be signed in the same ceremony, before it."""
    if agreement.parent_id is None:
        return True
    try:
        # Without a lock: the parent's signers hold theirs while they wait for the ceremony.
        (await parent_of(tx, agreement, reading=True)).require_signed(agreement)
    except ParentNotSigned:
        order = ceremony.agreements
        return agreement.parent_id in order[: order.index(agreement.id)]
    except Refusal:
        return False
    return True


async def _is_tampered(tx: Transaction, agreement: Agreement) -> bool:
    try:
        await require_untampered(tx, agreement)
    except (TextTampered, FileLost):
        return True
    return False
