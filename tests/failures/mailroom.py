"""Sending alone, to be broken: a real database, senders in processes of their own, receivers that can misbehave."""

import asyncio
import os
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web
from aiosmtpd.smtp import SMTP

from services.notifications import commands
from services.notifications.endpoint import Scheme
from services.notifications.identity import Credentials
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, happening, registered, rows, told
from shared.database import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.migrations import migrate
from shared.settings import PlatformSettings, database_on
from tests.failures.process import Process, get_ready
from tests.failures.receiving import Key, Receiver

OVERLAP = timedelta(seconds=1)
"""For how long a replaced secret goes on signing here."""
QUICK = {
    "MITHAQ_NOTIFICATIONS_BREAKER_PAUSE": "0.5",
    "MITHAQ_NOTIFICATIONS_RETRIES": str([0.2] * 500),
}
FEED = """
    select endpoint.id, feed_entry.event_id from endpoint join delivery on delivery.endpoint_id = endpoint.id
    join feed_entry on feed_entry.event_id = delivery.event_id and feed_entry.academy = endpoint.academy
    order by feed_entry.sequence
"""
WAITING = "select count(*) from delivery join lane using (endpoint_id) where state = 'waiting' and enabled"


Misbehaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def loris(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer, a byte at a time, and never get to the end of the head."""
    await reader.read(1)
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Fail, with a body that has no end."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read everything and say nothing."""
    while await reader.read(65536):
        pass


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection once the request has begun to arrive."""
    await reader.read(1)
    writer.transport.abort()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer something that is not HTTP."""
    await reader.read(1)
    writer.write(b"220 smtp.example ESMTP\r\n")
    await writer.drain()


class Gate:
    """Stands before the receivers and misbehaves for some academies; passes everybody else's bytes on as they are."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.behaves: Misbehaviour | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen, on a free port unless one is named, and give it."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._open, return_exceptions=True)

    def cut(self) -> None:
        """Cut what is open."""
        for task in self._open:
            task.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await (self.behaves or self._pass)(reader, writer)
        finally:
            writer.transport.abort()
            self._open.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            await asyncio.wait(
                [asyncio.create_task(_copy(reader, ours)), asyncio.create_task(_copy(theirs, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ours.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while read := await source.read(65536):
            target.write(read)
            await target.drain()


class Mailbox:
    """A mail server that keeps what it was handed, and may die before it says so."""

    def __init__(self) -> None:
        self.kept: Counter[str] = Counter()
        """Messages by their Message-ID, each time that one was handed over in full."""
        self.addressed: dict[str, set[str]] = defaultdict(set)
        """To whom each of them was addressed, ever."""
        self.texts: dict[str, str] = {}
        self.deaths = 0
        self.dies = False
        self.dies_over_each = 0
        """How often it dies over one and the same message."""
        self.pause = 0.0
        self.handed = asyncio.Event()

    async def start(self) -> int:
        """Listen on a free port, which this gives."""
        self._server = await asyncio.get_running_loop().create_server(lambda: SMTP(self), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more."""
        self._server.close()
        await self._server.wait_closed()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the name is aiosmtpd's
        """Keep the message; then say so, or die in between."""
        message = message_from_bytes(envelope.content, policy=default)
        id = str(message["Message-ID"])
        self.kept[id] += 1
        self.addressed[id].update(envelope.rcpt_tos)
        text = message.get_body(("plain",))
        assert text
        self.texts[id] = text.get_content()
        self.handed.set()
        await asyncio.sleep(self.pause)
        if self.dies or self.kept[id] <= self.dies_over_each:
            self.deaths += 1
            server.transport.abort()
        return "250 kept"


def _key(issued: commands.Issued) -> Key:
    """What a receiver verifies with from now on."""
    shown = issued.secret or issued.endpoint.keys[0].public_key
    assert shown
    return Key(shown)


class Mailroom:
    """The database, the senders and the receivers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = EmbeddedPostgres(directory / "database")
        self.receivers: dict[UUID, Receiver] = {}
        self.mailbox = Mailbox()
        self.senders: list[Process] = []
        self._started: list[Process] = []
        self.gates: list[Gate] = []
        """In front of the receivers, in their order."""
        self._by_path: dict[str, Receiver] = {}

    async def prepare(self) -> None:
        """The database, and everything that listens."""
        get_ready()
        url = await asyncio.to_thread(self.server.start)
        await asyncio.to_thread(migrate, "notifications", url)
        self.settings = NotificationsSettings(platform=PlatformSettings(data_dir=self.directory))
        self.database = Database(database_on(url, "notifications"), pool_size=4)
        self._environment = dict(os.environ) | {
            "MITHAQ_DATABASE_URL": url,
            "MITHAQ_DATA_DIR": str(self.directory),
            "MITHAQ_PORT": "0",
            "MITHAQ_BROKER": "embedded",
            "MITHAQ_OIDC_ISSUER": "https://identity.invalid",
            "MITHAQ_OIDC_JWKS_URL": "https://identity.invalid/jwks",
            "MITHAQ_NOTIFICATIONS_SMTP_PORT": str(await self.mailbox.start()),
            **QUICK,
        }
        app = web.Application()
        app.router.add_post("/{code}", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def end(self) -> None:
        """End everything, and keep nothing."""
        for process in self._started:
            process.kill()
        for gate in self.gates:
            await gate.stop()
        await self._runner.cleanup()
        await self.mailbox.stop()
        await self.database.dispose()
        await asyncio.to_thread(self.server.wipe)

    async def add_receiver(self, academy: str) -> None:
        """A new webhook receiver of an academy, behind a gate of its own."""
        gate = self._gate()
        self.gates.append(gate)
        await self._registered(academy, f"http://127.0.0.1:{await gate.start()}")

    @asynccontextmanager
    async def guest(self, academy: str, port: int, credentials: Credentials) -> AsyncIterator[Receiver]:
        """A receiver over TLS at this port inside the block, whoever stands there now."""
        receiver = await self._registered(academy, f"https://127.0.0.1:{port}")
        try:
            await commands.secure_endpoint(
                self.database,
                receiver.endpoint_id,
                credentials=credentials,
                keys=self.settings.key_ring,
                by=OPERATOR,
            )
            yield receiver
        finally:
            await self.disable(receiver.endpoint_id)
            del self.receivers[receiver.endpoint_id]

    @asynccontextmanager
    async def served(self, port: int, tls: ssl.SSLContext) -> AsyncIterator[None]:
        """Let our own receivers be what stands at this port, over TLS, inside the block."""
        gate = self._gate()
        await gate.start(port, tls)
        try:
            yield
        finally:
            await gate.stop()

    async def rotate(self, receiver: Receiver, scheme: Scheme | None = None) -> None:
        """Give a receiver a new secret; the last one is believed until its overlap is over, and no longer."""
        begun = time.time()
        issued = await commands.rotate_secret(
            self.database,
            receiver.endpoint_id,
            keys=self.settings.key_ring,
            overlap=OVERLAP,
            scheme=scheme,
            by=OPERATOR,
        )
        overlap = OVERLAP.total_seconds()
        receiver.learn(_key(issued), lives_until=begun + overlap, ends_by=time.time() + overlap)

    def _gate(self) -> Gate:
        return Gate(int(self._runner.addresses[0][1]))

    async def _registered(self, academy: str, server: str) -> Receiver:
        path = f"r{len(self._by_path)}"
        issued = await registered(self.database, self.settings, f"{server}/{path}", academy=academy)
        receiver = Receiver(academy, issued.endpoint.id, [_key(issued)])
        self.receivers[issued.endpoint.id] = self._by_path[path] = receiver
        return receiver

    async def disable(self, endpoint_id: UUID) -> None:
        """Send nothing more to an endpoint."""
        await commands.disable_endpoint(self.database, endpoint_id, by=OPERATOR)

    async def start(self, *, clock: float = 0.0, crash_at: str = "", patience: int = 1) -> Process:
        """Another sender, perhaps with a clock that is wrong by so many seconds, or one that dies at a point.

        One with patience gives an attempt so many seconds: who demands how each ended is not misled by a slow machine.
        """
        environment = self._environment | {"MITHAQ_TEST_CLOCK": str(clock), "MITHAQ_CRASH_AT": crash_at}
        environment |= {
            "MITHAQ_NOTIFICATIONS_DEADLINE": str(patience),
            "MITHAQ_NOTIFICATIONS_LEASE": str(2 * patience),
        }
        process = Process("notifications", "workers", environment, self.directory / "workers.log")
        self._started.append(process)
        self.senders.append(await process.start())
        return process

    async def crash(self) -> None:
        """Let the database crash, and start it again on its data."""
        await asyncio.to_thread(self.server.end, mode="immediate")
        # What lies open here is broken, and nothing else is open before it starts again.
        await self.database.dispose()
        await asyncio.to_thread(self.server.start)

    async def kill_all(self) -> None:
        """SIGKILL every sender."""
        while self.senders:
            self.senders.pop().kill()

    @asynccontextmanager
    async def load(self, *academies: str, rate: float = 40.0) -> AsyncIterator[None]:
        """So many events a second, each for one academy and every fifth for all of them, until the block ends."""
        stop = asyncio.Event()
        telling = asyncio.create_task(self._tell(academies, 1 / rate, stop))
        try:
            yield
        finally:
            stop.set()
            await telling

    async def at_rest(self) -> bool:
        """Whether nothing is owed any more."""
        ((waiting,),) = await rows(self.database, WAITING)
        assert not waiting, f"{waiting} deliveries wait"
        return True

    async def violations(self, *, in_order: bool = True) -> list[str]:
        """What does not hold of what the receivers got; empty when all is well."""
        due: dict[UUID, list[UUID]] = {}
        for row in await rows(self.database, FEED):
            due.setdefault(row.id, []).append(row.event_id)
        return [
            each
            for id, receiver in self.receivers.items()
            for each in receiver.violations(due.get(id, []), in_order=in_order)
        ]

    def last_words(self) -> str:
        """The end of the senders' log."""
        return "\n".join(line[:300] for line in (self.directory / "workers.log").read_text().splitlines()[-8:])

    async def _receive(self, request: web.Request) -> web.Response:
        receiver = self._by_path[request.match_info["code"]]
        headers = {name.lower(): value for name, value in request.headers.items()}
        believed = receiver.take(headers, await request.read())
        return web.Response(status=204 if believed else 400)

    async def _tell(self, academies: Collection[str], pause: float, stop: asyncio.Event) -> None:
        count = 0
        while not stop.is_set():
            for academy in academies:
                count += 1
                audience = tuple(academies) if count % 5 == 0 else (academy,)
                try:
                    await told(self.database, happening(audience=audience))
                except Exception:
                    # The database is away: what was not committed is nobody's promise.
                    await asyncio.sleep(0.2)
                await asyncio.sleep(pause)
