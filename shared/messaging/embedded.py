"""The embedded broker: topics, partitions, offsets and groups in a PostgreSQL database, where there is no Kafka.

Offsets are drawn under the partition's row lock, so that their order is the order of commits and nothing appears behind
a reader. Idle, a process costs one connection that listens, and a look at the database each second.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4
from zlib import crc32

import asyncpg
import structlog

from shared.messaging.broker import (
    PARTITIONS,
    BrokerAway,
    GroupBusy,
    Message,
    Position,
    Rebalanced,
    Received,
    Subscription,
)
from shared.settings import database_on

log = structlog.get_logger(__name__)

SCHEMA = """
    create table if not exists partition (
        topic text, partition int, next_offset bigint not null default 0, primary key (topic, partition)
    );
    create table if not exists log (
        topic text, partition int, "offset" bigint, at timestamptz not null default clock_timestamp(),
        key text not null, headers json not null, value bytea not null,
        primary key (topic, partition, "offset")
    );
    create table if not exists consumer_group (name text primary key, generation bigint not null default 0);
    create table if not exists member (
        "group" text, id uuid, topics text[] not null, expires_at timestamptz not null, primary key ("group", id)
    );
    create table if not exists assignment (
        "group" text, topic text, partition int, member uuid not null, primary key ("group", topic, partition)
    );
    create table if not exists committed (
        "group" text, topic text, partition int, next_offset bigint not null, primary key ("group", topic, partition)
    );
