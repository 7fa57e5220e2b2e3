"""The relay: journal -> broker, every committed event, in an order that is right for every aggregate.

A window holds the rows visible in one snapshot and not in an earlier one, ordered by id. Both snapshots and the last
acknowledged id are saved, so that after a crash the same window is read again. Advancing past unsaved snapshots would
lose rows: the database reuses transaction ids that a crash rolled back.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from shared import telemetry
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.messaging.broker import Message, Publisher
from shared.messaging.crash import crash_point, will_crash_at
from shared.messaging.envelope import to_message
from shared.messaging.lease import Lease
from shared.supervision import wait

log = structlog.get_logger(__name__)

PAGE = 1500
"""Rows published in one awaited page: what a kill can repeat at most."""
LINKS = 32
"""Most traces that the span of one page is linked to."""
BUSY, IDLE = 0.001, 1.0
"""Seconds between two looks at the journal, right after work and after a long rest."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds before another try after a failure: doubling, between these."""

# Both branches use the index on xid; `xid >= xmin(old)` in one condition would walk the primary key instead.
WINDOW = """
    select id from journal
    where xid >= pg_snapshot_xmax({old}) and xid < pg_snapshot_xmax({new}) and pg_visible_in_snapshot(xid, {new})
    union all
    select id from journal
    where xid = any(array(select pg_snapshot_xip({old}))) and pg_visible_in_snapshot(xid, {new})
"""
# The driver would hand a snapshot over in a form of its own.
SAVED = "cast(cast(:{} as text) as pg_snapshot)"
BEGIN = text("""
    insert into relay_cursor (id, old_snapshot, last_id, epoch) values (1, '1:1:', 0, :epoch)
    on conflict (id) do update set epoch = excluded.epoch where relay_cursor.epoch < excluded.epoch
""")
OPEN = text(f"""
    update relay_cursor set new_snapshot = pg_current_snapshot(), last_id = 0
    where id = 1 and epoch = :epoch and new_snapshot is null
    and exists ({WINDOW.format(old="relay_cursor.old_snapshot", new="pg_current_snapshot()")})
""")
CURSOR = text("select old_snapshot::text, new_snapshot::text, last_id, epoch from relay_cursor where id = 1")
IDS = text(f"""
    select id from ({WINDOW.format(old=SAVED.format("old"), new=SAVED.format("new"))}) seen
    where id > :last order by id
""")
# As text: the message is made of text, and drawing objects from it in between costs a tenth of the rate.
ROWS = text("""
    select event_id::text, aggregate_id::text, aggregate_version, type, audience, actor, occurred_at, data::text,
           correlation::text, causation::text, traceparent
    from journal where id = any(:ids) order by id
""")
SAVE = text("update relay_cursor set last_id = :last where id = 1 and epoch = :epoch")
CLOSE = text("""
    update relay_cursor set old_snapshot = new_snapshot, new_snapshot = null, last_id = 0
    where id = 1 and epoch = :epoch
""")
LAG = text("""
    select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0)::float8 as age
    from journal, (
        select old_snapshot, new_snapshot, last_id from relay_cursor
        union all select '1:1:', null, 0 where not exists (select from relay_cursor)
    ) cursor
    where (xid >= pg_snapshot_xmax(old_snapshot) or xid = any(array(select pg_snapshot_xip(old_snapshot))))
    and not (new_snapshot is not null and pg_visible_in_snapshot(xid, new_snapshot) and journal.id <= last_id)
""")

UNPUBLISHED = text("""
    select journal.id from journal left join relay_cursor cursor on true
    where cursor.id is null
    or not pg_visible_in_snapshot(xid, old_snapshot)
    and not coalesce(pg_visible_in_snapshot(xid, new_snapshot) and journal.id <= last_id, false)
    order by journal.id
""")
RESET = text("""
    insert into relay_cursor (id, old_snapshot, last_id, epoch) values (1, pg_current_snapshot(), 0, 1)
    on conflict (id) do update
    set old_snapshot = pg_current_snapshot(), new_snapshot = null, last_id = 0, epoch = relay_cursor.epoch + 1
""")


class Deposed(Exception):
    """Another relay leads by now: what this one had in flight is repeated by the other."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The saved window: what lies between two snapshots, up to the last acknowledged id."""

    old: str
    new: str | None
    last: int


