"""The broker in PostgreSQL does what every broker does."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.broker import Broker, BrokerAway, Rebalanced, Received, open_broker
from shared.messaging.embedded import EmbeddedBroker, migrate_broker
from shared.messaging.embedded.database import away
from shared.messaging.embedded.groups import share_out
from shared.settings import PlatformSettings, database_on
from tests.fixtures.eventually import eventually
from tests.messaging.brokers import SESSION, BrokerBehaviour, OpenBroker, everything, message, messages


class TestEmbeddedBroker(BrokerBehaviour):
    @pytest.fixture
    def opened(self, installation: str) -> OpenBroker:
        in_a_thread(migrate_broker, installation)
        url = database_on(installation, "broker")
        return lambda: EmbeddedBroker(url, session_timeout=SESSION)

    @pytest.fixture
    def fragile(self, opened: OpenBroker) -> OpenBroker:
        return opened

    @asynccontextmanager
    async def restarted(self, request: pytest.FixtureRequest) -> AsyncIterator[None]:
        async with self.database(request) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            yield

    @asynccontextmanager
    async def stalled(self, request: pytest.FixtureRequest) -> AsyncIterator[None]:
        async with self.database(request) as connection, connection.transaction():
            await connection.execute("lock table partition")
            yield

    @asynccontextmanager
    async def database(self, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(database_on(request.getfixturevalue("installation"), "broker"))
        try:
            yield connection
        finally:
            await connection.close()

    async def test_a_silent_member_is_expelled(self, open: OpenBroker, broker: Broker, topic: str) -> None:
        silent = open()
        assert isinstance(silent, EmbeddedBroker)
        async with silent.subscribe("g-" + topic, [topic]) as first:
            await eventually(lambda: len(first.assigned) == 6)
            await silent.close()
            async with broker.subscribe("g-" + topic, [topic]) as second:
                assert len(second.assigned) == 3
                await eventually(lambda: len(second.assigned) == 6, within=SESSION * 3)

    async def test_an_expelled_member_that_comes_back_joins_again(
        self, request: pytest.FixtureRequest, broker: Broker, topic: str
    ) -> None:
        async with broker.subscribe("g-" + topic, [topic]) as member, self.database(request) as connection:
            batch_owner = member.assigned
            await connection.execute("delete from member")
            await connection.execute("delete from assignment")
            with pytest.raises(Rebalanced):
                await member.commit(dict.fromkeys(batch_owner, 1))
            await eventually(lambda: member.assigned == batch_owner, within=SESSION * 2)

    async def test_nothing_ever_appears_behind_a_reader(self, open: OpenBroker, broker: Broker, topic: str) -> None:
        async def publish(publisher: Broker, mark: int) -> None:
            for each in range(40):
                await publisher.publish([message(topic, str(key), mark * 1000 + each * 10 + key) for key in range(10)])

        found: list[Received] = []
        async with broker.subscribe("g-" + topic, [topic]) as member:
            publishers = [asyncio.create_task(publish(open(), mark)) for mark in range(4)]
            while len(found) < 4 * 40 * 10:
                found += await member.fetch(50, wait=10.0)
            await asyncio.gather(*publishers)
        by_partition: dict[int, list[int]] = defaultdict(list)
        for each in found:
            by_partition[each.partition].append(each.offset)
        assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())

    async def test_making_the_database_again_changes_nothing(
        self, installation: str, broker: Broker, topic: str
    ) -> None:
        await broker.publish(messages(topic, 10))
        await asyncio.to_thread(migrate_broker, installation)
        assert len(await everything(broker, topic)) == 10

    async def test_settings_open_it(self, installation: str, opened: OpenBroker) -> None:
        broker = open_broker(PlatformSettings(database_url=installation, broker="embedded"), name="tests")
        await broker.check()
        await broker.close()

    def test_a_connection_that_the_server_is_closing_is_away(self) -> None:
        with pytest.raises(BrokerAway), away():
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")

    async def test_a_missing_server_is_away(self) -> None:
        with pytest.raises(BrokerAway):
            await EmbeddedBroker("postgresql://nobody@127.0.0.1:1/mithaq_broker").check()


@given(
    topics=st.dictionaries(st.sampled_from("xyz"), st.integers(1, 7)),
    members=st.lists(st.sets(st.sampled_from("xyz"), min_size=1), max_size=5),
    before=st.lists(st.integers(0, 6), max_size=21),
)
def test_partitions_are_shared_out_evenly_and_hardly_move(
    topics: dict[str, int], members: list[set[str]], before: list[int]
) -> None:
    partitions = [(topic, number) for topic, count in topics.items() for number in range(count)]
    ids = {UUID(int=number + 1): subscribed for number, subscribed in enumerate(members)}
    owned = {position: UUID(int=owner + 1) for position, owner in zip(partitions, before, strict=False)}
    shares = share_out(partitions, ids, owned)
    for topic, count in topics.items():
        loads = [sum(shares.get((topic, n)) == each for n in range(count)) for each in ids if topic in ids[each]]
        assert sum(loads) == (count if loads else 0)
        assert not loads or max(loads) - min(loads) <= 1
    assert share_out(partitions, ids, shares) == shares


def in_a_thread(function: Callable[[str], None], argument: str) -> None:
    """Run what starts an event loop of its own, also where one is running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function, argument).result()
