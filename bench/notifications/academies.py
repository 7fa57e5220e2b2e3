"""The twelve academies of these benchmarks: their endpoints, what they are owed, and what arrived."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
from sqlalchemy import text

from bench.environment import databases, ended, free_port, plain_environment, wait_until_ready
from services.notifications.commands import register_endpoint
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from shared.actor import NATIONAL, Actor, Role
from shared.database import Database
from shared.events.agreements import AgreementSubmittedForReview
from shared.settings import PlatformSettings
from shared.territory import ACADEMY_CODES

OPERATOR = Actor("https://identity.example", "bench", frozenset({Role.operator}), "national")
PADDING = 560
"""Characters of filling that make a webhook's body 1 KB."""

NOTICES = text(f"""
    insert into notice
        (event_id, type, subject, version, time, audience, data, names, reach, provinces, actor, correlation)
    select gen_random_uuid(), '{AgreementSubmittedForReview.type}', subject, 1, clock_timestamp(),
           cast(:codes as text[]),
           jsonb_build_object('agreement_id', subject, 'academy', 'MA-06', 'filling', repeat('x', {PADDING})), '{{}}',
           array['national'] || cast(:codes as text[]), '{{}}', 'bench', subject
    from (select gen_random_uuid() as subject from generate_series(1, :events)) subjects
""")
ENTRIES = text("""
    insert into feed_entry (academy, sequence, event_id)
    select academy, row_number() over (partition by academy order by event_id), event_id
    from notice, unnest(audience) academy
""")
HEADS = text("insert into feed_head (academy, last) select academy, max(sequence) from feed_entry group by academy")
FEEDS = text("""
    select academy, array_agg(event_id::text order by sequence) as ids from feed_entry group by academy
""")
DELIVERIES = text("""
    insert into delivery (endpoint_id, academy, event_id, sequence, state, attempts, next_attempt_at)
    select endpoint_id, academy, event_id, sequence, 'waiting', 0, clock_timestamp()
    from feed_entry join lane using (academy) order by sequence
""")
DUE = text("update lane set due_at = clock_timestamp()")
TOLD = "notice, feed_entry, feed_head, delivery, attempt"
PATIENCE = aiohttp.ClientTimeout(total=600)
WAITING = text("select exists (select from delivery where state = 'waiting')")


class Academies:
    """Twelve academies with one webhook receiver each, in a process of their own."""

    def __init__(
        self, owner: Database, app: Database, settings: NotificationsSettings, port: int, concurrency: int
    ) -> None:
        self.concurrency = concurrency
        self.owner = owner
        self.app = app
        self.settings = settings
        self.url = f"http://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession()
        for code in ACADEMY_CODES:
            await register_endpoint(
                self.app,
                academy=code,
                channel="webhook",
                address=f"{self.url}/{code}",
                language="fr",
                concurrency=self.concurrency,
                keys=self.settings.key_ring,
                guard=self.settings.guard,
                by=OPERATOR,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def owe(self, events: int) -> int:
        """Owe this many new events to every academy, and nothing else; the number of deliveries."""
        async with self.owner.transaction(NATIONAL) as tx:
            await tx.execute(text(f"truncate {TOLD}"))
            for step in (NOTICES, ENTRIES, HEADS, DELIVERIES, DUE):
                await tx.execute(step, {"codes": list(ACADEMY_CODES), "events": events} if step is NOTICES else {})
        async with self.owner.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text(f"vacuum analyze {TOLD}, lane"))
        return events * len(ACADEMY_CODES)

    async def settled(self, count: int) -> None:
        """Wait until so much has arrived since the last look, and until all of it is written down as delivered."""
        async with self.session.get(f"{self.url}/arrived/{count}", timeout=PATIENCE) as answer:
            answer.raise_for_status()
        await self.delivered()

    async def delivered(self, within: float = 600.0) -> None:
        """Wait until nothing is owed any more."""
        async with asyncio.timeout(within):
            while await self._waits():  # noqa: ASYNC110 - what ends in another process rings nowhere here
                await asyncio.sleep(0.01)

    async def _waits(self) -> bool:
        async with self.app.transaction(NATIONAL) as tx:
            return bool((await tx.execute(WAITING)).scalar_one())

    async def feeds(self) -> dict[str, list[str]]:
        """The ids in each academy's feed, in order."""
        async with self.app.transaction(NATIONAL) as tx:
            return {row.academy: row.ids for row in await tx.execute(FEEDS)}

    async def behave(self, behaviours: Mapping[str, str]) -> None:
        """Let these academies behave like this, and all others well."""
        async with self.session.put(f"{self.url}/behaviour", json=behaviours) as answer:
            answer.raise_for_status()

    async def arrived(self) -> dict[str, list[tuple[str, float]]]:
        """What arrived since the last look by academy: webhook-id and moment, in order."""
        async with self.session.get(f"{self.url}/arrived") as answer:
            found: dict[str, Any] = await answer.json()
        return {code: [(id, at) for id, at in each] for code, each in found.items()}


@asynccontextmanager
async def sending(receivers: Academies) -> AsyncIterator[None]:
    """A sender that sends to them inside the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(Sender(receivers.settings, receivers.app).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@contextmanager
def a_receiving_process() -> Iterator[int]:
    """The receivers' process inside the block; its port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.notifications.receivers", str(port)]
    with ended(subprocess.Popen(command, env=plain_environment())) as process:
        wait_until_ready(port, "/behaviour", process)
        yield port


@asynccontextmanager
async def academies(server_url: str, *, concurrency: int = 1, **changes: Any) -> AsyncIterator[Academies]:
    """The academies inside the block, each in order or sent so many messages at once.

    `changes` are to the settings under which they are sent to.
    """
    with tempfile.TemporaryDirectory(prefix="mithaq-bench-") as directory, a_receiving_process() as port:
        settings = NotificationsSettings(platform=PlatformSettings(data_dir=Path(directory)), **changes)
        async with databases(server_url, "notifications") as (owner, app, _):
            async with owner.transaction(NATIONAL) as tx:
                await tx.execute(text(f"truncate {TOLD}, lane, endpoint, endpoint_secret, journal"))
            async with Academies(owner, app, settings, port, concurrency) as made:
                yield made
