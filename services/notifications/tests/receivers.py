"""Real receivers on loopback: webhooks over HTTP and mail over SMTP, as academies run them, well or badly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """A webhook receiver: what it was sent, and how it behaves."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The webhook-id of each request, in order of arrival."""
        return [headers["webhook-id"] for headers, _ in self.received]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the request, then behave."""
        self.received.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return await self.behave(request)

    async def open(self, port: int = 0) -> None:
        """Listen, on a free port unless one is named."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self.tls).start()
        address: Any = self._runner.addresses[0]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{address[1]}/avis"

    async def close(self) -> None:
        """Be gone: what is open is cut, and whoever calls is refused the connection."""
        await self._runner.cleanup()


async def accept(_: web.Request) -> web.StreamResponse:
    """Say yes."""
    return web.Response(text="merci")


def answering(*statuses: int, **headers: str) -> Behaviour:
    """Answer with these statuses in turn; the last one stays."""
    left = list(statuses)

    async def behave(_: web.Request) -> web.StreamResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return behave


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def drip(request: web.Request) -> web.StreamResponse:
    """Answer 200 at once and its body for ever, a byte at a time."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.02)


async def pour(request: web.Request) -> web.StreamResponse:
    """Answer 200 with a body without end, as fast as it goes."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\x00" * 65536)


@dataclass
class Slow:
    """Says yes after a while, and counts how many wait at the same time."""

    seconds: float
    waiting: int = 0
    most: int = 0

    async def __call__(self, _: web.Request) -> web.StreamResponse:
        """Wait, then say yes."""
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(self.seconds)
        self.waiting -= 1
        return web.Response()


@asynccontextmanager
async def receiver(
    behave: Behaviour = accept, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Receiver]:
    """A receiver that listens inside the block, on a free port unless one is named."""
    made = Receiver(behave, tls)
    await made.open(port)
    try:
        yield made
    finally:
        await made.close()


@dataclass
class Mailbox:
    """An SMTP server that keeps what it accepts, and answers recipients with these replies in turn."""

    replies: list[str]
    pause: float = 0.0
    """Seconds before each reply."""
    received: list[EmailMessage] = field(default_factory=list)
    of_sender: list[str] = field(default_factory=list)
    """What it answers the sender in turn, before any recipient is named."""
    of_message: list[str] = field(default_factory=list)
    """What it answers to messages in turn, instead of keeping them."""

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take the sender, or say what the next reply says."""
        reply = self.of_sender.pop(0) if self.of_sender else "250 OK"
        if reply.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take the recipient, or say what the next reply says."""
        await asyncio.sleep(self.pause)
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the message, or say what the next reply says."""
        await asyncio.sleep(self.pause)
        if self.of_message:
            return self.of_message.pop(0)
        self.received.append(message_from_bytes(envelope.content, policy=default))
        return "250 kept"


@asynccontextmanager
async def mailbox(*replies: str, pause: float = 0.0, **options: Any) -> AsyncIterator[tuple[Mailbox, int]]:
    """A mail server that listens inside the block, and its port; `options` are aiosmtpd's."""
    made = Mailbox(list(replies), pause)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(made, enable_SMTPUTF8=True, **options), "127.0.0.1", 0)
    try:
        yield made, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
