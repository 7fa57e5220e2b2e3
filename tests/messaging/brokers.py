"""What every broker does: one suite, inherited by the tests of both adapters."""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from shared.clock import now
from shared.ids import new_id
from shared.messaging.broker import Broker, BrokerAway, GroupBusy, Message, Position, Rebalanced, Received, Subscription
from tests.fixtures.eventually import eventually

OpenBroker = Callable[[], Broker]
SESSION = 2.0


def message(topic: str, key: str = "a", number: int = 0) -> Message:
    return Message(topic, key, {"number": str(number)}, b"%d" % number)


def messages(topic: str, count: int, keys: str = "abcdefghij") -> list[Message]:
    return [message(topic, keys[number % len(keys)], number) for number in range(count)]


def number(received: Received) -> int:
    return int(received.message.value)


def after(received: list[Received]) -> dict[Position, int]:
    return {(each.message.topic, each.partition): each.offset + 1 for each in received}


async def everything(broker: Broker, topic: str, **options: object) -> list[Received]:
    return [each async for each in broker.read(topic, **options)]  # type: ignore[arg-type]


async def fetched(member: Subscription, count: int, within: float = 20.0) -> list[Received]:
    """Fetch until `count` messages came."""
    found: list[Received] = []

    async def enough() -> bool:
        with suppress(Rebalanced):
            found.extend(await member.fetch(500, wait=0.2))
        return len(found) >= count

    await eventually(enough, within)
    return found