"""
CHANNEL = "mithaq_broker"
PATIENCE = 10.0
"""Seconds for anything but publishing."""
LOOK = 1.0
"""Seconds between two looks at the database while nothing is heard."""
QUIET = 0.05
"""Seconds between two notifications or looks at least: 20 a second."""
SESSION = 10.0
"""Seconds until a silent member is expelled."""
NOBODY = UUID(int=0)
PAGE = 2000
"""Rows per query when a whole topic is read."""


def migrate_broker(server_url: str) -> None:
    """Make the database and the tables of the embedded broker on a server, where they are missing."""
    asyncio.run(_migrate(server_url))


class EmbeddedBroker:
    """The broker in a PostgreSQL database that `migrate_broker` made."""

    def __init__(
        self, url: str, *, name: str = "mithaq", session_timeout: float = SESSION, connections: int = 4
    ) -> None:
        self._url = url
        self._options: dict[str, Any] = {
            "timeout": PATIENCE,
            "command_timeout": 60,
            "server_settings": {"application_name": f"mithaq broker {name}"[:63]},
        }
        self._session = session_timeout
        self._most = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._announcing = False
        self._partitions: dict[str, int] = {}
        self._ends: dict[Position, int] = {}
        self._members: dict[UUID, EmbeddedSubscription] = {}

    async def ensure_topics(self, topics: Iterable[str], *, partitions: int = PARTITIONS) -> None:
        """Create the topics that are missing."""
        async with self._connection() as connection:
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
        with _away():
            async with asyncio.timeout(timeout):
                await self._know({message.topic for message in messages})
                ends = await self._append(messages)
        self._advance(ends)
        self._announce()

    @asynccontextmanager
    async def subscribe(self, group: str, topics: Sequence[str]) -> AsyncIterator[Subscription]:
        """Join the group; a group that never committed starts at the beginning."""
        await self._know(topics)
        member = EmbeddedSubscription(self, group, topics)
        try:
            await member.join()
            self._members[member.id] = member
            self._announce()
            yield member
        finally:
            self._members.pop(member.id, None)
            with suppress(BrokerAway):
                await member.leave()
                self._announce()

    async def read(self, topic: str, *, start: Mapping[int, int] | datetime | None = None) -> AsyncIterator[Received]:
        """A topic without a group, to its end as it was at the call."""
        async with self._connection() as connection:
            rows = await connection.fetch("select partition, next_offset from partition where topic = $1", topic)
            ends = {row["partition"]: row["next_offset"] for row in rows}
            if not ends:
                raise BrokerAway(f"no topic {topic}")
            starts = await _starts(connection, topic, ends, start)
        for partition, end in sorted(ends.items()):
            at = starts[partition]
            while at < end:
                async with self._connection() as connection:
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
                    yield _received(row)
                at = rows[-1]["offset"] + 1 if rows else end

    async def move_group(self, group: str, topic: str, *, to: Mapping[int, int] | datetime | None) -> None:
        """Let an idle group go on from the beginning, from offsets by partition, or from a time."""
        async with self._connection() as connection, connection.transaction():
            await _lock_group(connection, group)
            if await connection.fetchval('select exists (select from member where "group" = $1)', group):
                raise GroupBusy(f"{group} has members")
            rows = await connection.fetch("select partition, next_offset from partition where topic = $1", topic)
            ends = {row["partition"]: row["next_offset"] for row in rows}
            starts = await _starts(connection, topic, ends, to)
            if isinstance(to, Mapping):
                starts = {partition: starts[partition] for partition in to}
            await _commit(connection, group, {(topic, partition): offset for partition, offset in starts.items()})

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Position, int]:
        """How many messages the group has not committed yet, by partition."""
        async with self._connection() as connection:
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
        async with self._connection() as connection:
            await connection.execute("select 1")

    async def close(self) -> None:
        """Give every connection back."""
        if self._pulse:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
        if self._pool:
            try:
                await asyncio.wait_for(self._pool.close(), PATIENCE)
            except TimeoutError:
                self._pool.terminate()
        self._pulse = self._pool = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """A connection of the pool; whatever goes wrong with it is BrokerAway."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                self._url, min_size=0, max_size=self._most, reset=_nothing, **self._options
            )
        with _away():
            await self._pool
            async with self._pool.acquire(timeout=PATIENCE) as connection:
                yield connection

    async def _know(self, topics: Collection[str]) -> None:
        """Learn how many partitions these topics have."""
        if new := set(topics) - self._partitions.keys():
            async with self._connection() as connection:
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
        async with self._connection() as connection, connection.transaction():
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

    def _advance(self, ends: Mapping[Position, int]) -> None:
        """Note new ends, and wake whoever reads there."""
        grown = {position for position, end in ends.items() if end > self._ends.get(position, 0)}
        self._ends |= {position: ends[position] for position in grown}
        for member in self._members.values():
            if not grown.isdisjoint(member.positions):
                member.woken.set()

    def _announce(self) -> None:
        """Tell the other processes, soon, that there is something new; start to listen to them."""
        self._announcing = True
        self._heard.set()
        if self._pulse is None:
            self._pulse = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        """Listen, look, and keep this process's members alive, for as long as the broker is open."""
        while True:
            try:
                connection = await asyncpg.connect(self._url, **self._options)
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
            if time.monotonic() >= alive_until and self._members:
                await self._stay(connection)
                alive_until = time.monotonic() + self._session / 3
            await self._look(connection)
            await asyncio.sleep(QUIET)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), min(LOOK, self._session / 3))

    async def _stay(self, connection: Any) -> None:
        """Prolong the membership of this process's members; who was expelled meanwhile joins again."""
        members = dict(self._members)
        kept = await connection.fetch(
            "update member set expires_at = clock_timestamp() + make_interval(secs => $2)"
            " where id = any($1) returning id",
            members.keys(),
            self._session,
        )
        for lost in members.keys() - {row["id"] for row in kept}:
            if lost in self._members:
                await members[lost].join()

    async def _look(self, connection: Any) -> None:
        """See how far the topics are, whose groups changed, and who in them has not been heard of."""
        topics = {topic for member in self._members.values() for topic in member.topics}
        if not topics:
            return
        rows = await connection.fetch("select * from partition where topic = any($1)", topics)
        self._advance({(row["topic"], row["partition"]): row["next_offset"] for row in rows})
        groups = await connection.fetch(
            """
            select name, generation, exists (
                select from member where member."group" = name and expires_at < clock_timestamp()
            ) as stale
            from consumer_group where name = any($1)
            """,
            {member.group for member in self._members.values()},
        )
        for row in groups:
            if row["stale"]:
                async with self._connection() as pooled, pooled.transaction():
                    await _lock_group(pooled, row["name"])
                self._announcing = True
                self._heard.set()
            for member in list(self._members.values()):
                if member.group == row["name"] and (row["stale"] or member.generation != row["generation"]):
                    await member.refresh()


