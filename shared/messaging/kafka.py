"""The Kafka adapter: all we know about aiokafka's traps is in this file.

An idempotent send can wait for ever, so every wait is bounded; after an error a producer may be dead for good, so it is
closed and recreated; a commit during a rebalance fails, which only means that the batch is not ours any more.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CommitFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IllegalStateError,
    KafkaError,
    NotCoordinatorForGroupError,
    ProducerClosed,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.partitioner import murmur2

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
from shared.settings import PlatformSettings

log = structlog.get_logger(__name__)

BATCH_BYTES = 256 * 1024
"""The largest batch of one partition: one request is in flight per node, so throughput is batch by round trip."""
PATIENCE = 10.0
"""Seconds for anything but publishing and joining a group."""
JOINING = 60.0
"""Seconds to join a group: a rebalance waits for members that are in the middle of something."""
GOODBYE = 5.0
"""Seconds to leave cleanly; whoever does not make it is closed."""


@lru_cache(maxsize=100_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition where every Kafka client puts this key. Cached: hashing in Python costs more than sending."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions


class KafkaBroker:
    """Apache Kafka: acks=all, idempotent, explicit offsets."""

    def __init__(self, connection: Mapping[str, Any], *, replication: int = 1, session_timeout: float = 10.0) -> None:
        self._connection = dict(connection)
        self._replication = replication
        self._session_timeout = session_timeout
        self._producer: AIOKafkaProducer | None = None
        self._producing = asyncio.Lock()

    @classmethod
    def of(cls, settings: PlatformSettings, *, name: str) -> Self:
        """The Kafka that the settings name, with `name` as client id."""
        connection: dict[str, Any] = {
            "bootstrap_servers": settings.kafka_bootstrap,
            "client_id": name,
            "security_protocol": settings.kafka_security,
        }
        if settings.kafka_security.startswith("SASL"):
            if not settings.kafka_username or not settings.kafka_password:
                raise ValueError("SASL needs MITHAQ_KAFKA_USERNAME and MITHAQ_KAFKA_PASSWORD")
            connection["sasl_mechanism"] = "SCRAM-SHA-512"
            connection["sasl_plain_username"] = settings.kafka_username
            connection["sasl_plain_password"] = settings.kafka_password.get_secret_value()
        if settings.kafka_security.endswith("SSL"):
            connection["ssl_context"] = create_ssl_context(cafile=settings.kafka_ca)
        return cls(connection, replication=settings.kafka_replication, session_timeout=settings.kafka_session_timeout)

    async def ensure_topics(self, topics: Iterable[str], *, partitions: int = PARTITIONS) -> None:
        """Create the topics that are missing; they keep everything, for ever."""
        configuration = {"retention.ms": "-1", "min.insync.replicas": str(min(2, self._replication))}
        new = [NewTopic(topic, partitions, self._replication, topic_configs=configuration) for topic in topics]
        async with self._admin() as admin, _in_time():
            answer = await admin.create_topics(new, timeout_ms=int(PATIENCE * 1000))
        for topic, code, *reason in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise BrokerAway(f"topic {topic}: {error.__name__} {' '.join(map(str, reason))}")

    async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
        """Return when all messages are on all in-sync replicas; otherwise the producer starts anew, and BrokerAway."""
        try:
            async with asyncio.timeout(timeout):
                await self._send(await self._started_producer(), messages)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._abandon()
            raise BrokerAway(f"not published: {error!r}") from error
        except asyncio.CancelledError:
            await self._abandon()
            raise

    @asynccontextmanager
    async def subscribe(self, group: str, topics: Sequence[str]) -> AsyncIterator[Subscription]:
        """Join the group; a group that never committed starts at the beginning."""
        consumer = self._consumer(
            group_id=group,
            session_timeout_ms=int(self._session_timeout * 1000),
            heartbeat_interval_ms=int(min(self._session_timeout / 3, 1.0) * 1000),
        )
        member = KafkaSubscription(consumer)
        consumer.subscribe(topics, listener=member.listener)
        try:
            async with _in_time(JOINING):
                await consumer.start()
            # What happened before the first assignment concerns no batch.
            member.listener.moved = False
            yield member
        finally:
            await _bounded(consumer.stop())

    async def read(self, topic: str, *, start: Mapping[int, int] | datetime | None = None) -> AsyncIterator[Received]:
        """A topic without a group, to its end as it was at the call."""
        async with self._reader([topic]) as (consumer, partitions):
            async with _in_time():
                ends = await consumer.end_offsets(partitions)
                starts = await _starts(consumer, partitions, start)
            left = {each for each in partitions if starts[each] < ends[each]}
            if not left:
                return
            consumer.assign(list(left))
            for each in left:
                consumer.seek(each, starts[each])
            while left:
                async with _in_time():
                    batches = await consumer.getmany(*left, timeout_ms=500)
                for partition, records in batches.items():
                    for record in records:
                        if record.offset < ends[partition]:
                            yield _received(record)
                async with _in_time():
                    left -= {each for each in left if await consumer.position(each) >= ends[each]}

    async def move_group(self, group: str, topic: str, *, to: Mapping[int, int] | datetime | None) -> None:
        """Let an idle group go on from the beginning, from offsets by partition, or from a time."""
        async with self._reader([topic], group_id=group) as (consumer, partitions):
            consumer.assign(partitions)
            async with _in_time():
                starts = await _starts(consumer, partitions, to)
                if isinstance(to, Mapping):
                    starts = {each: offset for each, offset in starts.items() if each.partition in to}
                try:
                    await consumer.commit(starts)
                except CommitFailedError:
                    raise GroupBusy(f"{group} has members") from None

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Position, int]:
        """How many messages the group has not committed yet, by partition."""
        async with self._reader(topics) as (consumer, partitions), self._admin() as admin, _in_time():
            ends = await consumer.end_offsets(partitions)
            committed = await _committed(admin, group)
            fresh = [each for each in partitions if each not in committed or committed[each].offset < 0]
            begun = await consumer.beginning_offsets(fresh) if fresh else {}
        next_offsets = {each: begun[each] if each in begun else committed[each].offset for each in partitions}
        return {(each.topic, each.partition): ends[each] - next_offsets[each] for each in partitions}

    async def check(self) -> None:
        """Whether the broker answers."""
        async with self._admin() as admin, _in_time():
            await admin.describe_cluster()

    async def close(self) -> None:
        """Finish and close the producer."""
        producer, self._producer = self._producer, None
        if producer:
            await _bounded(producer.stop())

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._producing:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._connection,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_batch_size=BATCH_BYTES,
                    request_timeout_ms=int(PATIENCE * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await _bounded(producer.stop())
                    raise
                self._producer = producer
            return self._producer

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        """Send whole batches per partition: a future for each message would cost as much as the rest together."""
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {each.topic for each in messages}}
        batches: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for message in messages:
            place = message.topic, partition_of(message.key, counts[message.topic])
            record = {
                "timestamp": None,
                "key": message.key.encode(),
                "value": message.value,
                "headers": [(name, value.encode()) for name, value in message.headers.items()],
            }
            filled = batches[place]
            if not filled or filled[-1].append(**record) is None:
                filled.append(producer.create_batch())
                filled[-1].append(**record)
        sent: list[asyncio.Future[Any]] = []
        try:
            # One partition's batches queue in order and go out one after the other; the partitions side by side.
            for (topic, partition), filled in batches.items():
                for batch in filled:
                    sent.append(await producer.send_batch(batch, topic, partition=partition))  # noqa: PERF401
            await asyncio.gather(*sent)
        finally:
            for each in sent:
                each.cancel()

    async def _abandon(self) -> None:
        """Close the producer without waiting for what it still holds: that could last for ever."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._message_accumulator.fail_all(ProducerClosed())
        await _bounded(producer.client.close())
        await _bounded(producer.stop())

    def _consumer(self, **options: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1024 * 1024,
            **options,
        )

    @asynccontextmanager
    async def _reader(
        self, topics: Sequence[str], **options: Any
    ) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
        """A consumer outside any group's membership, and the partitions of the topics."""
        async with self._admin() as admin, _in_time():
            found = await admin.describe_topics(list(topics))
        if missing := sorted(each["topic"] for each in found if each["error_code"]):
            raise BrokerAway(f"no topic {', '.join(missing)}")
        partitions = [TopicPartition(each["topic"], part["partition"]) for each in found for part in each["partitions"]]
        consumer = self._consumer(**options)
        try:
            async with _in_time():
                await consumer.start()
            yield consumer, sorted(partitions)
        finally:
            await _bounded(consumer.stop())

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._connection, request_timeout_ms=int(PATIENCE * 1000))
        try:
            async with _in_time():
                await admin.start()
            yield admin
        finally:
            await _bounded(admin.close())


class Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes that partitions were taken away since the last fetch."""

    moved = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Abandon the batch in hand: its progress rows make a repetition harmless."""
        self.moved = self.moved or bool(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing to do: aiokafka goes on from what is committed."""


class KafkaSubscription:
    """One member of a Kafka consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.listener = Moves()
        self._kept: list[Received] = []

    @property
    def assigned(self) -> frozenset[Position]:
        """The partitions this member reads now."""
        return frozenset((each.topic, each.partition) for each in self._consumer.assignment())

    async def fetch(self, most: int, *, wait: float = 1.0) -> list[Received]:
        """Up to `most` new messages, in order per partition; none after `wait` seconds."""
        self._drop_if_moved()
        if not self._kept:
            async with _in_time(wait + PATIENCE):
                batches = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=most)
            # aiokafka is past these records by now: whatever is raised, the next fetch must still give them.
            self._kept = [_received(record) for records in batches.values() for record in records]
            self._drop_if_moved()
        received, self._kept = self._kept[:most], self._kept[most:]
        return received

    async def commit(self, next_offsets: Mapping[Position, int]) -> None:
        """Remember per partition the offset to go on from."""
        self._drop_if_moved()
        if not next_offsets:
            return
        offsets = {TopicPartition(*position): offset for position, offset in next_offsets.items()}
        try:
            async with _in_time():
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            self.listener.moved = False
            raise Rebalanced(str(error)) from None

    def _drop_if_moved(self) -> None:
        if self.listener.moved:
            self.listener.moved = False
            raise Rebalanced("partitions were revoked")


