"""Comments over HTTP: threads on an agreement, its clauses and its obligations."""

from collections.abc import Awaitable, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.agreements import commands, queries
from services.agreements.schemas.threads import Comment, OpenPointsAnswer, OpenThread, Participant, ThreadAnswer
from services.agreements.thread import Thread, ThreadState
from shared.actor import Actor
from shared.database import Transaction
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, Page, PageRequest, answer, page

router = APIRouter(prefix="/api/v1/agreements/{id}", tags=["agreements"])


@router.post("/threads", status_code=201, response_model=ThreadAnswer)
async def open_thread(id: UUID, body: OpenThread, by: CurrentActor, once: Once) -> Response:
    """Make a comment on the agreement, or on a clause or an obligation of it as it stands."""
    return await once(
        lambda tx: _told(tx, id, commands.open_thread(tx, id, **body.model_dump(), by=by), by),
        answer=lambda found: found,
        location=lambda found: f"/api/v1/agreements/{id}/threads/{found.id}",
    )


@router.get("/threads", response_model=Listing[ThreadAnswer])
async def read_threads(
    id: UUID,
    by: CurrentActor,
    db: Db,
    wanted: Page,
    state: ThreadState | None = None,
    clause: Annotated[str | None, Query(max_length=100, description="the clause's key")] = None,
    obligation_id: UUID | None = None,
) -> Response:
    """The threads of the agreement, the newest first, each with the comment that opened it."""
    found, next = await queries.threads(
        db, id, state=state, clause=clause, obligation_id=obligation_id, page=wanted, by=by
    )
    return page(wanted, found, next)


@router.get("/threads/{thread_id}", response_model=ThreadAnswer)
async def read_thread(id: UUID, thread_id: UUID, by: CurrentActor, db: Db) -> Response:
    """A thread with all its comments."""
    found = await queries.thread(db, id, thread_id, by=by)
    return answer(found, version=found.version)


@router.post("/threads/{thread_id}/comments", status_code=201, response_model=ThreadAnswer)
async def answer_thread(id: UUID, thread_id: UUID, body: Comment, by: CurrentActor, once: Once) -> Response:
    """Make another comment; nobody's ETag stands in the way."""
    return await once(
        lambda tx: _told(tx, id, commands.answer_thread(tx, id, thread_id, **body.model_dump(), by=by), by),
        answer=lambda found: found,
        location=lambda found: f"/api/v1/agreements/{id}/threads/{found.id}",
    )


@router.post("/threads/{thread_id}/resolution", response_model=ThreadAnswer)
async def resolve_thread(id: UUID, thread_id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Say that the point is settled; the thread stays readable."""
    return await once(
        lambda tx: _told(tx, id, commands.resolve_thread(tx, id, thread_id, by=by, expected=expected), by),
        answer=lambda found: found,
    )


@router.post("/threads/{thread_id}/reopening", response_model=ThreadAnswer)
async def reopen_thread(id: UUID, thread_id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Say that the point is not settled after all."""
    return await once(
        lambda tx: _told(tx, id, commands.reopen_thread(tx, id, thread_id, by=by, expected=expected), by),
        answer=lambda found: found,
    )


@router.get("/open-points", response_model=OpenPointsAnswer)
async def read_open_points(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """How many points are open, by point and by the party that raised them; on every page how many in all."""
    found, next, open = await queries.open_points(db, id, page=wanted, by=by)
    return page(wanted, found, next, open=open)


@router.get("/participants", response_model=Listing[Participant])
async def read_participants(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """Who can be mentioned in a comment: the organisations that take part, then the people of whom it is known."""
    return page(wanted, *among(wanted, await queries.participants(db, id, by=by)))


def among(wanted: PageRequest, found: list[Participant]) -> tuple[Sequence[Participant], str | None]:
    return wanted.within(found, lambda each: (each.person or "", str(each.organisation_id or "")))


async def _told(tx: Transaction, id: UUID, change: Awaitable[Thread], by: Actor) -> ThreadAnswer:
    return await queries.thread(tx, id, (await change).id, by=by)
