"""Calendar feeds over HTTP: made and revoked by people, read by their calendar programs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.agreements import commands, queries
from services.agreements.calendar import feed
from services.agreements.schemas.calendars import CalendarAnswer, CreateCalendar, IssuedCalendarAnswer
from shared.clock import today
from shared.store import digest
from shared.web import CurrentActor, Db, IfNoneMatch, Listing, Once, Page, is_known, page

router = APIRouter(prefix="/api/v1/calendars", tags=["calendars"])

Person = Annotated[
    str | None, Query(max_length=500, description="whose feeds, as `issuer#subject`: oneself if nobody is named")
]


@router.post("", status_code=201, response_model=IssuedCalendarAnswer)
async def create_calendar(body: CreateCalendar, by: CurrentActor, once: Once) -> Response:
    """A calendar feed of what one may see; its address is shown this once.

    The request repeated under its Idempotency-Key tells the same feed with `path` null: who lost the address revokes
    the feed and makes another.
    """
    return await once(
        lambda tx: commands.create_calendar(tx, language=body.language, organisation_id=body.organisation_id, by=by),
        answer=IssuedCalendarAnswer.issued,
        location=lambda _: "/api/v1/calendars",
        unsaid=("path",),
    )


@router.get("", response_model=Listing[CalendarAnswer])
async def read_calendars(by: CurrentActor, db: Db, wanted: Page, person: Person = None) -> Response:
    """One's own feeds, those that were revoked too; whoever heads an organisation reads those of its people."""
    found, next = await queries.calendars(db, person=person, page=wanted, by=by)
    return page(wanted, [CalendarAnswer.of(each) for each in found], next)


@router.post("/{id}/renewal", response_model=CalendarAnswer)
async def renew_calendar(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Let a feed of one's own go on beyond its last day, or answer again, under the same address."""
    return await once(lambda tx: commands.renew_calendar(tx, id, by=by), answer=CalendarAnswer.of)


@router.post("/{id}/revocation", response_model=CalendarAnswer)
async def revoke_calendar(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Let a feed of one's own answer no more; whoever heads an organisation revokes those of its people."""
    return await once(lambda tx: commands.revoke_calendar(tx, id, by=by), answer=CalendarAnswer.of)


@router.head("/{token}.ics", include_in_schema=False)
@router.get("/{token}.ics", openapi_extra={"x-public": True})
async def read_calendar(token: str, request: Request, db: Db, known: IfNoneMatch = None) -> Response:
    """The feed (iCalendar): ceremonies, deadlines, decisions, expiries. Its address is all that is asked for."""
    calendar, appointments = await queries.feed_of(db, token, today=today())
    body = feed(appointments, language=calendar.language, wording=request.app.state.wording)
    headers = {"ETag": f'"{digest(body.decode())}"', "Cache-Control": "private, no-cache"}
    if is_known(headers["ETag"], known):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="text/calendar")
