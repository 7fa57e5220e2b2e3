"""Groups of the embedded broker: who is a member, which partitions are whose, and what a member reads."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

from shared.messaging.broker import Position, Rebalanced, Received
from shared.messaging.embedded.database import Connections, commit, received_from

NOBODY = UUID(int=0)


class Progress(Protocol):
    """How far the topics are, as this process knows."""

    ends: dict[Position, int]

    def advance(self, ends: Mapping[Position, int]) -> None:
        """Note new ends, and wake whoever reads there."""


class Member:
    """One member of a group of the embedded broker."""

    def __init__(
        self, group: str, topics: Sequence[str], connections: Connections, progress: Progress, *, session: float
    ) -> None:
        self.id = uuid4()
        self.group = group
        self.topics = list(topics)
        self.generation = -1
        self.woken = asyncio.Event()
        self._connections = connections
        self._progress = progress
        self._session = session
        self.positions: dict[Position, int] = {}
        """Where to read on, of every partition that is ours."""
        self._moved = False
        self._turn = 0

    @property
    def assigned(self) -> frozenset[Position]:
        """The partitions this member reads now."""
        return frozenset(self.positions)

    async def fetch(self, most: int, *, wait: float = 1.0) -> list[Received]:
        """Up to `most` new messages, in order per partition; none after `wait` seconds."""
        deadline = time.monotonic() + wait
        while True:
            self._drop_if_moved()
            self.woken.clear()
            if ready := [each for each in self.positions if self._progress.ends.get(each, 0) > self.positions[each]]:
                return await self._fetch(ready, most)
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self.woken.wait()
            except TimeoutError:
                return []

    async def commit(self, next_offsets: Mapping[Position, int]) -> None:
        """Remember per partition the offset to go on from."""
        self._drop_if_moved()
        async with self._connections() as connection, connection.transaction():
            # The share lock holds a rebalance back until this commit is done.
            owned = await connection.fetch(
                'select topic, partition from assignment where "group" = $1 and member = $2 for share',
                self.group,
                self.id,
            )
            mine = next_offsets.keys() <= {(row["topic"], row["partition"]) for row in owned}
            if mine:
                await commit(connection, self.group, next_offsets)
        if not mine:
            self.positions = {}
            await self.refresh()
            raise Rebalanced("partitions were given to another member")

    async def join(self) -> None:
        """Become a member, and take part of the partitions."""
        async with self._connections() as connection, connection.transaction():
            await lock_group(connection, self.group)
            await connection.execute(
                'insert into member ("group", id, topics, expires_at)'
                " values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))",
                self.group,
                self.id,
                self.topics,
                self._session,
            )
            await rebalance(connection, self.group)
        await self.refresh()

    async def leave(self) -> None:
        """Give the partitions to the others."""
        async with self._connections() as connection, connection.transaction():
            await lock_group(connection, self.group)
            await connection.execute('delete from member where "group" = $1 and id = $2', self.group, self.id)
            await rebalance(connection, self.group)

    async def refresh(self) -> None:
        """Learn which partitions are ours now. If that changed, go on from what is committed."""
        async with self._connections() as connection:
            generation = await connection.fetchval("select generation from consumer_group where name = $1", self.group)
            rows = await connection.fetch(
                """
                select topic, partition, p.next_offset as "end", coalesce(c.next_offset, 0) as next_offset
                from assignment a join partition p using (topic, partition)
                left join committed c using ("group", topic, partition)
                where a."group" = $1 and a.member = $2 order by topic, partition
                """,
                self.group,
                self.id,
            )
        self.generation = generation
        positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        if positions.keys() != self.positions.keys():
            self._moved = self._moved or bool(self.positions)
            self.positions = positions
        self._progress.advance({(row["topic"], row["partition"]): row["end"] for row in rows})
        self.woken.set()

    async def _fetch(self, ready: list[Position], most: int) -> list[Received]:
        # Begin with another partition each time, so that a busy one does not starve the rest.
        self._turn += 1
        first = self._turn % len(ready)
        ready = ready[first:] + ready[:first]
        before = self.positions
        async with self._connections() as connection:
            rows = await connection.fetch(
                """
                select found.* from unnest($1::text[], $2::int[], $3::bigint[]) wanted (topic, partition, start)
                cross join lateral (
                    select * from log
                    where log.topic = wanted.topic and log.partition = wanted.partition and "offset" >= wanted.start
                    order by "offset" limit $4
                ) found limit $4
                """,
                [each[0] for each in ready],
                [each[1] for each in ready],
                [before[each] for each in ready],
                most,
            )
        self._drop_if_moved()
        received = [received_from(row) for row in rows]
        self.positions |= {(each.message.topic, each.partition): each.offset + 1 for each in received}
        return received

    def _drop_if_moved(self) -> None:
        if self._moved:
            self._moved = False
            raise Rebalanced("partitions were given to another member, or came from one")


async def lock_group(connection: Any, group: str) -> None:
    """Hold the group still for this transaction, once its silent members are expelled."""
    await connection.execute("insert into consumer_group (name) values ($1) on conflict do nothing", group)
    await connection.execute("select from consumer_group where name = $1 for update", group)
    silent = await connection.execute('delete from member where "group" = $1 and expires_at < clock_timestamp()', group)
    if silent != "DELETE 0":
        await rebalance(connection, group)


async def rebalance(connection: Any, group: str) -> None:
    """Share the partitions out among the members, in a new generation. The group is locked."""
    members = await connection.fetch('select id, topics from member where "group" = $1 order by id', group)
    partitions = await connection.fetch(
        "select topic, partition from partition where topic = any($1) order by topic, partition",
        {topic for member in members for topic in member["topics"]},
    )
    owned = await connection.fetch('select * from assignment where "group" = $1 for update', group)
    shares = share_out(
        [(row["topic"], row["partition"]) for row in partitions],
        {row["id"]: row["topics"] for row in members},
        {(row["topic"], row["partition"]): row["member"] for row in owned},
    )
    await connection.execute('delete from assignment where "group" = $1', group)
    await connection.executemany(
        'insert into assignment ("group", topic, partition, member) values ($1, $2, $3, $4)',
        [(group, *position, member) for position, member in shares.items()],
    )
    await connection.execute("update consumer_group set generation = generation + 1 where name = $1", group)


def share_out(
    partitions: Sequence[Position], members: Mapping[UUID, Collection[str]], owned: Mapping[Position, UUID]
) -> dict[Position, UUID]:
    """Who reads what: even per topic, and nobody gives away more than evenness asks for."""
    load = dict.fromkeys(members, 0)
    shares: dict[Position, UUID] = {}
    for topic in dict.fromkeys(topic for topic, _ in partitions):
        able = [member for member, topics in members.items() if topic in topics]
        if not able:
            continue
        mine: dict[UUID, list[Position]] = {member: [] for member in able}
        free: list[Position] = []
        for position in (each for each in partitions if each[0] == topic):
            mine.get(owned.get(position, NOBODY), free).append(position)
        while free:
            mine[min(able, key=lambda member: (len(mine[member]), load[member]))].append(free.pop())
        while True:
            most = max(able, key=lambda member: (len(mine[member]), load[member]))
            least = min(able, key=lambda member: (len(mine[member]), load[member]))
            if len(mine[most]) - len(mine[least]) <= 1:
                break
            mine[least].append(mine[most].pop())
        for member, positions in mine.items():
            load[member] += len(positions)
            shares |= dict.fromkeys(positions, member)
    return shares
