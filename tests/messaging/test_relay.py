"""The relay loses nothing, and keeps every aggregate's order, whatever happens around it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from shared.actor import NATIONAL
from shared.database import Database
from shared.ids import new_id
from shared.messaging import relay as relaying
from shared.messaging.broker import Broker, BrokerAway, Message
from shared.messaging.envelope import open_envelope
from shared.messaging.relay import Deposed, Relay, journal_lag
from shared.messaging.retrying import passes_by_itself
from tests.fixtures.database import Databases
from tests.fixtures.eventually import eventually
from tests.messaging.journals import append, commit

TOPIC = "agreements.agreement"


@pytest.fixture
async def database(databases: Databases) -> Database:
    # As the owner: the service's own role sees a journal only beside its aggregates' rows.
    return await databases("network", role=None)


@pytest.fixture
async def relay_database(databases: Databases) -> Database:
    return await databases("network", role="mithaq_relay")


@pytest.fixture
async def topics(broker: Broker) -> Broker:
    await broker.ensure_topics([TOPIC])
    return broker


class Interrupted:
    """A broker that fails once, before or after the page is durable."""

    def __init__(self, broker: Broker, *, after: bool) -> None:
        self.broker, self.after, self.failed = broker, after, False

    async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
        if self.failed:
            return await self.broker.publish(messages, timeout=timeout)
        self.failed = True
        if self.after:
            await self.broker.publish(messages, timeout=timeout)
        raise BrokerAway("planted")


async def published(broker: Broker) -> dict[UUID, list[int]]:
    """Versions per subject in the order of the topic."""
    versions = defaultdict(list)
    async for received in broker.read(TOPIC):
        envelope = open_envelope(received.message)
        versions[envelope.subject].append(envelope.version)
    return versions


async def led(relay: Relay) -> Relay:
    assert await relay.lead()
    return relay


async def test_every_committed_event_is_published_in_its_subjects_order(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    subjects = [new_id() for _ in range(5)]
    stop = asyncio.Event()
    running = asyncio.create_task(Relay("network", relay_database, topics, woken=database.committed).run(stop))

    async def write(turns: int) -> None:
        for turn in range(turns):
            await commit(database, subjects[turn % 5], 1 + turn % 3)

    await asyncio.gather(*(write(20) for _ in range(6)))
    await eventually(lambda: everything_published(database))
    stop.set()
    await running
    versions = await published(topics)
    assert versions == {subject: list(range(1, len(versions[subject]) + 1)) for subject in subjects}
    assert sum(map(len, versions.values())) == 6 * sum(1 + turn % 3 for turn in range(20))


async def everything_published(database: Database) -> bool:
    async with database.transaction(NATIONAL) as tx:
        return (await journal_lag(tx))[0] == 0


async def test_an_event_committed_late_is_not_skipped(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    early, late = new_id(), new_id()
    relay = await led(Relay("network", relay_database, topics))
    async with database.transaction(NATIONAL) as tx:
        await append(tx, late)
        await commit(database, early)
        assert await relay.publish_window() == 1
    assert await relay.publish_window() == 1
    assert await published(topics) == {early: [1], late: [1]}


async def test_events_go_in_the_order_of_their_writing_not_of_their_transactions(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    subject = new_id()
    async with database.transaction(NATIONAL) as early:
        # From here on it has its transaction id, and ids in store if the sequence handed out several.
        await append(early, new_id())
        await commit(database, subject)
        await append(early, subject)
    await (await led(Relay("network", relay_database, topics, page=1))).publish_window()
    assert (await published(topics))[subject] == [1, 2]


async def test_an_unrelated_open_transaction_holds_nothing_up(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    relay = await led(Relay("network", relay_database, topics))
    async with database.transaction(NATIONAL) as idle:
        await idle.execute(text("select pg_current_xact_id()"))
        await commit(database, new_id())
        assert await relay.publish_window() == 1


async def test_an_event_under_a_savepoint_is_published(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    relay = await led(Relay("network", relay_database, topics))
    async with database.transaction(NATIONAL) as tx:
        async with tx.begin_nested():
            await append(tx, new_id())
        await commit(database, new_id())
        assert await relay.publish_window() == 1, "a snapshot in between knows the outer transaction only"
    assert await relay.publish_window() == 1


async def test_a_page_that_failed_is_published_again_from_the_saved_cursor(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    subject = new_id()
    await commit(database, subject, 3)
    relay = await led(Relay("network", relay_database, Interrupted(topics, after=False)))
    with pytest.raises(BrokerAway):
        await relay.publish_window()
    assert await relay.publish_window() == 3
    assert await published(topics) == {subject: [1, 2, 3]}


async def test_a_page_whose_acknowledgement_was_lost_is_repeated_and_nothing_else(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    first, second = new_id(), new_id()
    await commit(database, first, 2)
    await (await led(Relay("network", relay_database, topics))).publish_window()
    await commit(database, second, 2)
    relay = Relay("network", relay_database, Interrupted(topics, after=True))
    relay.lease.holder = "the same"
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update lease set expires_at = clock_timestamp() - interval '1 s'"))
    await led(relay)
    with pytest.raises(BrokerAway):
        await relay.publish_window()
    await relay.publish_window()
    assert await published(topics) == {first: [1, 2], second: [1, 2, 1, 2]}


async def test_a_window_is_finished_by_whoever_leads_next(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    subject = new_id()
    await commit(database, subject, 5)
    fallen = await led(Relay("network", relay_database, Interrupted(topics, after=False), page=2))
    with pytest.raises(BrokerAway):
        await fallen.publish_window()
    await commit(database, subject, 1)
    async with database.transaction(NATIONAL) as tx:
        await fallen.lease.release(tx)
    heir = await led(Relay("network", relay_database, topics, page=2))
    assert await heir.publish_window() == 5, "the saved window, not a newer one"
    assert await heir.publish_window() == 1
    assert await published(topics) == {subject: [1, 2, 3, 4, 5, 6]}


async def test_one_of_two_relays_leads(relay_database: Database, topics: Broker) -> None:
    one, other = Relay("network", relay_database, topics), Relay("centers", relay_database, topics)
    assert [await one.lead(), await other.lead()] == [True, False]


async def test_a_deposed_relay_moves_no_cursor(database: Database, relay_database: Database, topics: Broker) -> None:
    await commit(database, new_id())
    zombie = await led(Relay("network", relay_database, topics))
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update lease set expires_at = clock_timestamp() - interval '1 s'"))
    await led(Relay("network", relay_database, topics))
    with pytest.raises(Deposed):
        await zombie.publish_window()


async def test_a_relay_stopped_within_a_transaction_keeps_nobody_from_leading(
    monkeypatch: pytest.MonkeyPatch, databases: Databases, topics: Broker
) -> None:
    monkeypatch.setattr("shared.database.STOPPED", "200ms")
    stopped, next_one = [await databases("network", role="mithaq_relay") for _ in range(2)]

    async def outlive_a_stopped_one() -> None:
        async with stopped.transaction(NATIONAL) as tx:
            assert await Relay("network", stopped, topics).lease.take(tx)
            async with asyncio.timeout(5):
                await led(Relay("network", next_one, topics))

    with pytest.raises(DBAPIError) as lost:
        await outlive_a_stopped_one()
    assert passes_by_itself(lost.value)


@pytest.mark.parametrize("page", [2, 10], ids=["within a window", "at its end"])
async def test_a_relay_deposed_while_it_publishes_moves_no_cursor(
    database: Database, relay_database: Database, topics: Broker, page: int
) -> None:
    await commit(database, new_id(), 3)
    heir = Relay("network", relay_database, topics)

    class Slow:
        """A broker that takes longer than the lease lasts."""

        async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
            await topics.publish(messages, timeout=timeout)
            if not heir.leads:
                async with database.transaction(NATIONAL) as tx:
                    await tx.execute(text("update lease set expires_at = clock_timestamp() - interval '1 s'"))
                await led(heir)

    zombie = await led(Relay("network", relay_database, Slow(), page=page))
    with pytest.raises(Deposed):
        await zombie.publish_window()
    assert await heir.publish_window() == 3


async def test_a_relay_that_fails_for_a_long_time_goes_on_trying(
    monkeypatch: pytest.MonkeyPatch, relay_database: Database, topics: Broker
) -> None:
    stop, pauses = asyncio.Event(), []

    async def away() -> bool:
        raise ConnectionError

    async def wait(_: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2000:
            stop.set()

    failing = Relay("network", relay_database, topics)
    monkeypatch.setattr(failing, "lead", away)
    monkeypatch.setattr(relaying, "wait", wait)
    await failing.run(stop)
    assert pauses[0] < pauses[1] < pauses[-1] == relaying.LONGEST_PAUSE


async def test_the_relay_cannot_read_what_is_not_published(relay_database: Database) -> None:
    async with relay_database.transaction(NATIONAL) as tx:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await tx.execute(text("select detail from journal"))


@pytest.mark.parametrize("change", ["update journal set actor = 'x'", "delete from journal"])
async def test_the_journal_is_append_only(databases: Databases, change: str) -> None:
    database = await databases("network")
    async with database.transaction(NATIONAL) as tx:
        with pytest.raises(DBAPIError, match="permission denied"):
            await tx.execute(text(change))


async def test_the_lag_is_the_age_of_the_oldest_unpublished_event(
    database: Database, relay_database: Database, topics: Broker
) -> None:
    await commit(database, new_id(), 2)
    async with database.transaction(NATIONAL) as tx:
        rows, age = await journal_lag(tx)
    assert rows == 2 and 0 <= age < 60
    await (await led(Relay("network", relay_database, topics))).publish_window()
    async with database.transaction(NATIONAL) as tx:
        assert await journal_lag(tx) == (0, 0.0)