class EmbeddedSubscription:
    """One member of a group of the embedded broker."""

    def __init__(self, broker: EmbeddedBroker, group: str, topics: Sequence[str]) -> None:
        self.id = uuid4()
        self.group = group
        self.topics = list(topics)
        self.generation = -1
        self.woken = asyncio.Event()
        self._broker = broker
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
            if ready := [each for each in self.positions if self._broker._ends.get(each, 0) > self.positions[each]]:
                return await self._fetch(ready, most)
            try:
                await asyncio.wait_for(self.woken.wait(), deadline - time.monotonic())
            except TimeoutError:
                return []

    async def commit(self, next_offsets: Mapping[Position, int]) -> None:
        """Remember per partition the offset to go on from."""
        self._drop_if_moved()
        async with self._broker._connection() as connection, connection.transaction():
            # The share lock holds a rebalance back until this commit is done.
            owned = await connection.fetch(
                'select topic, partition from assignment where "group" = $1 and member = $2 for share',
                self.group,
                self.id,
            )
            mine = next_offsets.keys() <= {(row["topic"], row["partition"]) for row in owned}
            if mine:
                await _commit(connection, self.group, next_offsets)
        if not mine:
            self.positions = {}
            await self.refresh()
            raise Rebalanced("partitions were given to another member")

    async def join(self) -> None:
        """Become a member, and take part of the partitions."""
        async with self._broker._connection() as connection, connection.transaction():
            await _lock_group(connection, self.group)
            await connection.execute(
                'insert into member ("group", id, topics, expires_at)'
                " values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))",
                self.group,
                self.id,
                self.topics,
                self._broker._session,
            )
            await _rebalance(connection, self.group)
        await self.refresh()

    async def leave(self) -> None:
        """Give the partitions to the others."""
        async with self._broker._connection() as connection, connection.transaction():
            await _lock_group(connection, self.group)
            await connection.execute('delete from member where "group" = $1 and id = $2', self.group, self.id)
            await _rebalance(connection, self.group)

    async def refresh(self) -> None:
        """Learn which partitions are ours now. If that changed, go on from what is committed."""
        async with self._broker._connection() as connection:
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
        self._broker._advance({(row["topic"], row["partition"]): row["end"] for row in rows})
        self.woken.set()

    async def _fetch(self, ready: list[Position], most: int) -> list[Received]:
        # Begin with another partition each time, so that a busy one does not starve the rest.
        self._turn += 1
        first = self._turn % len(ready)
        ready = ready[first:] + ready[:first]
        before = self.positions
        async with self._broker._connection() as connection:
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
        received = [_received(row) for row in rows]
        self.positions |= {(each.message.topic, each.partition): each.offset + 1 for each in received}
        return received

    def _drop_if_moved(self) -> None:
        if self._moved:
            self._moved = False
            raise Rebalanced("partitions were given to another member, or came from one")


async def _lock_group(connection: Any, group: str) -> None:
    """Hold the group still for this transaction, once its silent members are expelled."""
    await connection.execute("insert into consumer_group (name) values ($1) on conflict do nothing", group)
    await connection.execute("select from consumer_group where name = $1 for update", group)
    silent = await connection.execute('delete from member where "group" = $1 and expires_at < clock_timestamp()', group)
    if silent != "DELETE 0":
        await _rebalance(connection, group)


async def _rebalance(connection: Any, group: str) -> None:
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


async def _commit(connection: Any, group: str, next_offsets: Mapping[Position, int]) -> None:
    await connection.execute(
        """
        insert into committed ("group", topic, partition, next_offset)
        select $1, * from unnest($2::text[], $3::int[], $4::bigint[])
        on conflict ("group", topic, partition) do update set next_offset = excluded.next_offset
        """,
        group,
        [topic for topic, _ in next_offsets],
        [partition for _, partition in next_offsets],
        list(next_offsets.values()),
    )


async def _starts(
    connection: Any, topic: str, ends: Mapping[int, int], start: Mapping[int, int] | datetime | None
) -> dict[int, int]:
    """The offset of each partition to begin at; partitions that a mapping leaves out begin at the beginning."""
    if not isinstance(start, datetime):
        return {partition: (start or {}).get(partition, 0) for partition in ends}
    first = """
        select "offset" from log where topic = $1 and partition = $2 and at >= $3 order by "offset" limit 1
    """
    found = {partition: await connection.fetchval(first, topic, partition, start) for partition in ends}
    return {partition: end if found[partition] is None else found[partition] for partition, end in ends.items()}


def _received(row: Mapping[str, Any]) -> Received:
    message = Message(row["topic"], row["key"], json.loads(row["headers"]), row["value"])
    return Received(message, row["partition"], row["offset"], row["at"])


@contextmanager
def _away() -> Iterator[None]:
    """What goes wrong with the database, as BrokerAway."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise BrokerAway(repr(error)) from error


async def _nothing(_: Any) -> None:
    """No session state is ever left on a connection, so there is nothing to reset: it would cost a round trip."""


async def _migrate(server_url: str) -> None:
    url = database_on(server_url, "broker")
    name = urlsplit(url).path.strip("/")
    server = await asyncpg.connect(urlunsplit(urlsplit(server_url)._replace(path="/postgres")))
    try:
        await server.execute("select pg_advisory_lock(hashtext('mithaq broker'))")
        if not await server.fetchval("select 1 from pg_database where datname = $1", name):
            await server.execute(f'create database "{name}"')
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(SCHEMA)
        finally:
            await connection.close()
    finally:
        await server.close()
