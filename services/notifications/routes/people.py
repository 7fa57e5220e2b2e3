"""A person's own notices over HTTP: preferences and inbox; and the mail that came back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.notifications import commands, queries
from services.notifications.kinds import Queue
from services.notifications.outcome import Result
from services.notifications.preferences import Preferences
from services.notifications.routes.hosted import Settings
from services.notifications.schemas.people import (
    BouncesAnswer,
    CountsAnswer,
    ItemAnswer,
    LetterAttemptAnswer,
    MarkAllRead,
    MarkedAnswer,
    MarkRead,
    PreferencesAnswer,
    ReportBounces,
)
from shared.web import CurrentActor, Db, Language, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])


@router.get("/notifications/preferences", response_model=PreferencesAnswer)
async def read_preferences(by: CurrentActor, db: Db, language: Language) -> Response:
    """How one wants to be told; the usual, in the language one asks in, until one says otherwise."""
    return answer(await queries.preferences(db, language=language, by=by))


@router.put("/notifications/preferences", response_model=PreferencesAnswer)
async def set_preferences(body: Preferences, by: CurrentActor, db: Db) -> Response:
    """Say how one wants to be told. Statutory notices come at once whatever one says."""
    await commands.set_preferences(db, body, by=by)
    return answer(await queries.preferences(db, by=by))


@router.get("/inbox", response_model=Listing[ItemAnswer])
async def read_inbox(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    queue: Queue | None = None,
    unread: Annotated[bool, Query(description="only what was not read")] = False,
    to_do: Annotated[bool, Query(description="only what still asks for something")] = False,
) -> Response:
    """One's inbox, newest first: also of before one came, what waits for one's desk and what concerned one lately."""
    found, next = await queries.inbox(
        db, queue=queue, unread=unread, to_do=to_do, language=language, page=wanted, by=by
    )
    return page(wanted, found, next)


@router.get("/inbox/counts", response_model=CountsAnswer)
async def read_inbox_counts(by: CurrentActor, db: Db, language: Language) -> Response:
    """How much is in one's inbox, by workqueue."""
    return answer(await queries.inbox_counts(db, language=language, by=by))


@router.post("/inbox/reading", response_model=MarkedAnswer)
async def mark_all_read(body: MarkAllRead, by: CurrentActor, once: Once) -> Response:
    """Mark all read, or one workqueue."""
    return await once(
        lambda tx: commands.mark_all_read(tx, queue=body.queue, until=body.until, by=by),
        answer=lambda marked: MarkedAnswer(marked=marked),
    )


@router.post("/inbox/{id}/reading", status_code=204)
async def mark_read(id: UUID, body: MarkRead, by: CurrentActor, once: Once) -> Response:
    """Mark an item read, or unread again."""
    return await once(lambda tx: commands.mark_read(tx, id, read=body.read, by=by))


@router.get("/letter-attempts", response_model=Listing[LetterAttemptAnswer])
async def read_letter_attempts(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    letter_id: UUID | None = None,
    recipient: Annotated[UUID | None, Query(description="a person's id, as explanations name them")] = None,
    result: Result | None = None,
) -> Response:
    """How sending letters to oneself went, and for a desk, to its people; newest first."""
    found, next = await queries.letter_attempts(
        db, letter_id=letter_id, recipient=recipient, result=result, language=language, page=wanted, by=by
    )
    return page(wanted, found, next)


@router.post("/notifications/people/{id}/ending", status_code=204)
async def end_person(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Tell somebody who left nothing any more, until they come back; explanations name people by their ids."""
    return await once(lambda tx: commands.end_person(tx, id, by=by))


@router.post("/notifications/bounces", response_model=BouncesAnswer)
async def report_bounces(body: ReportBounces, by: CurrentActor, once: Once, settings: Settings) -> Response:
    """Hand in a delivery status notification: an address that returns too many letters is written to no more."""
    return await once(
        lambda tx: commands.report_bounces(tx, body.report, most=settings.most_bounces, by=by),
        answer=lambda counted: BouncesAnswer(failed=counted[0], counted=counted[1]),
    )
