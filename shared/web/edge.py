"""The edge of every service: limits, headers and the last answer, around the whole application."""

import re

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import files
from shared.context import acting
from shared.ids import new_id
from shared.telemetry import current_traceparent
from shared.web.problems import TooLarge, answer_to, problem, reader, trace_id_of

MOST_BYTES = 1_000_000
"""The longest body of a request."""
UPLOADS = r"/api/v1/agreements/[^/]+/(?:documents|scans)"
"""The addresses that take a file, as a regular expression that every front door understands."""
SHOWN = r"/v/[^/]+"
"""The addresses that are shown a file; the page there says in its own words what is too long for it."""
MOST_UPLOADED = files.MOST_BYTES + 100_000
"""The longest body at both: a file, and the form around it."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Security headers of every answer; a route that needs others sets its own."""


class Edge:
    """Counts the body, adds the headers, starts the correlation, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        trace_id_of(scope)
        most = most_bytes(scope["path"])
        started = False
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                # FastAPI lets its own HTTPException pass while it reads a body, and hides any other.
                raise HTTPException(413, most)
            return message

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if traceparent := current_traceparent():
                    headers["traceparent"] = traceparent
            await send(message)

        request = Request(scope, receive)
        reader.set(request)
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > most:
            return await problem(request, TooLarge(limit=most))(scope, receive, dressed)
        with acting(correlation_id=new_id()):
            try:
                await self.app(scope, counted, dressed)
            except Exception as error:
                if started:
                    raise
                await answer_to(request, error)(scope, receive, dressed)


def most_bytes(path: str) -> int:
    """The longest body that may be sent there."""
    return MOST_UPLOADED if re.fullmatch(f"{UPLOADS}|{SHOWN}", path) else MOST_BYTES
