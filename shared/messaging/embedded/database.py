"""The embedded broker's database: its tables, its connections, and the statements that several files share."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.database import STOPPED
from shared.messaging.broker import BrokerAway, Message, Position, Received
from shared.settings import database_on

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
PATIENCE = 10.0
"""Seconds to connect, or to wait for a connection of the pool."""
SLOWEST = 30.0
"""Seconds that a single statement may take."""


def migrate_broker(server_url: str) -> None:
    """Make the database and the tables of the embedded broker on a server, where they are missing."""
    asyncio.run(_migrate(server_url))


class Connections:
    """A small pool for short work; nothing connects before it is used."""

    def __init__(self, url: str, *, name: str, most: int) -> None:
        self._url = url
        self._most = most
        self._options: dict[str, Any] = {
            "timeout": PATIENCE,
            "command_timeout": SLOWEST,
            "server_settings": {
                "application_name": f"mithaq broker {name}"[:63],
                "idle_in_transaction_session_timeout": STOPPED,
            },
        }
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        """A connection for the block; whatever goes wrong with it is BrokerAway."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                self._url, min_size=0, max_size=self._most, reset=_nothing, **self._options
            )
        with away():
            await self._pool
            async with self._pool.acquire(timeout=PATIENCE) as connection:
                yield connection

    async def own(self) -> Any:
        """A connection outside the pool."""
        return await asyncpg.connect(self._url, **self._options)

    async def close(self) -> None:
        """Give them all back."""
        pool, self._pool = self._pool, None
        if pool:
            try:
                async with asyncio.timeout(PATIENCE):
                    await pool.close()
            except TimeoutError:
                pool.terminate()


@contextmanager
def away() -> Iterator[None]:
    """What goes wrong with the database, as BrokerAway.

    asyncpg calls it an internal error when a connection is used between the server's farewell and its end.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise BrokerAway(repr(error)) from error


async def _nothing(_: Any) -> None:
    """No session state is ever left on a connection, so there is nothing to reset: it would cost a round trip."""


async def commit(connection: Any, group: str, next_offsets: Mapping[Position, int]) -> None:
    """Remember where the group goes on, by partition."""
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


async def starts_of(
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


def received_from(row: Mapping[str, Any]) -> Received:
    """A row of the log, as what was received."""
    message = Message(row["topic"], row["key"], json.loads(row["headers"]), row["value"])
    return Received(message, row["partition"], row["offset"], row["at"])


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
