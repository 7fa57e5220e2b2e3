"""relay_drain_100k, consumer_batches_500 and commit_to_ack_500, on a real Apache Kafka."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import text

from bench.environment import a_bootstrap, a_server, databases, kafka_broker, prepare, run
from bench.rows import Row, percentile, rates
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Transaction
from shared.events.agreements import AgreementSubmittedForReview
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id
from shared.messaging.broker import Broker, Message
from shared.messaging.envelope import to_message
from shared.messaging.reactions import BATCH, ReactionRunner, Reactions
from shared.messaging.relay import Relay, read
from shared.messaging.tables import ProgressRow
from shared.settings import database_on

EVENTS = 100_000
PER_SUBJECT = 12
CHUNK = 500
REPEATS = 5
TOPIC = AgreementSubmittedForReview.topic

# About 1 KB of data per event, a dozen events per aggregate, as a year's work leaves them.
FILL = text(f"""
    insert into journal (event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,
                         data, correlation, hash)
    select gen_random_uuid(), 'agreement', subject, version, '{AgreementSubmittedForReview.type}', '{{MA-06}}', 'bench',
           now(), jsonb_build_object('agreement_id', subject, 'filling', repeat('x', 900)), gen_random_uuid(), ''
    from (select gen_random_uuid() as subject from generate_series(1, :subjects)) subjects,
         generate_series(1, :versions) version
    order by version, subject
""")


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    wanted = [
        each for each in (relay_drain_100k, consumer_batches_500, commit_to_ack_500) if only in (None, each.__name__)
    ]
    if not wanted:
        return []
    with a_server() as server_url, a_bootstrap() as bootstrap:
        prepare(server_url, "network")
        return [row for bench in wanted for row in run(bench(server_url, bootstrap))]


async def relay_drain_100k(server_url: str, bootstrap: str) -> list[Row]:
    """Draining a backlog of 100 000 events against producing the same messages, prepared, in awaited chunks."""
    broker = kafka_broker(bootstrap)
    async with databases(server_url, "network") as (owner, _, relay_database):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("truncate journal, relay_cursor, lease"))
            await tx.execute(text("alter table journal no force row level security"))
            await tx.execute(FILL, {"subjects": EVENTS // PER_SUBJECT, "versions": PER_SUBJECT})
        async with owner.engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
                text("vacuum analyze journal")
            )
        await broker.ensure_topics([TOPIC])
        await _topics(bootstrap, "raw")
        messages = await _all_messages(relay_database)
        ours, raw = [], []
        for _ in range(REPEATS):
            ours.append(await _drain(owner, relay_database, broker, len(messages)))
            raw.append(await _produce(bootstrap, messages))
    await broker.close()
    return [rates("messaging", "relay_drain_100k", ours, raw, "events/s", ">= 0.70")]


async def _all_messages(database: Database) -> list[Message]:
    async with database.transaction(NATIONAL) as tx:
        ids = [row.id for row in await tx.execute(text("select id from journal order by id"))]
        return [to_message(row) for row in await read(tx, ids)]


async def _drain(owner: Database, relay_database: Database, broker: Broker, count: int) -> float:
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text("truncate relay_cursor, lease"))
    relay = Relay("network", relay_database, broker)
    started = time.perf_counter()
    assert await relay.lead()
    assert await relay.publish_window() == count
    return count / (time.perf_counter() - started)


async def _produce(bootstrap: str, messages: Sequence[Message]) -> float:
    records = [
        (each.key.encode(), each.value, [(name, value.encode()) for name, value in each.headers.items()])
        for each in messages
    ]
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    ) as producer:
        started = time.perf_counter()
        for start in range(0, len(records), CHUNK):
            sent = [
                await producer.send("raw", value, key=key, headers=headers)
                for key, value, headers in records[start : start + CHUNK]
            ]
            await asyncio.gather(*sent)
        return len(records) / (time.perf_counter() - started)


async def consumer_batches_500(server_url: str, bootstrap: str) -> list[Row]:
    """Consuming batches with progress and effect in a transaction, against reading and committing the same batches."""
    broker = kafka_broker(bootstrap)
    await broker.ensure_topics([TOPIC])
    subjects = [new_id() for _ in range(EVENTS // PER_SUBJECT)]
    messages = [_message(subject, version) for version in range(1, PER_SUBJECT + 1) for subject in subjects]
    for start in range(0, len(messages), 2000):
        await broker.publish(messages[start : start + 2000], timeout=60)
    ours, raw = [], []
    async with databases(server_url, "network") as (owner, app, _):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("create table if not exists bench_effect (subject uuid primary key, events int)"))
            await tx.execute(text("grant all on bench_effect to mithaq_app"))
        for number in range(REPEATS):
            async with owner.transaction(NATIONAL) as tx:
                await tx.execute(text("truncate bench_effect, progress"))
            ours.append(await _consume(app, broker, number, len(messages)))
            raw.append(await _getmany(bootstrap, number, len(messages)))
    await broker.close()
    return [rates("messaging", "consumer_batches_500", ours, raw, "events/s", ">= 0.18")]


async def _consume(app: Database, broker: Broker, number: int, count: int) -> float:
    done = 0
    first = 0.0
    finished, stop = asyncio.Event(), asyncio.Event()
    reactions = Reactions("bench")
    projection = reactions.projection(f"effects-{number}", tables=(ProgressRow,), events=(AgreementSubmittedForReview,))

    @projection.batch
    async def fold(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
        nonlocal done, first
        first = first or time.perf_counter()
        counts: dict[UUID, int] = {}
        for occurrence in occurrences:
            counts[occurrence.subject] = counts.get(occurrence.subject, 0) + 1
        await tx.execute(
            text("""
                insert into bench_effect select * from unnest(cast(:subjects as uuid[]), cast(:counts as int[]))
                on conflict (subject) do update set events = bench_effect.events + excluded.events
            """),
            {"subjects": sorted(counts), "counts": [counts[subject] for subject in sorted(counts)]},
        )
        done += len(occurrences)
        if done >= count:
            finished.set()

    running = asyncio.create_task(ReactionRunner(projection, app, broker).run(stop))
    await finished.wait()
    rate = (count - BATCH) / (time.perf_counter() - first)
    stop.set()
    await running
    return rate


async def _getmany(bootstrap: str, number: int, count: int) -> float:
    async with AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=bootstrap,
        group_id=f"raw-{number}-{new_id()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as consumer:
        first, done = 0.0, 0
        while done < count:
            batches = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            if not batches:
                continue
            first = first or time.perf_counter()
            done += sum(map(len, batches.values()))
            offsets: dict[TopicPartition, int] = {position: rows[-1].offset + 1 for position, rows in batches.items()}
            await consumer.commit(offsets)
        return (count - BATCH) / (time.perf_counter() - first)


async def commit_to_ack_500(server_url: str, bootstrap: str) -> list[Row]:
    """From a command's commit to the broker's acknowledgement at 500 events/s, beside one awaited send."""
    broker = Acknowledged(kafka_broker(bootstrap))
    await broker.ensure_topics([TOPIC])
    await _topics(bootstrap, "raw")
    async with databases(server_url, "network") as (owner, _, relay_database):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("truncate journal, relay_cursor, lease"))
        stop = asyncio.Event()
        relay = asyncio.create_task(Relay("network", relay_database, broker).run(stop))
        raw = await _single_sends(bootstrap)
        committed = await _write_at(server_url, rate=500, seconds=12)
        async with asyncio.timeout(60):
            await broker.acknowledged(len(committed))
        stop.set()
        await relay
    await broker.close()
    # A relay at rest looks once a second, unless it is woken: what is measured is the steady flow after that.
    steady = min(committed.values()) + 2.0
    delays = [(broker.at[subject] - at) * 1000 for subject, at in committed.items() if at > steady]
    figures = []
    for name, share, aim in (("p50", 0.5, 10.0), ("p99", 0.99, 50.0)):
        ours, alone = percentile(delays, share), percentile(raw, share)
        figures.append(
            Row("messaging", f"commit_to_ack_500 {name}", ours, alone, "ms", ours / alone, f"<= {aim:.0f} ms")
        )
    return figures


class Acknowledged:
    """A broker that notes when each event was durable."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.at: dict[UUID, float] = {}
        self._more = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
        """Publish, then note the time."""
        await self.broker.publish(messages, timeout=timeout)
        at = time.monotonic()
        self.at.update({UUID(each.key): at for each in messages})
        self._more.set()

    async def acknowledged(self, count: int) -> None:
        """Wait until so many events were durable."""
        while len(self.at) < count:
            self._more.clear()
            await self._more.wait()


