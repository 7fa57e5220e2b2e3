"""Hosting: a service's parts, started together or one by one, watched, and stopped without losing anything."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import structlog
from fastapi import APIRouter, FastAPI, Response
from sqlalchemy import text

from shared import telemetry
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.messaging.broker import Broker, open_broker
from shared.messaging.parked import alarming
from shared.messaging.reactions import ReactionRunner, Reactions
from shared.messaging.relay import Relay, journal_lag
from shared.messaging.schedule import Schedule
from shared.migrations import head_of
from shared.server import EndStreams, listen, run, serve
from shared.settings import ServiceSettings
from shared.supervision import Loop, wait
from shared.web import NotReady, TokenVerifier, database_check, install
from shared.worker import end_worker

log = structlog.get_logger(__name__)

PARTS = ("api", "relay", "reactions", "schedule", "workers")
"""What a service's process may do; all of it unless told otherwise."""
GRACE = 15.0
"""Seconds that a stopping service gives its loops to finish what they have in hand."""
STUCK = 60.0
"""Seconds without progress, while events wait, after which a reaction is beyond help."""
WATCH = 10.0
"""Seconds between two looks at the lags."""

Worker = Callable[[Database, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """All that a service hands over to be run."""

    name: str
    settings: ServiceSettings
    router: APIRouter
    reactions: Reactions | None = None
    schedule: Schedule | None = None
    wording: Path | None = None
    workers: tuple[Worker, ...] = ()
    """Loops of the service's own (the sending of webhooks, say); each runs until its event is set."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What an operator should know of how it is configured, by a word for it."""


def create_app(service: Service, *, parts: Collection[str] = PARTS, broker: Broker | None = None) -> FastAPI:
    """The service as an ASGI app: its lifespan runs the chosen parts, and health and metrics are always served.

    A `broker` that is given is shared with others and stays open. ValueError without a database URL
    or a safe identity provider.
    """
    hosted = Hosted(service, frozenset(parts), broker)
    app = FastAPI(
        title=f"Mithaq {service.name}",
        version="v1",
        lifespan=hosted.running,
        docs_url=None,
        redoc_url=None,
        telemetry=telemetry.HTTP,
    )
    app.state.hosted = hosted
    install(
        app,
        verifier=TokenVerifier.of(service.settings.platform),
        database=hosted.database,
        wording=service.wording,
        checks=hosted.checks(),
    )
    app.add_api_route("/metrics", _metrics, include_in_schema=False)
    if "api" in parts:
        app.include_router(service.router)
    app.add_middleware(EndStreams, stopping=hosted.stop)
    return app


def main(make: Callable[[], Service]) -> None:
    """Run one service in this process until SIGTERM: `python -m services.<name> [--only PART ...]`."""
    parser = argparse.ArgumentParser(description="Runs one service; configured by MITHAQ_… variables and secret files.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().only
    try:
        service = make()
        platform = service.settings.platform
        telemetry.configure(service.name, service.settings)
        app = create_app(service, parts=parts)
        listener = listen(platform.host, service.settings.port or platform.port)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    raise SystemExit(run(serve(app, [app.state.hosted], listener=listener)))


class Hosted:
    """A service at work in this process: its pools, its broker and its loops.

    Requests, background work and the relay have a pool each, so that none can starve another.
    """

    def __init__(self, service: Service, parts: frozenset[str], broker: Broker | None = None) -> None:
        self.service = service
        self.parts = parts
        self.stop = asyncio.Event()
        """Set to stop: loops finish what they have in hand, live streams end."""
        self.stuck = False
        """Whether a reaction no longer gets anywhere, so that the process should end and be started again."""
        settings = service.settings
        url = settings.database_for(service.name)
        self.database = Database(url, pool_size=settings.pool_size)
        self.background = Database(url, pool_size=settings.background_pool_size)
        self.background.committed = self.database.committed
        self.publishing = Database(url, role="mithaq_relay", pool_size=2)
        self.broker = broker or open_broker(settings.platform, name=f"mithaq-{service.name}")
        self._owns_broker = broker is None
        reactions = service.reactions.all if service.reactions and "reactions" in parts else []
        self.runners = [ReactionRunner(each, self.background, self.broker) for each in reactions]
        self.loops = list(self._loops())
        self._behind_since: dict[str, float] = {}

    @asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the loops inside the block; at its end stop them, wait at most GRACE seconds, close what we opened."""
        tasks = [asyncio.create_task(loop.keep_running(self.stop), name=loop.name) for loop in self.loops]
        try:
            yield
        finally:
            self.stop.set()
            if tasks:
                _done, late = await asyncio.wait(tasks, timeout=GRACE)
                for task in late:
                    log.warning("loop does not stop, cancelled", loop=task.get_name())
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            end_worker()
            if self._owns_broker:
                await self.broker.close()
            for database in (self.database, self.background, self.publishing):
                await database.dispose()

    def checks(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """What /readyz asks, by name; each gives a short line, or raises when this process is not ready."""
        checks: dict[str, Callable[[], Awaitable[str]]] = {
            "database": database_check(self.database),
            "migrations": self._check_migrations,
        }
        if self.runners or "relay" in self.parts:
            checks["broker"] = self._check_broker
        if self.runners:
            checks["consumers"] = self._check_consumers
        if self.loops:
            checks["loops"] = self._check_loops
        return checks

    def _loops(self) -> Iterator[Loop]:
        service, lease = self.service, self.service.settings.platform.relay_lease
        if "relay" in self.parts:
            relay = Relay(service.name, self.publishing, self.broker, lease=lease, woken=self.database.committed)
            yield Loop("relay", relay.run)
        for runner in self.runners:
            yield Loop(runner.group, runner.run)
        if service.schedule and "schedule" in self.parts:
            yield Loop("schedule", partial(service.schedule.run, self.background, lease=lease))
        for worker in service.workers if "workers" in self.parts else ():
            yield Loop(worker.__name__, partial(worker, self.background))
        if self.runners or "relay" in self.parts:
            yield Loop("watch", self._watch)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Keep the gauges true, and notice a reaction that stands still while events wait for it."""
        while not await wait(stop, WATCH):
            name = self.service.name
            if "relay" in self.parts:
                async with self.publishing.transaction(NATIONAL) as tx:
                    _, age = await journal_lag(tx)
                telemetry.journal_lag.set(age, {"service": name})
            if self.runners:
                async with self.background.transaction(NATIONAL) as tx:
                    waiting = sum(await alarming(tx, now()))
                telemetry.parked_events.set(waiting, {"service": name})
            for runner in self.runners:
                await self._watch_runner(runner)

    async def _watch_runner(self, runner: ReactionRunner) -> None:
        lags = await self.broker.lag(runner.group, runner.reaction.topics)
        behind = sum(lag for position, lag in lags.items() if position in runner.assigned)
        telemetry.consumer_lag.set(behind, {"group": runner.group})
        if not behind:
            self._behind_since.pop(runner.group, None)
            return
        since = max(self._behind_since.setdefault(runner.group, time.monotonic()), runner.last_progress)
        if time.monotonic() - since > STUCK:
            log.critical("no progress while events wait", group=runner.group, waiting=behind)
            self.stuck = True

    async def _check_migrations(self) -> str:
        head = self._head
        async with self.database.transaction(NATIONAL) as tx:
            current = (await tx.execute(text("select version_num from alembic_version"))).scalar()
        if current != head:
            raise NotReady(f"at {current}, this version needs {head}")
        return f"at {head}"

    @cached_property
    def _head(self) -> str:
        return head_of(self.service.name)

    async def _check_broker(self) -> str:
        await self.broker.check()
        return self.service.settings.platform.broker

    async def _check_consumers(self) -> str:
        idle = [runner.group for runner in self.runners if not runner.assigned]
        if idle:
            raise NotReady(f"nothing assigned to {', '.join(idle)}")
        return f"{len(self.runners)} groups assigned"

    async def _check_loops(self) -> str:
        down = [str(loop) for loop in self.loops if loop.fault]
        if down:
            raise NotReady("; ".join(down))
        restarted = [str(loop) for loop in self.loops if loop.restarts]
        return "; ".join(restarted) or f"{len(self.loops)} running"


async def _metrics() -> Response:
    body, kind = telemetry.exposition()
    return Response(body, media_type=kind)
