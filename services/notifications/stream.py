"""The live stream: what is told to an academy reaches its open connections at once, and no other academy's.

One reader per process looks at the feed and hands new entries to bounded queues, one per connection, and to those who
wait for something in the feed. A connection that falls behind is ended; its client comes back with Last-Event-ID and
reads the rest from the table.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select

from services.notifications.feed import Entry, entries
from services.notifications.tables import FeedHeadRow
from services.notifications.waking import NEWS
from shared.clock import now
from shared.database import Database

log = structlog.get_logger(__name__)

BEAT = 15.0
"""Seconds of silence after which a stream is given a sign of life: what closes idle connections leaves it open."""
PAGE = 100
SHORTEST_PAUSE = 0.02


@dataclass(eq=False, slots=True)
class Connection:
    """One open stream: what it has yet to send, and whether it must end."""

    queue: asyncio.Queue[Entry | None]

    def push(self, entry: Entry) -> None:
        """Queue an entry; when too many wait they are dropped, and the next thing the stream sees is its end."""
        if not self.queue.full():
            self.queue.put_nowait(entry)
            return
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


@dataclass(slots=True)
class Channel:
    """One academy's open streams, and how far its feed has been handed to them."""

    head: int
    connections: set[Connection] = field(default_factory=set)


class Hub:
    """All live streams of this process."""

    def __init__(self, database: Database, *, queue: int = 256, idle_poll: float = 1.0) -> None:
        self.database = database
        self.queue = queue
        self.idle_poll = idle_poll
        self._channels: dict[str, Channel] = {}
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def follow(
        self, academy: str, *, after: int | None, until: datetime
    ) -> AsyncIterator[AsyncIterator[Entry | None]]:
        """The academy's feed from behind the number `after` on, or from now on; ends at `until`, or when too slow.

        Inside the block everything is heard: what is committed from then on will come. None is a sign of life.
        """
        connection = Connection(asyncio.Queue(self.queue))
        begins = await self._join(academy, connection)
        try:
            yield self._entries(academy, connection, begins, begins if after is None else after, until)
        finally:
            self._leave(academy, connection)

    async def _entries(
        self, academy: str, connection: Connection, begins: int, last: int, until: datetime
    ) -> AsyncIterator[Entry | None]:
        while last < begins and now() < until:
            for entry in await self._page(academy, last):
                last = entry[0]
                yield entry
        while (left := (until - now()).total_seconds()) > 0:
            try:
                async with asyncio.timeout(min(left, BEAT)):
                    told = await connection.queue.get()
            except TimeoutError:
                if left > BEAT:
                    yield None
                continue
            if told is None:
                return
            # What the replay has already read may wait in the queue too.
            if told[0] > last:
                yield told

    async def _join(self, academy: str, connection: Connection) -> int:
        """Begin to hear; gives the number behind which the queue begins."""
        if academy not in self._channels:
            head = await self._head(academy)
            self._channels.setdefault(academy, Channel(head))
        channel = self._channels[academy]
        channel.connections.add(connection)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return channel.head

    def _leave(self, academy: str, connection: Connection) -> None:
        channel = self._channels[academy]
        channel.connections.discard(connection)
        if not channel.connections:
            del self._channels[academy]
        if not self._channels and self._reader:
            self._reader.cancel()
            # Who comes before it has ended must not rely on it.
            self._reader = None

    async def _read(self) -> None:
        heard = NEWS.listen()
        pause = SHORTEST_PAUSE
        try:
            while self._channels:
                heard.clear()
                try:
                    moved = await self._look()
                except Exception as error:
                    log.warning("cannot read the feed", error=type(error).__name__)
                    moved = False
                pause = SHORTEST_PAUSE if moved else min(2 * pause, self.idle_poll)
                try:
                    async with asyncio.timeout(pause):
                        await heard.wait()
                    pause = SHORTEST_PAUSE
                except TimeoutError:
                    continue
        finally:
            NEWS.leave(heard)

    async def _look(self) -> bool:
        """Hand over what is new; whether anything was."""
        open_to = frozenset(self._channels)
        heads = select(FeedHeadRow).where(FeedHeadRow.academy.in_(open_to))  # type: ignore[attr-defined]
        async with self.database.transaction(open_to) as tx:
            last = {row.academy: row.last for row in (await tx.execute(heads)).scalars()}
        moved = False
        for academy in open_to:
            channel = self._channels.get(academy)
            if channel is None or last.get(academy, 0) <= channel.head:
                continue
            moved = True
            for entry in await self._page(academy, channel.head):
                channel.head = entry[0]
                for connection in channel.connections:
                    connection.push(entry)
        return moved

    async def _page(self, academy: str, after: int) -> list[Entry]:
        # In the academy's own scope: whatever goes wrong here, it cannot show another's.
        async with self.database.transaction(frozenset({academy})) as tx:
            return await entries(tx, academy, after=after, most=PAGE)

    async def _head(self, academy: str) -> int:
        async with self.database.transaction(frozenset({academy})) as tx:
            row = await tx.get(FeedHeadRow, academy)
            return row.last if row else 0
