"""The public screen of a ceremony: opened by who holds it, looked at by everybody in the room."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic_core import to_json

from services.agreements import commands
from services.agreements.schemas.ceremonies import ScreenAnswer
from services.agreements.screen import AGAIN, boards, closed, page, shown_now, watching
from shared.language import Wording
from shared.refusals import NotFound
from shared.web import CurrentActor, Db, Once

router = APIRouter(tags=["ceremonies"])

Secret = Annotated[str, Path(max_length=100)]


@router.post("/api/v1/ceremonies/{id}/screens", status_code=201, response_model=ScreenAnswer)
async def open_screen(id: UUID, by: CurrentActor, once: Once) -> Response:
    """A public address that shows the ceremony as it is signed; its secret is shown this once.

    The request repeated under its Idempotency-Key opens no second screen and answers with `path` null: who lost the
    address closes the ceremony's screens and opens another.
    """
    return await once(
        lambda tx: commands.open_screen(tx, id, by=by),
        answer=lambda secret: ScreenAnswer(path=f"/screens/{secret}"),
        location=lambda secret: f"/screens/{secret}",
        unsaid=("path",),
    )


@router.delete("/api/v1/ceremonies/{id}/screens", status_code=204)
async def close_screens(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Close every screen of the ceremony."""
    return await once(lambda tx: commands.close_screens(tx, id, by=by))


@router.get(
    "/screens/{secret}",
    response_class=HTMLResponse,
    responses={404: {"description": "a page that says that the screen is closed, or its address wrong"}},
    openapi_extra={"x-public": True},
)
async def show_screen(secret: Secret, request: Request, db: Db) -> Response:
    """The screen's page; what it shows comes over its stream."""
    nonce, wording = secrets.token_urlsafe(16), request.app.state.wording
    try:
        show = await shown_now(db, secret, wording)
    except NotFound:
        return HTMLResponse(closed(nonce=nonce, wording=wording), 404, headers=_headers(nonce))
    shown = page(show.ceremony, events=f"/screens/{secret}/events", nonce=nonce, wording=wording)
    return HTMLResponse(shown, headers=_headers(nonce))


def _headers(nonce: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": f"default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}'; "
        f"style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Robots-Tag": "noindex",
        "Content-Language": "ar, fr",
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen that is open."""

    secret: str
    database: Db
    wording: Wording


async def _shown(secret: Secret, request: Request, db: Db) -> AsyncIterator[Shown]:
    wording = request.app.state.wording
    with watching(secret):
        # Here and not in the stream: once a stream has begun, nothing can be refused any more.
        await shown_now(db, secret, wording)
        yield Shown(secret, db, wording)


@router.get("/screens/{secret}/events", response_class=EventSourceResponse, openapi_extra={"x-public": True})
async def show_boards(shown: Annotated[Shown, Depends(_shown)]) -> AsyncIterator[ServerSentEvent]:
    """The board whenever it changes (server-sent events), as JSON text of HTML.

    `alive` while nothing changes, so that a screen knows that it is still followed; `over` once nothing more will come.
    """
    yield ServerSentEvent(event="alive", raw_data="0", retry=AGAIN)
    async for change in boards(shown.database, shown.secret, shown.wording):
        if change is None:
            yield ServerSentEvent(event="alive", raw_data="0")
        else:
            number, board = change
            yield ServerSentEvent(id=str(number), event="board", raw_data=to_json(board).decode())
    yield ServerSentEvent(event="over", raw_data="0")
