"""The embedded broker: topics, partitions, offsets and groups in a PostgreSQL database, where there is no Kafka.

Offsets are drawn under the partition's row lock, so that their order is the order of commits and nothing appears behind
a reader. Idle, a process costs one connection that listens, and a look at the database each second.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from zlib import crc32

from shared.messaging.broker import PARTITIONS, BrokerAway, GroupBusy, Message, Position, Received, Subscription
from shared.messaging.embedded.database import (
    Connections,
    away,
    commit,
    migrate_broker,
    received_from,
    starts_of,
)
from shared.messaging.embedded.groups import Member, lock_group
from shared.messaging.embedded.pulse import Pulse

__all__ = ["EmbeddedBroker", "migrate_broker"]

SESSION = 10.0
"""Seconds until a silent member is expelled."""
PAGE = 2000
"""Rows per query when a whole topic is read."""


class EmbeddedBroker:
    """The broker in a PostgreSQL database that `migrate_broker` made."""

    def __init__(
        self, url: str, *, name: str = "mithaq", session_timeout: float = SESSION, connections: int = 8
    ) -> None:
        self._session = session_timeout
        self._connections = Connections(url, name=name, most=connections)
        self._pulse = Pulse(self._connections, session=session_timeout)
        self._partitions: dict[str, int] = {}

    async def ensure_topics(self, topics: Iterable[str], *, partitions: int = PARTITIONS) -> None:
        """Create the topics that are missing."""
        async with self._connections() as connection:
            await connection.execute(
                """
                insert into partition (topic, partition)
                select wanted, number from unnest($1::text[]) wanted, generate_series(0, $2 - 1) number
                where not exists (select from partition where topic = wanted)
                on conflict do nothing
                """,
                sorted(set(topics)),
                partitions,
            )

    async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
        """Return when all messages are committed: all of them or, when BrokerAway is raised before that, none."""
        if not messages:
            return
        with away():
            async with asyncio.timeout(timeout):
                await self._know({message.topic for message in messages})
                ends = await self._append(messages)
        self._pulse.advance(ends)
        self._pulse.announce()

    @asynccontextmanager
    async def subscribe(self, group: str, topics: Sequence[str]) -> AsyncIterator[Subscription]:
        """Join the group; a group that never committed starts at the beginning."""
        await self._know(topics)
        member = Member(group, topics, self._connections, self._pulse, session=self._session)
        try:
            await member.join()
            self._pulse.members[member.id] = member
            self._pulse.announce()
            yield member
        finally:
            self._pulse.members.pop(member.id, None)
            with suppress(BrokerAway):
                await member.leave()
                self._pulse.announce()

    async def read(self, topic: str, *, start: Mapping[int, int] | datetime | None = None) -> AsyncIterator[Received]:
        """A topic without a group, to its end as it was at the call."""
        async with self._connections() as connection:
            rows = await connection.fetch("select partition, next_offset from partition where topic = $1", topic)
            ends = {row["partition"]: row["next_offset"] for row in rows}
            if not ends:
                raise BrokerAway(f"no topic {topic}")
            starts = await starts_of(connection, topic, ends, start)
        for partition, end in sorted(ends.items()):
            at = starts[partition]
            while at < end:
                async with self._connections() as connection:
                    rows = await connection.fetch(
                        'select * from log where topic = $1 and partition = $2 and "offset" >= $3 and "offset" < $4'
                        ' order by "offset" limit $5',
                        topic,
                        partition,
                        at,
                        end,
                        PAGE,
                    )
                for row in rows:
                    yield received_from(row)
                at = rows[-1]["offset"] + 1 if rows else end

    async def move_group(self, group: str, topic: str, *, to: Mapping[int, int] | datetime | None) -> None:
        """Let an idle group go on from the beginning, from offsets by partition, or from a time."""
        async with self._connections() as connection, connection.transaction():
            await lock_group(connection, group)
            if await connection.fetchval('select exists (select from member where "group" = $1)', group):
                raise GroupBusy(f"{group} has members")
            rows = await connection.fetch("select partition, next_offset from partition where topic = $1", topic)
            ends = {row["partition"]: row["next_offset"] for row in rows}
            starts = await starts_of(connection, topic, ends, to)
            if isinstance(to, Mapping):
                starts = {partition: starts[partition] for partition in to}
            await commit(connection, group, {(topic, partition): offset for partition, offset in starts.items()})

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Position, int]:
        """How many messages the group has not committed yet, by partition."""
        async with self._connections() as connection:
            rows = await connection.fetch(
                """
                select topic, partition, p.next_offset - coalesce(c.next_offset, 0) as behind
                from partition p left join (select * from committed where "group" = $1) c using (topic, partition)
                where topic = any($2)
                """,
                group,
                list(topics),
            )
        return {(row["topic"], row["partition"]): row["behind"] for row in rows}

    async def check(self) -> None:
        """Whether the database answers."""
        async with self._connections() as connection:
            await connection.execute("select 1")

    async def close(self) -> None:
        """Give every connection back."""
        await self._pulse.stop()
        await self._connections.close()

    async def _know(self, topics: Collection[str]) -> None:
        """Learn how many partitions these topics have."""
        if new := set(topics) - self._partitions.keys():
            async with self._connections() as connection:
                counts = await connection.fetch(
                    "select topic, count(*) as partitions from partition where topic = any($1) group by topic", new
                )
            self._partitions |= {row["topic"]: row["partitions"] for row in counts}
            if missing := new - self._partitions.keys():
                raise BrokerAway(f"no topic {', '.join(sorted(missing))}")

    async def _append(self, messages: Sequence[Message]) -> dict[Position, int]:
        """Write the messages behind the partitions' ends; the new ends."""
        placed: dict[Position, list[Message]] = defaultdict(list)
        for message in messages:
            placed[message.topic, crc32(message.key.encode()) % self._partitions[message.topic]].append(message)
        # Locked in one order by all, so that publishers wait for one another but never in a circle.
        positions = sorted(placed)
        topics, partitions = [each[0] for each in positions], [each[1] for each in positions]
        async with self._connections() as connection, connection.transaction():
            await connection.execute(
                """
                select from partition where (topic, partition) in (select * from unnest($1::text[], $2::int[]))
                order by topic, partition for update
                """,
                topics,
                partitions,
            )
            rows = await connection.fetch(
                """
                update partition p set next_offset = p.next_offset + new.messages
                from unnest($1::text[], $2::int[], $3::int[]) new (topic, partition, messages)
                where p.topic = new.topic and p.partition = new.partition
                returning p.topic, p.partition, p.next_offset
                """,
                topics,
                partitions,
                [len(placed[each]) for each in positions],
            )
            ends: dict[Position, int] = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            await connection.copy_records_to_table(
                "log",
                columns=["topic", "partition", "offset", "key", "headers", "value"],
                records=[
                    (*position, offset, each.key, json.dumps(each.headers, ensure_ascii=False), each.value)
                    for position in positions
                    for offset, each in enumerate(placed[position], start=ends[position] - len(placed[position]))
                ],
            )
        return ends
