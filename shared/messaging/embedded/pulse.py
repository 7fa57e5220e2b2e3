"""The pulse of a process: one connection hears of news, tells the others, and keeps the members alive."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog

from shared.messaging.broker import Position
from shared.messaging.embedded.database import Connections
from shared.messaging.embedded.groups import Member, lock_group

log = structlog.get_logger(__name__)

CHANNEL = "mithaq_broker"
LOOK = 1.0
"""Seconds between two looks at the database while nothing is heard."""
QUIET = 0.05
"""Seconds between two notifications or looks at least: 20 a second."""


class Pulse:
    """How far the topics are, as this process knows, and the members it keeps alive."""

    def __init__(self, connections: Connections, *, session: float) -> None:
        self._connections = connections
        self._session = session
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._announcing = False
        self.members: dict[UUID, Member] = {}
        self.ends: dict[Position, int] = {}

    def advance(self, ends: Mapping[Position, int]) -> None:
        """Note new ends, and wake whoever reads there."""
        grown = {position for position, end in ends.items() if end > self.ends.get(position, 0)}
        self.ends |= {position: ends[position] for position in grown}
        for member in self.members.values():
            if not grown.isdisjoint(member.positions):
                member.woken.set()

    def announce(self) -> None:
        """Tell the other processes, soon, that there is something new; start to listen to them."""
        self._announcing = True
        self._heard.set()
        if self._task is None:
            self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Hear and tell nothing more; the members go silent."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _beat(self) -> None:
        """Listen, look, and keep this process's members alive, for as long as the broker is open."""
        while True:
            try:
                connection = await self._connections.own()
                try:
                    await self._listen(connection)
                finally:
                    connection.terminate()
            except Exception as error:
                log.warning("broker database away", error=repr(error))
                self._announcing = True
                await asyncio.sleep(LOOK / 2)

    async def _listen(self, connection: Any) -> None:
        own = connection.get_server_pid()
        # Heartbeats may be lost in a crash of the server: nothing else is written on this connection.
        await connection.execute("set synchronous_commit = off")
        await connection.add_listener(CHANNEL, lambda _, pid, *__: None if pid == own else self._heard.set())
        alive_until = 0.0
        while True:
            self._heard.clear()
            if self._announcing:
                self._announcing = False
                await connection.execute(f"notify {CHANNEL}")
            if time.monotonic() >= alive_until and self.members:
                await self._stay(connection)
                alive_until = time.monotonic() + self._session / 3
            await self._look(connection)
            await asyncio.sleep(QUIET)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK, self._session / 3)):
                    await self._heard.wait()

    async def _stay(self, connection: Any) -> None:
        """Prolong the membership of this process's members; who was expelled meanwhile joins again."""
        members = dict(self.members)
        kept = await connection.fetch(
            "update member set expires_at = clock_timestamp() + make_interval(secs => $2)"
            " where id = any($1) returning id",
            members.keys(),
            self._session,
        )
        for lost in members.keys() - {row["id"] for row in kept}:
            if lost in self.members:
                await members[lost].join()

    async def _look(self, connection: Any) -> None:
        """See how far the topics are, whose groups changed, and who in them has not been heard of."""
        topics = {topic for member in self.members.values() for topic in member.topics}
        if not topics:
            return
        rows = await connection.fetch("select * from partition where topic = any($1)", topics)
        self.advance({(row["topic"], row["partition"]): row["next_offset"] for row in rows})
        groups = await connection.fetch(
            """
            select name, generation, exists (
                select from member where member."group" = name and expires_at < clock_timestamp()
            ) as stale
            from consumer_group where name = any($1)
            """,
            {member.group for member in self.members.values()},
        )
        for row in groups:
            if row["stale"]:
                async with self._connections() as pooled, pooled.transaction():
                    await lock_group(pooled, row["name"])
                self._announcing = True
                self._heard.set()
            for member in list(self.members.values()):
                if member.group == row["name"] and (row["stale"] or member.generation != row["generation"]):
                    await member.refresh()
