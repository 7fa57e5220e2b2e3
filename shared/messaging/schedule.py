"""The schedule: what time makes a service do, by one leader at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.lease import Lease
from shared.supervision import wait

log = structlog.get_logger(__name__)

Job = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job and how often it is done (seconds)."""

    id: str
    seconds: float
    job: Job


class Schedule:
    """All jobs of one service.

    A job must be repeatable: it may run again after a crash, or twice around a change of leader. A leader that stood
    still for longer than its lease may commit once more before it hears that another leads.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.entries: list[Entry] = []

    def every(self, *, seconds: float, id: str) -> Callable[[Job], Job]:
        """Register a job to be done at once when this process leads, and then every so many seconds."""

        def register(job: Job) -> Job:
            self.entries.append(Entry(id, seconds, job))
            return job

        return register

    async def run(self, database: Database, stop: asyncio.Event, *, lease: float = 10.0) -> None:
        """Do what is due while leading, until told to stop; then let another lead."""
        leadership = Lease("schedule", lasting=lease)
        due: dict[str, float] = {}
        while not stop.is_set():
            if await leadership.keep(database):
                await self._lead(database, leadership, due)
            await wait(stop, min([lease / 3, *(entry.seconds for entry in self.entries)]))
        async with database.transaction(NATIONAL) as tx:
            await leadership.release(tx)

    async def _lead(self, database: Database, leadership: Lease, due: dict[str, float]) -> None:
        """Do what is due, however long it takes; once another may lead, what is not committed is given up."""
        over = asyncio.Event()
        working = asyncio.create_task(self._work(database, due))
        working.add_done_callback(lambda _: over.set())
        try:
            while not await wait(over, leadership.lasting.total_seconds() / 3):
                if not await leadership.keep(database):
                    log.warning("deposed", service=self.service)
                    break
        finally:
            working.cancel()
            await asyncio.wait([working])

    async def _work(self, database: Database, due: dict[str, float]) -> None:
        for entry in self.entries:
            if time.monotonic() < due.get(entry.id, 0):
                continue
            try:
                await entry.job(database)
                due[entry.id] = time.monotonic() + entry.seconds
            except Exception:
                # Its turn comes again soon, and the others must not wait for that.
                log.exception("job fails", service=self.service, job=entry.id)