async def _starts(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], start: Mapping[int, int] | datetime | None
) -> dict[TopicPartition, int]:
    """The offset of each partition to begin at; partitions that a mapping leaves out begin at the beginning."""
    begun: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
    if isinstance(start, datetime):
        since = await consumer.offsets_for_times(dict.fromkeys(partitions, int(start.timestamp() * 1000)))
        ends = await consumer.end_offsets(partitions)
        return {each: since[each].offset if since.get(each) else ends[each] for each in partitions}
    if start is not None:
        return {each: max(start.get(each.partition, begun[each]), begun[each]) for each in partitions}
    return begun


async def _committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, Any]:
    """What the group committed, by partition. A new cluster makes the place for it at the first question."""
    while True:
        try:
            found: dict[TopicPartition, Any] = await admin.list_consumer_group_offsets(group)
            return found
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            await asyncio.sleep(0.1)


def _received(record: Any) -> Received:
    headers = {name: value.decode() for name, value in record.headers}
    message = Message(record.topic, record.key.decode() if record.key else "", headers, record.value)
    return Received(message, record.partition, record.offset, datetime.fromtimestamp(record.timestamp / 1000, UTC))


@asynccontextmanager
async def _in_time(seconds: float = PATIENCE) -> AsyncIterator[None]:
    """Bound the wait. What goes wrong with the broker is BrokerAway; a lost membership stays what it is."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (CommitFailedError, IllegalStateError):
        raise
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerAway(repr(error)) from error


async def _bounded(farewell: Coroutine[Any, Any, None]) -> None:
    """Wait for a farewell, but not for long, and whatever becomes of it."""
    task = asyncio.create_task(farewell)
    done, _ = await asyncio.wait([task], timeout=GOODBYE)
    if not done:
        task.cancel()
    elif not task.cancelled() and (error := task.exception()):
        log.debug("unclean farewell", error=repr(error))
