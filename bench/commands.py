"""command_with_journal: a real command against the very same one whose journal append is left out."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg

from bench.environment import a_server, databases, prepare, run
from bench.register import CLIENTS, MINISTRY, REASON, accredited
from bench.rows import Row, rates
from services.network import commands
from shared.database import Database
from shared.events.network import AssociationSuspended
from shared.messaging import journal
from shared.settings import database_on

REPEATS = 7
PER_CLIENT = 100
"""Commands of each client in one repeat."""
ROWS = 10_000_000
PER_SUBJECT = 12
SUBJECTS = ROWS // PER_SUBJECT
YEAR = 365 * 24 * 3600
BEGINNING = 1_725_000_000
"""When the filled journal begins, in Unix seconds: it spans a year from there."""

# The subjects' ids grow with their time of birth, as UUIDv7 do; a subject's events lie a month apart.
FILL = f"""
    insert into journal (event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,
                         data, correlation, hash)
    select v7(at), 'association', v7(born), version, '{AssociationSuspended.type}', '{{MA-06}}', 'bench',
           to_timestamp(at), jsonb_build_object('association_id', v7(born), 'suspended_on', '2024-09-30'),
           v7(at), sha256('x')
    from (
        select version, {BEGINNING} + {YEAR}::float8 * subject / {SUBJECTS} as born,
               {BEGINNING} + {YEAR}::float8 * subject / {SUBJECTS} + version * 2.6e6 as at
        from generate_series($1::int, $2::int) subject, generate_series(1, {PER_SUBJECT}) version
    ) events
"""
# A UUIDv7 of a time (RFC 9562, 5.7); the same time always gives the same one.
V7 = """
    create function v7(at float8) returns uuid language sql immutable parallel safe as $$
        select encode(set_byte(set_byte(substring(int8send(floor(at * 1000)::int8) from 3)
            || substring(sha256(float8send(at)) from 1 for 10), 6, 112), 8, 128), 'hex')::uuid
    $$
"""
# Filled without the secondary indexes, which are built once at the end.
BEFORE = f"""
    {V7};
    alter table journal no force row level security;
    alter table journal drop constraint journal_aggregate_key;
    drop index journal_xid;
"""
AFTER = (
    "alter table journal add constraint journal_aggregate_key unique (aggregate_id, aggregate_version)",
    "create index journal_xid on journal (xid)",
    "alter table journal force row level security",
    "vacuum analyze journal",
    "checkpoint",
)


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it; the long one only when it is named."""
    rows: list[Row] = []
    if only in (None, "command_with_journal"):
        with a_server() as server_url:
            prepare(server_url, "network")
            rows.append(run(_measure(server_url, "command_with_journal", ">= 0.75")))
    if only == "command_with_journal_10m":
        with a_server() as server_url:
            prepare(server_url, "network")
            run(_fill(server_url))
            rows.append(run(_measure(server_url, "command_with_journal_10m", ">= 0.60")))
    return rows


async def _measure(server_url: str, name: str, aim: str) -> Row:
    """CLIENTS clients who suspend and reinstate associations, with and without the journal in turn."""
    async with databases(server_url, "network") as (_, app, _relay):
        # Born evenly over the year that a filled journal spans, so that their rows lie all over its index.
        ids = await accredited(app, [_born(BEGINNING + YEAR * number // 64) for number in range(64)])
        await _rate(app, ids)
        ours, raw = [], []
        for _ in range(REPEATS):
            ours.append(await _rate(app, ids))
            with without_journal():
                raw.append(await _rate(app, ids))
    return rates("commands", name, ours, raw, "commands/s", aim)


@contextmanager
def without_journal() -> Iterator[None]:
    """Commands inside the block do everything but write their journal rows."""

    async def nothing(*_: Any) -> None: ...

    with patch.object(journal, "append", nothing):
        yield


async def _rate(app: Database, ids: Sequence[UUID]) -> float:
    async def client(mine: Sequence[UUID]) -> None:
        for number in range(PER_CLIENT):
            id = mine[number // 2 % len(mine)]
            if number % 2 == 0:
                await commands.suspend_association(app, id, reason=REASON, by=MINISTRY)
            else:
                await commands.reinstate_association(app, id, by=MINISTRY)

    started = time.perf_counter()
    await asyncio.gather(*(client(ids[number::CLIENTS]) for number in range(CLIENTS)))
    return CLIENTS * PER_CLIENT / (time.perf_counter() - started)


async def _fill(server_url: str) -> None:
    """Ten million rows of a year."""
    connection = await asyncpg.connect(database_on(server_url, "network"))
    try:
        await connection.execute(BEFORE)
        for first in range(0, SUBJECTS, 20_000):
            await connection.execute(FILL, first, min(first + 20_000, SUBJECTS) - 1)
        for statement in AFTER:
            await connection.execute(statement)
    finally:
        await connection.close()


def _born(at: int) -> UUID:
    """A UUIDv7 of a time in Unix seconds."""
    random = secrets.randbits(80) & ~(0xF << 76 | 0x3 << 62)
    return UUID(int=at * 1000 << 80 | random | 7 << 76 | 2 << 62)