class Relay:
    """Publishes one service's journal. Many may run, one leads; its database role cannot read `detail`."""

    def __init__(
        self,
        service: str,
        database: Database,
        broker: Publisher,
        *,
        lease: float = 10.0,
        woken: asyncio.Event | None = None,
        page: int = PAGE,
        publish_timeout: float = 10.0,
    ) -> None:
        self.service = service
        self.database = database
        self.broker = broker
        self.lease = Lease("relay", lasting=lease)
        self.woken = woken or asyncio.Event()
        self.page = page
        self.publish_timeout = publish_timeout
        self.leads = False
        self._renewed = float("-inf")
        self._begun: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until told to stop; then let another lead."""
        rest, pause = BUSY, FIRST_PAUSE
        while not stop.is_set():
            self.woken.clear()
            try:
                published = await self.publish_window() if await self.lead() else 0
                pause = FIRST_PAUSE
            except Deposed:
                log.warning("deposed", service=self.service)
                published = 0
            except Exception as error:
                # Whatever failed, the next turn starts from the saved cursor.
                log.warning("relay fails", service=self.service, error=repr(error))
                self._renewed = float("-inf")
                await wait(stop, pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            rest = (
                BUSY
                if published
                else min(rest * 2, IDLE if self.leads else min(IDLE, self.lease.lasting.total_seconds() / 3))
            )
            await self._rest(stop, rest)
        if self.leads:
            async with self.database.transaction(NATIONAL) as tx:
                await self.lease.release(tx)

    async def publish_window(self) -> int:
        """Publish what was committed since the last window; gives the number of events.

        Raises Deposed, BrokerAway, and what the database raises; the saved cursor then says where to go on.
        """
        # One transaction for all of it: at a steady trickle its round trips are what an event waits for.
        async with self.database.transaction(NATIONAL) as tx:
            connection = await tx.connection()
            await connection.execute(OPEN, {"epoch": self.lease.epoch})
            cursor = await self._cursor(tx)
            if cursor.new is None:
                return 0
            seen = await connection.execute(IDS, {"old": cursor.old, "new": cursor.new, "last": cursor.last})
            ids = [row.id for row in seen]
            pages = [ids[start : start + self.page] for start in range(0, len(ids), self.page)]
            rows: Sequence[Any] = await read(tx, pages[0]) if pages else ()
        ahead: asyncio.Task[Sequence[Any]] | None = None
        try:
            for number, page in enumerate(pages, start=1):
                rows = await ahead if ahead else rows
                ahead = asyncio.create_task(self._read(pages[number])) if number < len(pages) else None
                await self._publish(rows)
                crash_point("relay.after-ack")
                if number < len(pages):
                    await self._save(SAVE, last=page[-1])
                    await self.lead()
        finally:
            if ahead is not None:
                ahead.cancel()
        await self._save(CLOSE)
        crash_point("relay.after-cursor")
        return len(ids)

    async def _publish(self, rows: Sequence[Any]) -> None:
        messages = [to_message(row) for row in rows]
        links = [link for row in rows[:LINKS] for link in telemetry.link_to(row["traceparent"])]
        with telemetry.tracer.start_as_current_span("relay publish", kind=SpanKind.PRODUCER, links=links) as span:
            span.set_attributes({"messaging.operation.type": "send", "messaging.batch.message_count": len(messages)})
            await self._publish_messages(messages)
        telemetry.relay_batch.record(len(messages), {"service": self.service})

    async def _publish_messages(self, messages: Sequence[Message]) -> None:
        crash_point("relay.after-read")
        if will_crash_at("relay.mid-page"):
            await self.broker.publish(messages[: len(messages) // 2 + 1], timeout=self.publish_timeout)
            crash_point("relay.mid-page")
        await self.broker.publish(messages, timeout=self.publish_timeout)

    async def lead(self) -> bool:
        """Take or renew the lease when a third of it is gone; a new reign marks the cursor with its epoch."""
        if time.monotonic() - self._renewed < self.lease.lasting.total_seconds() / 3:
            return self.leads
        async with self.database.transaction(NATIONAL) as tx:
            self.leads = await self.lease.take(tx)
            if self.leads and self.lease.epoch != self._begun:
                await tx.execute(BEGIN, {"epoch": self.lease.epoch})
        if self.leads:
            self._renewed = time.monotonic()
            if self.lease.epoch != self._begun:
                log.info("relay leads", service=self.service, epoch=self.lease.epoch)
            self._begun = self.lease.epoch
        return self.leads

    async def _cursor(self, tx: Transaction) -> Cursor:
        row = (await (await tx.connection()).execute(CURSOR)).one()
        if row.epoch != self.lease.epoch:
            self._renewed = float("-inf")
            raise Deposed
        return Cursor(row.old_snapshot, row.new_snapshot, row.last_id)

    async def _read(self, ids: Sequence[int]) -> Sequence[Any]:
        async with self.database.transaction(NATIONAL) as tx:
            return await read(tx, ids)

    async def _save(self, statement: Any, **values: Any) -> None:
        async with self.database.transaction(NATIONAL) as tx:
            saved = await (await tx.connection()).execute(statement, {"epoch": self.lease.epoch, **values})
        if saved.rowcount != 1:
            self._renewed = float("-inf")
            raise Deposed

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(each.wait()) for each in (stop, self.woken)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


async def read(tx: Transaction, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The published columns of these journal rows, in id order; `data` stays JSON text."""
    return [dict(row) for row in (await (await tx.connection()).execute(ROWS, {"ids": list(ids)})).mappings()]


async def journal_lag(tx: Transaction) -> tuple[int, float]:
    """How many events are not published yet, and the age of the oldest in seconds."""
    row = (await tx.execute(LAG)).one()
    return row.rows, row.age


async def reset_after_restore(database: Database, broker: Publisher) -> int:
    """Make a restored journal publishable again; gives the number of events it published itself.

    A dump carries the transaction ids of the server it came from, which mean nothing on another. So what was not yet
    published when the dump was taken is published here by id, then every row is given a transaction id of the past and
    the cursor starts from this server's present. `database` connects as the owner, and no service may be running.
    """
    published = 0
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("alter table journal no force row level security"))
        ids = [row.id for row in await tx.execute(UNPUBLISHED)]
        for start in range(0, len(ids), PAGE):
            rows = await read(tx, ids[start : start + PAGE])
            await broker.publish([to_message(row) for row in rows])
            published += len(rows)
        await tx.execute(text("update journal set xid = '3'"))
        await tx.execute(RESET)
        await tx.execute(text("alter table journal force row level security"))
    return published
