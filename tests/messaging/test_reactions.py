"""An effect happens once and in order; what fails waits, visibly, and holds up nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg import InternalClientError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Transaction
from shared.events.agreements import AgreementSubmittedForReview
from shared.events.base import Occurrence
from shared.ids import new_id
from shared.messaging import parked
from shared.messaging import reactions as reacting
from shared.messaging.broker import Broker, Message
from shared.messaging.envelope import to_message
from shared.messaging.progress import GAP
from shared.messaging.reactions import ATTEMPTS, ReactionRunner, Reactions
from shared.messaging.rebuild import rebuild
from shared.messaging.retrying import TooEarly, passes_by_itself
from shared.messaging.tables import ProgressRow
from shared.refusals import ConcurrentChange
from tests.fixtures.database import Databases
from tests.fixtures.eventually import eventually

TOPIC = "agreements.agreement"


@pytest.fixture
async def database(databases: Databases) -> Database:
    return await databases("network")


@pytest.fixture
async def topics(broker: Broker) -> Broker:
    await broker.ensure_topics([TOPIC])
    return broker


def event(subject: UUID, version: int, *, type: str = AgreementSubmittedForReview.type) -> Message:
    return to_message(
        {
            "event_id": new_id(),
            "aggregate_type": "agreement",
            "aggregate_id": subject,
            "aggregate_version": version,
            "type": type,
            "audience": ["MA-06"],
            "actor": "mithaq#system",
            "occurred_at": now(),
            "recorded_at": now(),
            "data": {"agreement_id": str(subject)},
            "correlation": new_id(),
            "causation": None,
            "traceparent": None,
        }
    )


class Effects:
    """A reaction that writes down what it does, in the transaction it is given, and fails where told."""

    def __init__(self, *, projection: bool = False) -> None:
        reactions = Reactions("centers")
        self.reaction = (
            reactions.projection("count", tables=(ProgressRow,)) if projection else reactions.reaction("count")
        )
        self.poison: set[tuple[UUID, int]] = set()
        self.errors: list[Exception] = []
        self.tries = 0

        @self.reaction.on(AgreementSubmittedForReview)
        async def count(tx: Transaction, occurrence: Occurrence[AgreementSubmittedForReview]) -> None:
            self.tries += 1
            if (occurrence.subject, occurrence.version) in self.poison:
                raise ValueError("planted")
            if self.errors:
                raise self.errors.pop()
            await tx.execute(
                text("insert into content (hash, body) values (:hash, :body)"),
                {"hash": f"{occurrence.subject}/{occurrence.version}", "body": str(occurrence.version)},
            )


@asynccontextmanager
async def running(effects: Effects, database: Database, broker: Broker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(ReactionRunner(effects.reaction, database, broker).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def done(database: Database) -> dict[UUID, list[int]]:
    """Versions whose effect is there, per subject."""
    async with database.transaction(NATIONAL) as tx:
        hashes = (await tx.execute(text("select hash from content"))).scalars().all()
    effects: dict[UUID, list[int]] = {}
    for subject, version in sorted(hash.split("/") for hash in hashes):
        effects.setdefault(UUID(subject), []).append(int(version))
    return {subject: sorted(versions) for subject, versions in effects.items()}


async def held(database: Database, subject: UUID) -> str | None:
    async with database.transaction(NATIONAL) as tx:
        return (await tx.execute(text("select held from progress where subject = :s"), {"s": subject})).scalar()


async def waiting(database: Database) -> list[tuple[int, bool]]:
    async with database.transaction(NATIONAL) as tx:
        return [(row.version, row.reason is not None) for row in await parked.parked(tx)]


async def is_done(database: Database, expected: dict[UUID, list[int]]) -> bool:
    return await done(database) == expected


@pytest.mark.parametrize("projection", [False, True], ids=["one by one", "in batches"])
async def test_an_effect_happens_once_however_often_the_event_comes(
    database: Database, topics: Broker, projection: bool
) -> None:
    effects, subject = Effects(projection=projection), new_id()
    first, second = event(subject, 1), event(subject, 2)
    await topics.publish([first, first, second, first, second])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1, 2]}))
    await topics.publish([first, second, event(subject, 3)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1, 2, 3]}))
    assert await held(database, subject) is None


@pytest.mark.parametrize("projection", [False, True], ids=["one by one", "in batches"])
async def test_nothing_is_applied_over_a_gap(database: Database, topics: Broker, projection: bool) -> None:
    effects, subject, other = Effects(projection=projection), new_id(), new_id()
    await topics.publish([event(subject, 1), event(subject, 3), event(subject, 4), event(other, 1)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1], other: [1]}))
        await eventually(lambda: is_held(database, subject, GAP))
        await topics.publish([event(subject, 2)])
        await eventually(lambda: is_done(database, {subject: [1, 2, 3, 4], other: [1]}))
    assert await held(database, subject) is None
    assert await waiting(database) == []


@pytest.mark.parametrize("projection", [False, True], ids=["one by one", "in batches"])
async def test_what_waits_behind_a_filled_gap_is_released_even_after_a_crash(
    database: Database, topics: Broker, projection: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects, subject = Effects(projection=projection), new_id()
    crashes = [ConnectionError("planted")]

    async def release(*given: Any) -> str | None:
        if crashes:
            raise crashes.pop()
        return await parked.release(*given)

    monkeypatch.setattr(reacting, "release", release)
    await topics.publish([event(subject, 1), event(subject, 3), event(subject, 4), event(subject, 2)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1, 2, 3, 4]}))
    assert not crashes
    assert await held(database, subject) is None


async def is_held(database: Database, subject: UUID, why: str) -> bool:
    return await held(database, subject) == why


@pytest.mark.parametrize("projection", [False, True], ids=["one by one", "in batches"])
async def test_a_poison_event_is_parked_and_only_its_subject_waits(
    database: Database, topics: Broker, projection: bool
) -> None:
    effects, sick, well = Effects(projection=projection), new_id(), new_id()
    effects.poison.add((sick, 2))
    await topics.publish([event(sick, 1), event(sick, 2), event(sick, 3), event(well, 1), event(well, 2)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {sick: [1], well: [1, 2]}))
        await eventually(lambda: waits(database, [(2, True), (3, False)]))
        assert await held(database, sick) == "builtins.ValueError"
        effects.poison.clear()
        assert await parked.retry(effects.reaction, database, sick, by="operator") is None
        assert await done(database) == {sick: [1, 2, 3], well: [1, 2]}
        await topics.publish([event(sick, 4)])
        await eventually(lambda: is_done(database, {sick: [1, 2, 3, 4], well: [1, 2]}))


async def waits(database: Database, expected: list[tuple[int, bool]]) -> bool:
    return await waiting(database) == expected


async def test_an_event_that_fails_again_stays_parked(database: Database, topics: Broker) -> None:
    effects, subject = Effects(), new_id()
    effects.poison.add((subject, 1))
    await topics.publish([event(subject, 1)])
    async with running(effects, database, topics):
        await eventually(lambda: waits(database, [(1, True)]))
    assert await parked.retry(effects.reaction, database, subject, by="operator") == "builtins.ValueError"
    assert await waiting(database) == [(1, True)]


async def test_a_dropped_event_is_given_up_with_a_reason_and_the_rest_goes_on(
    database: Database, topics: Broker
) -> None:
    effects, subject = Effects(), new_id()
    effects.poison.add((subject, 1))
    await topics.publish([event(subject, 1), event(subject, 2)])
    async with running(effects, database, topics):
        await eventually(lambda: waits(database, [(1, True), (2, False)]))
    with pytest.raises(ValueError):
        await parked.drop(effects.reaction, database, subject, by="operator", reason=" ")
    assert await parked.drop(effects.reaction, database, subject, by="operator", reason="sent by mistake") is None
    assert await done(database) == {subject: [2]}
    async with database.transaction(NATIONAL) as tx:
        decisions = (await tx.execute(text("select decision, actor, reason from parked_decision"))).all()
    assert [tuple(row) for row in decisions] == [("drop", "operator", "sent by mistake")]


async def test_an_event_of_unknown_type_is_parked_at_once(database: Database, topics: Broker) -> None:
    effects, subject = Effects(), new_id()
    known = event(subject, 1)
    await topics.publish(
        [Message(TOPIC, known.key, known.headers | {"ce_type": "ma.mithaq.agreement.sung.v9"}, known.value)]
    )
    async with running(effects, database, topics):
        await eventually(lambda: waits(database, [(1, True)]))
    assert "ma.mithaq.agreement.sung.v9" in (await held(database, subject) or "")
    assert effects.tries == 0


async def test_what_comes_too_early_waits_at_once_and_alarms_only_if_it_does_not_heal(
    database: Database, topics: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reacting, "PAUSES", (60,))
    effects, early, well = Effects(), new_id(), new_id()
    effects.errors = [TooEarly()]
    await topics.publish([event(early, 1), event(early, 2)])
    with capture_logs() as logs:
        async with running(effects, database, topics):
            await eventually(lambda: waits(database, [(1, True), (2, False)]))
            await topics.publish([event(well, 1)])
            await eventually(lambda: is_done(database, {well: [1]}))
    assert await waits(database, [(1, True), (2, False)])
    assert not [each for each in logs if each["log_level"] in ("warning", "error", "critical")]
    assert await alarming(database) == (0, 0)
    effects.errors = [TooEarly()]
    assert await parked.release(effects.reaction, database, early) == await held(database, early)
    assert await alarming(database) == (0, 0), "it was asked for again, and nothing failed"
    assert await alarming(database, after=parked.HEALS_WITHIN) == (1, 1)
    assert await parked.release(effects.reaction, database, early) is None
    assert await done(database) == {early: [1, 2], well: [1]}


async def test_what_is_parked_for_a_fault_alarms_with_what_waits_behind_it(database: Database, topics: Broker) -> None:
    effects, sick, behind_a_gap = Effects(), new_id(), new_id()
    effects.poison.add((sick, 1))
    await topics.publish([event(sick, 1), event(sick, 2), event(behind_a_gap, 2)])
    async with running(effects, database, topics):
        await eventually(lambda: is_held(database, sick, "builtins.ValueError"))
        await eventually(lambda: is_held(database, behind_a_gap, GAP))
    assert await alarming(database) == (1, 2)


async def alarming(database: Database, *, after: timedelta = timedelta()) -> tuple[int, int]:
    async with database.transaction(NATIONAL) as tx:
        return await parked.alarming(tx, now() + after)


async def test_a_record_that_is_no_event_is_parked_and_holds_nobody_up(database: Database, topics: Broker) -> None:
    effects, subject = Effects(), new_id()
    await topics.publish([Message(TOPIC, str(subject), {}, b"?"), event(subject, 1)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1]}))
    assert await waiting(database) == [(0, True)]


async def test_a_reaction_with_a_pace_looks_no_more_often_than_that(database: Database, topics: Broker) -> None:
    pace, taken = 0.3, asyncio.Queue[int]()
    effects, subject = Effects(), new_id()
    effects.reaction = Reactions("centers").reaction(
        "paced", batch=20, pace=pace, events=(AgreementSubmittedForReview,)
    )

    @effects.reaction.batch
    async def note(_: Transaction, occurrences: Sequence[Occurrence[Any]]) -> None:
        for each in occurrences:
            taken.put_nowait(each.version)

    started = time.monotonic()
    async with running(effects, database, topics):
        for version in (1, 2, 3):
            await topics.publish([event(subject, version)])
            assert await taken.get() == version
    assert time.monotonic() - started >= 2 * pace


async def test_a_deadlock_is_tried_again_and_never_parked(database: Database, topics: Broker) -> None:
    from asyncpg.exceptions import DeadlockDetectedError

    effects, subject = Effects(), new_id()
    for _ in range(ATTEMPTS):
        orig = Exception("deadlock")
        orig.__cause__ = DeadlockDetectedError("planted")
        effects.errors.append(DBAPIError("", {}, orig))
    await topics.publish([event(subject, 1)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: [1]}), within=20)
    assert await waiting(database) == []


def test_a_connection_that_the_server_is_closing_is_no_reason_to_park() -> None:
    assert passes_by_itself(InternalClientError("cannot switch to state 15; another operation (2) is in progress"))


async def test_a_refusal_that_never_ends_is_parked(database: Database, topics: Broker) -> None:
    effects, taken, free = Effects(), new_id(), new_id()
    effects.errors += [ConcurrentChange() for _ in range(ATTEMPTS)]
    await topics.publish([event(taken, 1)])
    async with running(effects, database, topics):
        await eventually(lambda: waits(database, [(1, True)]))
        await topics.publish([event(free, 1)])
        await eventually(lambda: is_done(database, {free: [1]}))
    assert await held(database, taken) == "refused: concurrent-change"


async def test_a_rebuild_gives_what_the_log_says_and_the_consumer_goes_on(database: Database, topics: Broker) -> None:
    effects, subject = Effects(projection=True), new_id()
    await topics.publish([event(subject, version) for version in range(1, 8)])
    async with running(effects, database, topics):
        await eventually(lambda: is_done(database, {subject: list(range(1, 8))}))
        async with database.transaction(NATIONAL) as tx:
            await tx.execute(text("update progress set version = 99"))
        # The effects of this test live in an append-only table, so only the progress tells that everything was read.
        effects.poison = {(subject, version) for version in range(1, 8)}
        assert await rebuild(effects.reaction, database, topics) == 7
    assert await waiting(database) == [(1, True), *((version, False) for version in range(2, 8))]


async def test_a_rebuild_fills_gaps_and_leaves_a_record_that_is_no_event_where_it_is(
    database: Database, topics: Broker
) -> None:
    effects, subject = Effects(projection=True), new_id()
    await topics.publish([Message(TOPIC, str(subject), {}, b"?")])
    async with running(effects, database, topics):
        await eventually(lambda: waits(database, [(0, True)]))
    await topics.publish([event(subject, version) for version in (1, 3, 4, 2)])
    assert await rebuild(effects.reaction, database, topics) == 4
    assert await done(database) == {subject: [1, 2, 3, 4]}
    assert await waiting(database) == [(0, True)]
    assert await held(database, subject) is None
