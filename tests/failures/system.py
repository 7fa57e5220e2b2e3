"""A running system to break: real processes with short leases, a load of real commands, real receivers."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from services.agreements import commands as agreements
from services.agreements.tests import builders
from services.notifications.commands import register_endpoint
from services.notifications.settings import NotificationsSettings
from shared.actor import Actor, Role
from shared.database import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.messaging.broker import Broker, open_broker
from shared.messaging.embedded import migrate_broker
from shared.migrations import migrate
from shared.settings import PlatformSettings, database_on
from shared.territory import ACADEMY_CODES
from tests.fixtures.kafka import KafkaServer, a_kafka
from tests.fixtures.run import end_with_the_run

ROOT = Path(__file__).parents[2]
LEASE = 1.5
"""Seconds of the relay's lease here."""
TOPICS = ("agreements.agreement", "agreements.ceremony", "centers.center", "network.association")
SERVICES = ("agreements", "notifications", "reporting")
KILLS = 20 if os.environ.get("MITHAQ_FAULTS") == "full" else 5
"""Kills per row of the fault matrix."""


class Process:
    """One part of one service, in a process of its own."""

    def __init__(self, system: "System", service: str, *parts: str, crash_at: str | None = None) -> None:
        self.name = " ".join((service, *parts))
        log = system.directory / f"{service}-{'-'.join(parts)}.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}", "--only", *parts],
                env=system.environment | ({"MITHAQ_CRASH_AT": crash_at} if crash_at else {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=ROOT,
            )
        end_with_the_run(self.process.pid)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """SIGSTOP: the process keeps its connections and knows nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    async def dies(self, within: float = 30.0) -> None:
        """Wait until it died at its crash point. AssertionError if it did not, or died of something else."""
        await asyncio.wait_for(asyncio.to_thread(self.process.wait), within)
        assert self.process.returncode == -signal.SIGKILL, f"{self.name} ended with {self.process.returncode}"


class Receivers:
    """The academies' webhook receivers: they keep what they got, and can be slow."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.got: dict[str, Counter[str]] = {code: Counter() for code in ACADEMY_CODES}
        self.unverified = 0
        self.delay = 0.0
        self.arrived = asyncio.Event()
        self.port = 0

    async def receive(self, request: web.Request) -> web.Response:
        """Verify and remember."""
        code = request.match_info["code"]
        body = await request.read()
        try:
            Webhook(self.secrets[code]).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.unverified += 1
            return web.Response(status=400)
        self.got[code][request.headers["webhook-id"]] += 1
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
        self.kills = 0
        """Processes killed so far, each of which may repeat a page."""
        self.acknowledged: set[tuple[UUID, int]] = set()
        self.processes: dict[tuple[str, ...], Process] = {}
        self.environment: dict[str, str] = {}

    async def prepare(self) -> None:
        """Databases, topics, receivers and endpoints."""
        url = await asyncio.to_thread(self.server.start)
        assert self.server.pid
        end_with_the_run(os.getpgid(self.server.pid))
        broker = {"MITHAQ_BROKER": "embedded"}
        if self.kind == "kafka":
            self.kafka = await asyncio.to_thread(a_kafka, self.directory / "kafka")
            broker = {"MITHAQ_BROKER": "kafka", "MITHAQ_KAFKA_BOOTSTRAP": self.kafka.bootstrap}
        self.environment = (
            os.environ
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
            }
        )
        for service in SERVICES:
            await asyncio.to_thread(migrate, service, url)
        await asyncio.to_thread(migrate_broker, url)
        async with self.broker() as port:
            await port.ensure_topics(TOPICS)
        await self._register_endpoints(url)

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        """The broker as a bystander sees it."""
        settings = {name.removeprefix("MITHAQ_").lower(): value for name, value in self.environment.items()}
        wanted = {name: settings[name] for name in ("broker", "kafka_bootstrap", "database_url") if name in settings}
        broker = open_broker(PlatformSettings.model_validate(wanted), name="bystander")
        try:
            yield broker
        finally:
            await broker.close()

    @asynccontextmanager
    async def database(self, service: str, *, role: str | None = None) -> AsyncIterator[Database]:
        """A service's database, as its owner unless told otherwise."""
        database = Database(database_on(self.environment["MITHAQ_DATABASE_URL"], service), role=role, pool_size=4)
        try:
            yield database
        finally:
            await database.dispose()

    async def _register_endpoints(self, url: str) -> None:
        app = web.Application()
        app.router.add_post("/{code}", self.receivers.receive)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        port = self.runner.addresses[0][1]
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

    def start(self, service: str, *parts: str, crash_at: str | None = None) -> Process:
        """Start a part; it takes the place of the one of this name."""
        process = self.processes[(service, *parts)] = Process(self, service, *parts, crash_at=crash_at)
        return process

    def start_all(self) -> None:
        """Start every part that is not running."""
        for part in (
            ("agreements", "relay"),
            ("reporting", "reactions"),
            ("notifications", "reactions"),
            ("notifications", "workers"),
        ):
            known = self.processes.get(part)
            if known is None or known.process.poll() is not None:
                self.start(*part)

    @asynccontextmanager
    async def load(self, *, seed: int, per_second: float = 20.0) -> AsyncIterator[None]:
        """Real commands on real agreements of all academies, until the block ends; remembers what was acknowledged."""
        stop = asyncio.Event()
        writers = [asyncio.create_task(self._write(random.Random(seed + n), per_second / 4, stop)) for n in range(4)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*writers)

    async def _write(self, chance: random.Random, per_second: float, stop: asyncio.Event) -> None:
        async with self.database("agreements", role="mithaq_app") as database:
            while not stop.is_set():
                academy = chance.choice(ACADEMY_CODES)
                by = builders.officer(academy)
                try:
                    agreement = await agreements.draft_agreement(
                        database, builders.regional(academy), clauses=builders.clauses(), by=by
                    )
                    self.acknowledged.add((agreement.id, agreement.version))
                    for command in (agreements.open_negotiation, agreements.submit_for_review):
                        await asyncio.sleep(chance.uniform(0.5, 1.5) / per_second)
                        agreement = await command(database, agreement.id, by=by)
                        self.acknowledged.add((agreement.id, agreement.version))
                except Exception:
                    # The database is away. What was not acknowledged is nobody's promise.
                    await asyncio.sleep(0.2)

    async def end(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.kill()
        await self.runner.cleanup()
        if self.kafka:
            await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.server.wipe)