async def _write_at(server_url: str, *, rate: int, seconds: int) -> dict[UUID, float]:
    """When each of `rate` commands a second was committed, by its subject."""
    with tempfile.NamedTemporaryFile() as file:
        arguments = database_on(server_url, "network"), str(rate), str(seconds), file.name
        command = [sys.executable, "-m", "bench.writer", *arguments]
        written = await asyncio.to_thread(subprocess.run, command, check=False, timeout=6 * seconds)
        if written.returncode:
            raise RuntimeError(f"this machine cannot commit {rate} commands a second")
        return {UUID(subject): at for subject, at in json.load(file).items()}


async def _single_sends(bootstrap: str) -> list[float]:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        delays = []
        for _ in range(1000):
            started = time.perf_counter()
            await producer.send_and_wait("raw", b"x" * 1000, key=b"k")
            delays.append((time.perf_counter() - started) * 1000)
        return delays


async def _topics(bootstrap: str, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        known = await admin.list_topics()
        await admin.create_topics([NewTopic(name, 6, 1) for name in names if name not in known])
    finally:
        await admin.close()


def _message(subject: UUID, version: int) -> Message:
    """An event of about 1 KB of data."""
    row = {
        "event_id": new_id(),
        "aggregate_id": subject,
        "aggregate_version": version,
        "type": AgreementSubmittedForReview.type,
        "audience": ["MA-06"],
        "actor": "bench",
        "occurred_at": now(),
        "data": {"agreement_id": str(subject), "filling": "x" * 900},
        "correlation": new_id(),
        "causation": None,
        "traceparent": None,
    }
    return to_message(row)