@asynccontextmanager
async def working(member: Subscription, seen: list[int]) -> AsyncIterator[None]:
    """Let a member fetch and commit for as long as the block lasts."""

    async def work() -> None:
        while True:
            with suppress(Rebalanced, BrokerAway):
                received = await member.fetch(20, wait=0.1)
                await member.commit(after(received))
                seen.extend(map(number, received))

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class BrokerBehaviour(ABC):
    """The rules; an adapter says how it is opened, restarted and stalled."""

    @pytest.fixture
    @abstractmethod
    def opened(self) -> OpenBroker:
        """Opens brokers on one and the same server: each stands for another process."""

    @pytest.fixture
    @abstractmethod
    def fragile(self) -> OpenBroker:
        """The same on a server that may be restarted and stalled."""

    @abstractmethod
    def restarted(self, request: pytest.FixtureRequest) -> AbstractAsyncContextManager[None]:
        """The server goes away before the block and is back after it."""

    @abstractmethod
    def stalled(self, request: pytest.FixtureRequest) -> AbstractAsyncContextManager[None]:
        """The server accepts, but does not answer, for as long as the block lasts."""

    @pytest.fixture
    async def open(self, opened: OpenBroker) -> AsyncIterator[OpenBroker]:
        async with closing(opened) as open:
            yield open

    @pytest.fixture
    async def broker(self, open: OpenBroker) -> Broker:
        return open()

    @pytest.fixture
    async def topic(self, broker: Broker) -> str:
        name = f"tests.{uuid4().hex}"
        await broker.ensure_topics([name])
        return name

    async def test_messages_of_one_key_stay_in_order(self, broker: Broker, topic: str) -> None:
        for start in range(0, 300, 100):
            await broker.publish(messages(topic, 300)[start : start + 100])
        by_key: dict[str, list[Received]] = defaultdict(list)
        for received in await everything(broker, topic):
            by_key[received.message.key].append(received)
        assert len(by_key) == 10
        for key, found in by_key.items():
            assert [number(each) for each in found] == list(range("abcdefghij".index(key), 300, 10))
            assert len({each.partition for each in found}) == 1

    async def test_a_page_larger_than_a_batch_arrives_whole(self, broker: Broker, topic: str) -> None:
        page = [Message(topic, each.key, each.headers, each.value.zfill(2000)) for each in messages(topic, 1000)]
        await broker.publish(page)
        assert sorted(map(number, await everything(broker, topic))) == list(range(1000))

    async def test_a_message_arrives_as_it_was_sent(self, broker: Broker, topic: str) -> None:
        before = now() - timedelta(seconds=1)
        sent = Message(topic, str(new_id()), {"ce_type": "ma.mithaq.test.v1", "title": "ميثاق é"}, b"\x00\xff{}")
        await broker.publish([sent])
        (received,) = await everything(broker, topic)
        assert received.message == sent
        assert before <= received.at <= now() + timedelta(seconds=1)

    async def test_creating_topics_again_changes_nothing(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10))
        await broker.ensure_topics([topic], partitions=3)
        assert len(await broker.lag("nobody", [topic])) == 6
        assert len(await everything(broker, topic)) == 10

    async def test_publishing_to_a_missing_topic_is_refused_in_time(self, broker: Broker) -> None:
        with pytest.raises(BrokerAway):
            await broker.publish([message("tests.missing")], timeout=1.0)

    async def test_a_new_group_starts_at_the_beginning(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10))
        async with broker.subscribe("g-" + topic, [topic]) as member:
            assert sorted(map(number, await fetched(member, 10))) == list(range(10))

    async def test_a_member_is_woken_by_another_process(self, open: OpenBroker, broker: Broker, topic: str) -> None:
        async with broker.subscribe("g-" + topic, [topic]) as member:
            assert await member.fetch(10, wait=0.1) == []
            waiting = asyncio.create_task(member.fetch(10, wait=10.0))
            await open().publish([message(topic)])
            assert [number(each) for each in await waiting] == [0]

    async def test_a_fetch_gives_no_more_than_asked_and_forgets_nothing(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 50))
        async with broker.subscribe("g-" + topic, [topic]) as member:
            found: list[Received] = []
            while len(found) < 50:
                some = await member.fetch(7)
                assert 0 < len(some) <= 7
                found += some
        assert sorted(map(number, found)) == list(range(50))
        assert [number(each) for each in found if each.message.key == "a"] == list(range(0, 50, 10))

    async def test_two_groups_both_read_everything(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10))
        for group in ("one-" + topic, "two-" + topic):
            async with broker.subscribe(group, [topic]) as member:
                await member.commit(after(await fetched(member, 10)))

    async def test_a_group_goes_on_after_what_it_committed(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10, keys="a"))
        async with broker.subscribe("g-" + topic, [topic]) as member:
            first = await fetched(member, 10)
            await member.commit(after(first[:4]))
        async with broker.subscribe("g-" + topic, [topic]) as member:
            assert [number(each) for each in await fetched(member, 6)] == [4, 5, 6, 7, 8, 9]

    async def test_what_is_not_committed_comes_again(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10))
        for _ in range(2):
            async with broker.subscribe("g-" + topic, [topic]) as member:
                assert len(await fetched(member, 10)) == 10

    async def test_members_share_the_partitions_and_inherit_from_who_leaves(
        self, open: OpenBroker, broker: Broker, topic: str
    ) -> None:
        all_six = {(topic, partition) for partition in range(6)}
        seen: list[int] = []
        async with broker.subscribe("g-" + topic, [topic]) as first, working(first, seen):
            await eventually(lambda: first.assigned == all_six, within=10)
            async with open().subscribe("g-" + topic, [topic]) as second, working(second, seen):
                await eventually(lambda: len(first.assigned) == len(second.assigned) == 3, within=10)
                assert first.assigned | second.assigned == all_six
                await broker.publish(messages(topic, 60))
                await eventually(lambda: set(seen) == set(range(60)), within=10)
            await eventually(lambda: first.assigned == all_six, within=10)
            await broker.publish([message(topic, str(key), 60 + key) for key in range(60)])
            await eventually(lambda: set(seen) == set(range(120)), within=10)

    async def test_a_batch_of_lost_partitions_is_dropped_and_comes_again(
        self, open: OpenBroker, broker: Broker, topic: str
    ) -> None:
        await broker.publish(messages(topic, 60))
        seen: list[int] = []
        async with broker.subscribe("g-" + topic, [topic]) as first:
            batch = await fetched(first, 60)
            async with open().subscribe("g-" + topic, [topic]) as second, working(second, seen):
                await eventually(lambda: len(second.assigned) == 3, within=10)
                with pytest.raises(Rebalanced):
                    await first.commit(after(batch))
                async with working(first, seen):
                    await eventually(lambda: sorted(seen) == list(range(60)), within=10)

    async def test_a_topic_is_read_to_its_end_as_it_was_at_the_call(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10))
        found = []
        async for received in broker.read(topic):
            found.append(number(received))
            await broker.publish([message(topic, number=99)])
        assert sorted(found) == list(range(10))

    async def test_a_topic_is_read_from_an_offset(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10, keys="a"))
        sixth = (await everything(broker, topic))[6]
        found = await everything(broker, topic, start={sixth.partition: sixth.offset})
        assert [number(each) for each in found] == [6, 7, 8, 9]

    async def test_a_topic_is_read_from_a_time(self, broker: Broker, topic: str) -> None:
        moment = await two_times(broker, topic)
        assert sorted(map(number, await everything(broker, topic, start=moment))) == list(range(10, 20))
        assert await everything(broker, topic, start=now() + timedelta(hours=1)) == []

    async def test_an_idle_group_moves_back_to_the_beginning_an_offset_or_a_time(
        self, broker: Broker, topic: str
    ) -> None:
        moment = await two_times(broker, topic)
        group = "g-" + topic
        async with broker.subscribe(group, [topic]) as member:
            received = await fetched(member, 20)
            await member.commit(after(received))
        last = max(received, key=number)
        for to, expected in (
            (None, set(range(20))),
            (moment, set(range(10, 20))),
            ({last.partition: last.offset}, {19}),
        ):
            await broker.move_group(group, topic, to=to)
            async with broker.subscribe(group, [topic]) as member:
                received = await fetched(member, len(expected))
                await member.commit(after(received))
            assert set(map(number, received)) == expected

    async def test_a_group_with_members_is_not_moved(self, broker: Broker, topic: str) -> None:
        async with broker.subscribe("g-" + topic, [topic]) as member:
            await member.fetch(1, wait=0.0)
            with pytest.raises(GroupBusy):
                await broker.move_group("g-" + topic, topic, to=None)

    async def test_lag_is_what_is_not_committed(self, broker: Broker, topic: str) -> None:
        await broker.publish(messages(topic, 10, keys="a"))
        assert sum((await broker.lag("g-" + topic, [topic])).values()) == 10
        async with broker.subscribe("g-" + topic, [topic]) as member:
            await member.commit(after((await fetched(member, 10))[:4]))
        lag = await broker.lag("g-" + topic, [topic])
        assert lag.keys() == {(topic, partition) for partition in range(6)}
        assert sum(lag.values()) == 6

    async def test_a_restart_of_the_broker_loses_nothing(
        self, fragile: OpenBroker, request: pytest.FixtureRequest
    ) -> None:
        topic = f"tests.{uuid4().hex}"
        seen: list[int] = []
        async with closing(fragile) as open:
            broker = open()
            await broker.ensure_topics([topic])
            await broker.publish(messages(topic, 30))
            async with broker.subscribe("g-" + topic, [topic]) as member, working(member, seen):
                await eventually(lambda: set(seen) == set(range(30)), within=10)
                async with self.restarted(request):
                    pass
                page = [message(topic, str(key), 30 + key) for key in range(30)]
                await eventually(lambda: tried(broker, page), within=15, every=0.2)
                await eventually(lambda: set(seen) == set(range(60)), within=15)
            await broker.check()
            assert {number(each) for each in await everything(broker, topic)} == set(range(60))

    async def test_publishing_to_a_stalled_broker_fails_in_time_and_works_afterwards(
        self, fragile: OpenBroker, request: pytest.FixtureRequest
    ) -> None:
        topic = f"tests.{uuid4().hex}"
        async with closing(fragile) as open:
            broker = open()
            await broker.ensure_topics([topic])
            await broker.publish([message(topic, number=0)])
            async with self.stalled(request):
                started = asyncio.get_running_loop().time()
                with pytest.raises(BrokerAway):
                    await broker.publish([message(topic, number=1)], timeout=0.5)
                assert asyncio.get_running_loop().time() - started < 8
            await eventually(lambda: tried(broker, [message(topic, number=2)]), within=15, every=0.2)
            assert {0, 2} <= {number(each) for each in await everything(broker, topic)}


async def two_times(broker: Broker, topic: str) -> datetime:
    """Publish 0 to 9 before, and 10 to 19 from, the moment given back."""
    await broker.publish(messages(topic, 20)[:10])
    last = max(each.at for each in await everything(broker, topic))
    await eventually(lambda: now() > last + timedelta(milliseconds=5))
    moment = last + timedelta(milliseconds=3)
    await broker.publish(messages(topic, 20)[10:])
    return moment


async def tried(broker: Broker, page: list[Message]) -> bool:
    try:
        await broker.publish(page, timeout=5.0)
    except BrokerAway:
        return False
    return True


@asynccontextmanager
async def closing(opened: OpenBroker) -> AsyncIterator[OpenBroker]:
    """Close every broker that the block opens."""
    async with AsyncExitStack() as stack:

        def open() -> Broker:
            broker = opened()
            stack.push_async_callback(broker.close)
            return broker

        yield open
