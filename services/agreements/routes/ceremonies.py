"""Ceremonies over HTTP: plan, lobby, sitting, minutes."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands, queries
from services.agreements.ceremony import CeremonyState
from services.agreements.schemas.ceremonies import (
    CallAgreement,
    CeremonyAnswer,
    ChangeOrder,
    LobbyAnswer,
    MinutesAnswer,
    PlanCeremony,
    Release,
    RescheduleCeremony,
    Seat,
    StrikeAgreement,
)
from services.agreements.schemas.words import Because
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1/ceremonies", tags=["ceremonies"])


@router.post("", status_code=201, response_model=CeremonyAnswer)
async def plan_ceremony(body: PlanCeremony, by: CurrentActor, once: Once) -> Response:
    """Plan a ceremony with its order of business."""
    return await once(
        lambda tx: commands.plan_ceremony(
            tx, title=body.title, place=body.place, planned_for=body.planned_for, agreements=body.agreements, by=by
        ),
        answer=lambda found: CeremonyAnswer.of(found, by),
        location=lambda found: f"/api/v1/ceremonies/{found.id}",
    )


@router.get("", response_model=Listing[CeremonyAnswer])
async def read_ceremonies(by: CurrentActor, db: Db, wanted: Page, state: CeremonyState | None = None) -> Response:
    """The ceremonies in which an agreement of one's jurisdiction is signed."""
    found, next = await queries.ceremonies(db, state=state, page=wanted, by=by)
    return page(wanted, [CeremonyAnswer.of(each, by) for each in found], next)


@router.get("/{id}", response_model=CeremonyAnswer)
async def read_ceremony(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One ceremony."""
    found = await queries.ceremony(db, id, by=by)
    return answer(CeremonyAnswer.of(found, by), version=found.version)


@router.get("/{id}/lobby", response_model=LobbyAnswer)
async def read_lobby(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """What is missing for each agreement before it can be signed in the ceremony; on every page who is seated."""
    found = await queries.lobby(db, id, page=wanted, by=by)
    return page(wanted, found.items, found.next, chair=found.chair, attendees=found.attendees)


@router.put("/{id}/chair", response_model=CeremonyAnswer)
async def name_chair(id: UUID, body: Seat, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Say who presides."""
    return await once(
        lambda tx: commands.name_chair(tx, id, chair=body.attendee(), by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/attendees", status_code=201, response_model=CeremonyAnswer)
async def admit_attendee(id: UUID, body: Seat, by: CurrentActor, once: Once) -> Response:
    """Give somebody a seat for a party. People arrive together: no If-Match, as nobody spoils another's arrival."""
    return await once(
        lambda tx: commands.admit_attendee(tx, id, attendee=body.attendee(), by=by),
        answer=lambda found: CeremonyAnswer.of(found, by),
        location=lambda found: f"/api/v1/ceremonies/{found.id}/lobby",
    )


@router.post("/{id}/releases", response_model=CeremonyAnswer)
async def release_attendee(id: UUID, body: Release, by: CurrentActor, once: Once) -> Response:
    """Take back the seat of somebody who left, or was seated by mistake. People leave together: no If-Match."""
    return await once(
        lambda tx: commands.release_attendee(tx, id, attendee=body.attendee(), by=by),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.put("/{id}/order", response_model=CeremonyAnswer)
async def change_order(id: UUID, body: ChangeOrder, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put the agreements into another order of business, others among them, before the ceremony opens."""
    return await once(
        lambda tx: commands.change_order(tx, id, agreements=body.agreements, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/strikes", response_model=CeremonyAnswer)
async def strike_agreement(
    id: UUID, body: StrikeAgreement, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take an agreement off the order of business."""
    return await once(
        lambda tx: commands.strike_agreement(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/calls", response_model=CeremonyAnswer)
async def call_agreement(id: UUID, body: CallAgreement, by: CurrentActor, once: Once) -> Response:
    """Put an agreement on the table, and on the screens. The latest call holds: no If-Match."""
    return await once(
        lambda tx: commands.call_agreement(tx, id, agreement_id=body.agreement_id, by=by),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/postponement", response_model=CeremonyAnswer)
async def postpone_ceremony(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put the ceremony off until it has a new date."""
    return await once(
        lambda tx: commands.postpone_ceremony(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/rescheduling", response_model=CeremonyAnswer)
async def reschedule_ceremony(
    id: UUID, body: RescheduleCeremony, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Give the postponed ceremony its new date."""
    return await once(
        lambda tx: commands.reschedule_ceremony(tx, id, planned_for=body.planned_for, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/lobby", response_model=CeremonyAnswer)
async def prepare_ceremony(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Open the lobby: every text is frozen and every party may sign."""
    return await once(
        lambda tx: commands.prepare_ceremony(tx, id, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/opening", response_model=CeremonyAnswer)
async def open_ceremony(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Begin: from here on its agreements are signed in it."""
    return await once(
        lambda tx: commands.open_ceremony(tx, id, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/interruption", response_model=CeremonyAnswer)
async def interrupt_ceremony(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Pause: nothing is signed until the ceremony resumes."""
    return await once(
        lambda tx: commands.interrupt_ceremony(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/resumption", response_model=CeremonyAnswer)
async def resume_ceremony(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Go on."""
    return await once(
        lambda tx: commands.resume_ceremony(tx, id, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/closing", response_model=CeremonyAnswer)
async def close_ceremony(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """End the ceremony; its minutes are drawn up."""
    return await once(
        lambda tx: commands.close_ceremony(tx, id, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.get("/{id}/minutes", response_model=MinutesAnswer)
async def read_minutes(id: UUID, by: CurrentActor, db: Db) -> Response:
    """The minutes, from the closing on."""
    return answer(await queries.minutes(db, id, by=by))


@router.post("/{id}/minutes", response_model=CeremonyAnswer)
async def adopt_minutes(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Adopt the minutes drawn up at the closing."""
    return await once(
        lambda tx: commands.adopt_minutes(tx, id, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )


@router.post("/{id}/cancellation", response_model=CeremonyAnswer)
async def cancel_ceremony(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give the ceremony up."""
    return await once(
        lambda tx: commands.cancel_ceremony(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CeremonyAnswer.of(found, by),
    )
