"""What the twelve academies run on their side: a webhook receiver, a mailbox, a reader of the live stream."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

import aiohttp
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook, WebhookVerificationError

from shared.territory import ACADEMY_CODES

Token = Callable[[], Awaitable[str]]
"""Gives an access token that lasts a while."""
MAIL_DOMAIN = "academies.example"


@dataclass
class Academy:
    """What one academy received, by the event's id."""

    code: str
    secret: str = ""
    webhooks: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] = field(default_factory=dict)
    unverified: int = 0
    emails: Counter[str] = field(default_factory=Counter)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where its e-mails go."""
        return f"{self.code.lower()}@{MAIL_DOMAIN}"

    @property
    def told(self) -> set[str]:
        """All events that it was told of, on any channel."""
        return {*self.webhooks, *self.emails, *self.frames}


class Academies:
    """The receiving side of all academies, on free loopback ports."""

    def __init__(self) -> None:
        self.by_code = {code: Academy(code) for code in ACADEMY_CODES}
        self.mail_port = 0
        self._web_port = 0
        self._readers: list[asyncio.Task[None]] = []

    def __getitem__(self, code: str) -> Academy:
        return self.by_code[code]

    def webhook_url(self, code: str) -> str:
        """Where an academy receives webhooks."""
        return f"http://127.0.0.1:{self._web_port}/{code}"

    async def __aenter__(self) -> "Academies":
        app = web.Application()
        app.router.add_post("/{code}", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._web_port = self._runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        self._mail = await loop.create_server(lambda: SMTP(Mailbox(self)), "127.0.0.1", 0)
        self.mail_port = self._mail.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._runner.cleanup()
        self._mail.close()
        await self._mail.wait_closed()

    def follow(self, code: str, url: str, token: Token) -> None:
        """Read an academy's live stream from now on, also when its token has ended it."""
        self._readers.append(asyncio.create_task(self._read(self[code], url, token)))

    async def _receive(self, request: web.Request) -> web.Response:
        academy = self[request.match_info["code"]]
        body = await request.read()
        try:
            payload = Webhook(academy.secret).verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            academy.unverified += 1
            return web.Response(status=400)
        event = request.headers["webhook-id"]
        academy.webhooks[event] += 1
        academy.types[event] = payload["type"]
        return web.Response(status=204)

    async def _read(self, academy: Academy, url: str, token: Token) -> None:
        # From the beginning on: what is told while the connection is being made is repeated.
        last = "0"
        while True:
            try:
                headers = {
                    "Authorization": f"Bearer {await token()}",
                    "Accept": "text/event-stream",
                    "Last-Event-ID": last,
                }
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(url, headers=headers, timeout=None) as answer,
                ):
                    answer.raise_for_status()
                    async for raw in answer.content:
                        line = raw.decode().rstrip("\n")
                        if line.startswith("id: "):
                            last = line.removeprefix("id: ")
                        elif line.startswith("data: "):
                            notice = json.loads(line.removeprefix("data: "))
                            academy.frames[notice["id"]] = notice
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.5)


class Mailbox:
    """An SMTP server's handler: every e-mail goes to the academy it names."""

    def __init__(self, academies: Academies) -> None:
        self.academies = {academy.address: academy for academy in academies.by_code.values()}

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept whom we know."""
        if address.lower() not in self.academies:
            return "550 no such academy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Note which event it tells: the first part of its Message-ID."""
        message: Message = message_from_bytes(envelope.original_content or b"")
        event = str(message["Message-ID"]).strip("<>").partition(".")[0]
        for address in envelope.rcpt_tos:
            self.academies[address.lower()].emails[event] += 1
        return "250 OK"
