"""The HTTP server of a process: it starts quietly, and stops gracefully and in bounded time."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from types import FrameType
from typing import Any, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import telemetry

T = TypeVar("T")
REQUESTS_GRACE = 10
"""Seconds that running requests get to finish after SIGTERM."""
KEEP_ALIVE = 75
"""Seconds that a connection may rest: longer than clients and proxies keep one, so that none closes as it is used."""
LONGEST_UNREAD = 30.0
"""Seconds after which a client that takes nothing of what it is sent is cut off (RFC 5482; where the system can)."""


class PortTaken(ValueError):
    """Somebody else listens there; `free` is a port where nobody does."""

    def __init__(self, message: str, *, free: int) -> None:
        super().__init__(message)
        self.free = free


class Stoppable(Protocol):
    """What a process runs: it can be told to stop, and knows when it is beyond help."""

    stop: asyncio.Event
    stuck: bool


async def serve(
    app: ASGIApp, running: Sequence[Stoppable], *, listener: socket.socket, ready: Callable[[], None] = lambda: None
) -> int:
    """Serve until SIGTERM or SIGINT, or until something running is stuck; gives the process's exit code.

    What runs is told to stop at once; requests get REQUESTS_GRACE seconds to finish, unless SIGINT comes twice.
    `ready` is called when the server listens.
    """
    server = Server(app, running, ready=ready)
    await server.serve(sockets=[listener])
    telemetry.flush()
    return 1 if server.stuck else 0


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to this address (port 0: any free one). PortTaken, with a way out, if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections have it from here. An app cannot cut off who reads nothing: what it closes waits to be read first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(LONGEST_UNREAD * 1000))
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        with closing(socket.socket(family, socket.SOCK_STREAM)) as other:
            other.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            free = other.getsockname()[1]
        why = f"cannot listen on {host} port {port} ({error.strerror}): stop what uses it, or set MITHAQ_PORT={free}"
        raise PortTaken(why, free=free) from error
    return listener


def run(process: Coroutine[Any, Any, T]) -> T:
    """Run a process's main coroutine on the fastest event loop there is; gives what it gives."""
    # What was imported stays for good: to look for garbage in it takes a tenth of a second in which nobody is answered.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        return runner.run(process)


class Server(uvicorn.Server):
    """uvicorn, which tells what runs beside it to stop as soon as the signal comes."""

    def __init__(self, app: ASGIApp, running: Sequence[Stoppable], *, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=REQUESTS_GRACE,
                timeout_keep_alive=KEEP_ALIVE,
            )
        )
        self.running = running
        self.ready = ready

    @property
    def stuck(self) -> bool:
        """Whether something is beyond help, so that the process has to end."""
        return any(each.stuck for each in self.running)

    async def startup(self, sockets: Any = None) -> None:
        """Start, and say so once connections are accepted."""
        await super().startup(sockets)
        self.ready()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to end."""
        if counter % 10 == 0 and self.stuck:
            self.tell_to_stop()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        """Begin to stop. The signal ends there: a graceful stop is exit code 0."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.tell_to_stop()

    def tell_to_stop(self) -> None:
        """Take no more work."""
        self.should_exit = True
        for each in self.running:
            each.stop.set()


class EndStreams:
    """ASGI middleware that ends live streams when the service stops: their readers come back with Last-Event-ID."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self.app = app
        self.stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell an app that waits for its client to leave that it has left, and end the answer properly."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        open_stream = False

        async def sending(message: Message) -> None:
            nonlocal open_stream
            if message["type"] == "http.response.start":
                open_stream = any(
                    name == b"content-type" and value.startswith(b"text/event-stream")
                    for name, value in message["headers"]
                )
            elif not message.get("more_body"):
                open_stream = False
            await send(message)

        async def receiving() -> Message:
            waits = asyncio.ensure_future(receive()), asyncio.ensure_future(self.stopping.wait())
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                return waits[0].result() if waits[0].done() else {"type": "http.disconnect"}
            finally:
                for each in waits:
                    each.cancel()

        await self.app(scope, receiving, sending)
        if open_stream and self.stopping.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
