"""A running system to break: real processes with short leases, a load of real commands, real receivers."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from uuid import UUID

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from services.agreements import commands as agreements
from services.agreements.agreement import Agreement
from services.agreements.tests import builders
from services.notifications.commands import register_endpoint
from services.notifications.settings import NotificationsSettings
from shared.actor import Actor, Role
from shared.database import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.events.catalog import TOPICS
from shared.messaging.broker import Broker, open_broker
from shared.messaging.embedded import migrate_broker
from shared.migrations import migrate
from shared.settings import PlatformSettings, database_on
from shared.territory import ACADEMY_CODES
from tests.failures.process import Process, get_ready
from tests.fixtures.kafka import KafkaServer, a_kafka

LEASE = 1.5
"""Seconds of the relay's lease here."""
LINGERING = (0.0, 0.0, 0.0, 0.05, 0.2)
"""Seconds that transactions of the load stay open after their work."""
ROLLED_BACK = 0.05
"""The part of them that is rolled back."""
PARTS = (
    ("agreements", "relay"),
    ("reporting", "reactions"),
    ("notifications", "reactions"),
    ("notifications", "workers"),
)
"""What runs, each in a process of its own."""


class RolledBack(Exception):
    """A transaction of the load that comes to nothing."""


class Receivers:
    """The academies' webhook receivers: they keep what they got, in order, and can be slow."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.got: dict[str, list[UUID]] = {code: [] for code in ACADEMY_CODES}
        self.unverified = 0
        self.delay = 0.0
        self.arrived = asyncio.Event()

    async def start(self) -> int:
        """Listen on a free port, which this gives; academies have a path each."""
        app = web.Application()
        app.router.add_post("/{code}", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        body = await request.read()
        try:
            Webhook(self.secrets[code]).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.unverified += 1
            return web.Response(status=400)
        self.got[code].append(UUID(request.headers["webhook-id"]))
        self.arrived.set()
        await asyncio.sleep(self.delay)
        return web.Response(status=204)


class System:
    """Everything that runs, and what was acknowledged while it ran."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self.server = EmbeddedPostgres(directory / "database")
        self.kafka: KafkaServer | None = None
        self.receivers = Receivers()
        self.faults = 0
        """Faults so far that may each repeat a page in the topic."""
        self.acknowledged: set[tuple[UUID, int]] = set()
        self.worked_on: set[str] = set()
        """Academies with something acknowledged, since a test last emptied this."""
        self.running: dict[tuple[str, str], Process] = {}
        self._started: list[Process] = []
        self._environment: dict[str, str] = {}

    async def prepare(self) -> None:
        """Databases, topics, receivers and endpoints."""
        get_ready()
        url = await asyncio.to_thread(self.server.start)
        broker = {"MITHAQ_BROKER": "embedded"}
        if self.kind == "kafka":
            self.kafka = await asyncio.to_thread(a_kafka, self.directory / "kafka")
            broker = {"MITHAQ_BROKER": "kafka", "MITHAQ_KAFKA_BOOTSTRAP": self.kafka.bootstrap}
        self._environment = (
            dict(os.environ)
            | broker
            | {
                "MITHAQ_DATABASE_URL": url,
                "MITHAQ_DATA_DIR": str(self.directory),
                "MITHAQ_PORT": "0",
                "MITHAQ_RELAY_LEASE": str(LEASE),
                "MITHAQ_KAFKA_SESSION_TIMEOUT": "3",
                "MITHAQ_OIDC_ISSUER": "https://identity.invalid",
                "MITHAQ_OIDC_JWKS_URL": "https://identity.invalid/jwks",
                "MITHAQ_NOTIFICATIONS_DEADLINE": "2",
                "MITHAQ_NOTIFICATIONS_LEASE": "3",
                "MITHAQ_NOTIFICATIONS_RETRIES": "[0.2,0.4,0.8,1.5,3,3,3,3,3,3,3,3]",
                "MITHAQ_NOTIFICATIONS_BREAKER_PAUSE": "1",
            }
        )
        for service in sorted({service for service, _ in PARTS}):
            await asyncio.to_thread(migrate, service, url)
        await asyncio.to_thread(migrate_broker, url)
        async with self.broker() as port:
            await port.ensure_topics(TOPICS)
        await self._register_endpoints(await self.receivers.start())

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        """The broker as a bystander sees it."""
        settings = {name.removeprefix("MITHAQ_").lower(): value for name, value in self._environment.items()}
        wanted = {name: settings[name] for name in ("broker", "kafka_bootstrap", "database_url") if name in settings}
        broker = open_broker(PlatformSettings.model_validate(wanted), name="bystander")
        try:
            yield broker
        finally:
            await broker.close()

    @asynccontextmanager
    async def database(self, service: str, *, role: str | None = None) -> AsyncIterator[Database]:
        """A service's database, as its owner unless told otherwise."""
        database = Database(database_on(self._environment["MITHAQ_DATABASE_URL"], service), role=role, pool_size=4)
        try:
            yield database
        finally:
            await database.dispose()

    async def start(
        self, service: str, part: str, *, crash_at: str | None = None, stop_at: str | None = None
    ) -> Process:
        """Start a part, perhaps to die or to fall asleep at a point; from now on it is the one of this name."""
        points = {"MITHAQ_CRASH_AT": crash_at, "MITHAQ_STOP_AT": stop_at}
        environment = self._environment | {name: point for name, point in points.items() if point}
        process = Process(service, part, environment, self.directory / f"{service}-{part}.log")
        self._started.append(process)
        self.running[service, part] = await process.start()
        return process

    async def start_all(self) -> None:
        """Start every part that is not running."""
        for part in PARTS:
            if part not in self.running or not self.running[part].running:
                await self.start(*part)

    @asynccontextmanager
    async def load(self, *, seed: int) -> AsyncIterator[None]:
        """Some 20 commands a second on agreements of all academies until the block ends; what was acknowledged is kept.

        Some transactions linger, so that events become visible in another order than they were numbered in; some are
        rolled back.
        """
        stop = asyncio.Event()
        quarters = [ACADEMY_CODES[n::4] for n in range(4)]
        writers = [asyncio.create_task(self._write(random.Random(seed + n), quarters[n], stop)) for n in range(4)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*writers)

    def last_words(self) -> str:
        """The ends of the processes' logs, for whoever looks for the reason of a failure."""
        logs = sorted(self.directory.glob("*.log"))
        return "\n".join(f"{log.name}: {line[:300]}" for log in logs for line in log.read_text().splitlines()[-5:])

    async def end(self) -> None:
        """End everything, and keep nothing."""
        for process in self._started:
            process.kill()
        await self.receivers.stop()
        if self.kafka:
            await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.server.wipe)

    async def _register_endpoints(self, port: int) -> None:
        settings = NotificationsSettings(platform=PlatformSettings(data_dir=self.directory))
        async with self.database("notifications", role="mithaq_app") as database:
            for code in ACADEMY_CODES:
                issued = await register_endpoint(
                    database,
                    academy=code,
                    channel="webhook",
                    address=f"http://127.0.0.1:{port}/{code}",
                    language="fr",
                    keys=settings.key_ring,
                    guard=settings.guard,
                    by=Actor("tests", f"officer-{code}", frozenset({Role.academy_officer}), code),
                )
                assert issued.secret
                self.receivers.secrets[code] = issued.secret

    async def _write(self, chance: random.Random, academies: Sequence[str], stop: asyncio.Event) -> None:
        async with self.database("agreements", role="mithaq_app") as database:
            for academy in cycle(academies):
                if stop.is_set():
                    return
                try:
                    await self._negotiate(academy, database, chance)
                except Exception:
                    # Rolled back, or the database is away: what was not acknowledged is nobody's promise.
                    await asyncio.sleep(0.2)

    async def _negotiate(self, academy: str, database: Database, chance: random.Random) -> None:
        by = builders.officer(academy)
        terms, clauses = builders.regional(academy), builders.clauses()
        agreement: Agreement | None = None
        for command in (None, agreements.open_negotiation, agreements.submit_for_review):
            await asyncio.sleep(chance.uniform(0.1, 0.3))
            async with database.transaction(by.scope) as tx:
                async with tx.begin_nested():
                    if command is None or agreement is None:
                        agreement = await agreements.draft_agreement(tx, terms, clauses=clauses, by=by)
                    else:
                        agreement = await command(tx, agreement.id, by=by)
                await asyncio.sleep(chance.choice(LINGERING))
                if chance.random() < ROLLED_BACK:
                    raise RolledBack
            self.acknowledged.add((agreement.id, agreement.version))
            self.worked_on.add(academy)
