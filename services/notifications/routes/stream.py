"""The live stream over HTTP: server-sent events."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import AcademyMeant, Settings
from services.notifications.stream import Hub
from shared.web import CurrentActor, Db, Language, TokenExpiry

router = APIRouter(prefix="/api/v1", tags=["notifications"])

COME_BACK = 2000
"""Milliseconds after which a client whose stream ended opens it again."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream that may be opened."""

    hub: Hub
    academy: str
    after: int | None
    language: str
    until: datetime


async def _followed(
    request: Request,
    by: CurrentActor,
    db: Db,
    settings: Settings,
    language: Language,
    until: TokenExpiry,
    academy: AcademyMeant = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="the id of the last event received: what came since is repeated")
    ] = None,
) -> Followed:
    # Here and not in the stream: once a stream has begun, nothing can be refused any more.
    PERMISSIONS.allow(by, "read_stream")
    state = request.app.state
    if not hasattr(state, "hub"):
        state.hub = Hub(db, queue=settings.stream_queue, idle_poll=settings.idle_poll)
    return Followed(state.hub, academy_meant(academy, by), last_event_id, language, until)


@router.get("/notifications/stream", response_class=EventSourceResponse)
async def read_stream(followed: Annotated[Followed, Depends(_followed)]) -> AsyncIterator[ServerSentEvent]:
    """What an academy is told, as it happens (server-sent events); ends when the access token does."""
    async with followed.hub.follow(followed.academy, after=followed.after, until=followed.until) as entries:
        yield ServerSentEvent(comment="following", retry=COME_BACK)
        async for sequence, notice in entries:
            yield _frame(notice, followed.academy, sequence, followed.language)


@lru_cache(maxsize=1024)
def _frame(notice: Notice, academy: str, sequence: int, language: str) -> ServerSentEvent:
    """What all open streams of an academy and language share."""
    body = notice.body(academy=academy, sequence=sequence, language=language).decode()
    return ServerSentEvent(id=str(sequence), event=notice.type, raw_data=body)
