"""The live stream over HTTP: server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Send

from services.notifications import commands
from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries import academy_meant
from services.notifications.routes.hosted import AcademyMeant, Streams
from services.notifications.stream import Hub
from shared.web import CurrentActor, Db, Language, TokenExpiry

router = APIRouter(prefix="/api/v1", tags=["notifications"])

COME_BACK = 2000
"""Milliseconds after which a client whose stream ended opens it again."""
UNKEPT = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Nobody on the way keeps frames, or holds them back."""
FRAME = {
    "type": "object",
    "properties": {
        "data": {"type": "string"},
        "event": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
}
"""A server-sent event as OpenAPI 3.2 (4.14.4) describes it."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream that may be opened."""

    hub: Hub
    academy: str
    after: int | None
    language: str
    until: datetime


async def _followed(
    by: CurrentActor,
    db: Db,
    streams: Streams,
    language: Language,
    until: TokenExpiry,
    academy: AcademyMeant = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="the id of the last event received: what came since is repeated")
    ] = None,
) -> Followed:
    # Here and not in the stream: once a stream has begun, nothing can be refused any more.
    PERMISSIONS.allow(by, "read_stream")
    followed = Followed(streams, academy_meant(academy, by), last_event_id, language, until)
    await commands.make_known(db, language=language, by=by)
    return followed


class LiveStream(StreamingResponse):
    """Frames that are ready to be written. FastAPI's own way hands each from task to task, for every open stream."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Write them; whoever goes away is followed no more at once."""
        async with aclosing(cast("AsyncGenerator[bytes, None]", self.body_iterator)):
            await super().stream_response(send)


@router.get(
    "/notifications/stream",
    response_class=LiveStream,
    responses={200: {"content": {"text/event-stream": {"itemSchema": FRAME}}}},
)
async def read_stream(followed: Annotated[Followed, Depends(_followed)]) -> LiveStream:
    """What an academy is told, as it happens (server-sent events); ends when the access token does."""
    return LiveStream(_frames(followed), headers=UNKEPT)


async def _frames(followed: Followed) -> AsyncGenerator[bytes, None]:
    async with followed.hub.follow(followed.academy, after=followed.after, until=followed.until) as entries:
        yield format_sse_event(comment="following", retry=COME_BACK)
        async for entry in entries:
            yield _frame(entry[1], followed.academy, entry[0], followed.language) if entry else KEEPALIVE_COMMENT


@lru_cache(maxsize=1024)
def _frame(notice: Notice, academy: str, sequence: int, language: str) -> bytes:
    """What all open streams of an academy and language share."""
    body = notice.body(academy=academy, sequence=sequence, language=language).decode()
    return format_sse_event(id=str(sequence), event=notice.type, data_str=body)
