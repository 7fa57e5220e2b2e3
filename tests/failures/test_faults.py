"""The fault matrix: whatever dies, nothing acknowledged is lost and no effect happens twice."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from typing import Any

import pytest
from sqlalchemy import text

from shared.actor import NATIONAL
from shared.territory import ACADEMY_CODES
from tests.failures.invariants import violations
from tests.failures.looking import at_rest, look
from tests.failures.process import Process
from tests.failures.system import LEASE, System
from tests.fixtures.eventually import eventually

FULL = os.environ.get("MITHAQ_FAULTS") == "full"
KILLS = 20 if FULL else 5
"""Kills per row of the fault matrix."""
KILLS_IN_MID_POST = 20
"""Of the sender, in every run: it asks no broker, and each kill is quickly over."""
RESTARTS = 6 if FULL else 2
"""Restarts of the broker."""
SEED = int(os.environ.get("MITHAQ_SEED", "2024"))
SOON = 60.0
"""Seconds within which everything must be at rest again."""
RELAY, SENDER = ("agreements", "relay"), ("notifications", "workers")

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900 if FULL else 300)]


@asynccontextmanager
async def under_load(system: System, *, repeating: int = 0) -> AsyncIterator[None]:
    """Break the system inside the block; afterwards everything comes to rest and every invariant holds.

    `repeating` faults may each make the relay repeat a page.
    """
    try:
        await system.start_all()
        async with system.load(seed=SEED + len(system.acknowledged)):
            yield
            # Whatever it was, work goes on.
            system.worked_on.clear()
            await eventually(lambda: len(system.worked_on) == len(ACADEMY_CODES), within=SOON)
        await system.start_all()
        await eventually(lambda: at_rest(system), within=SOON, every=0.2)
        system.faults += repeating
        assert violations(await look(system)) == []
    except BaseException as error:
        error.add_note(f"MITHAQ_SEED={SEED}\n{system.last_words()}")
        raise


@pytest.mark.parametrize("point", ["relay.after-read", "relay.mid-page", "relay.after-ack", "relay.after-cursor"])
async def test_a_relay_killed_at_a_point_loses_nothing(system: System, point: str) -> None:
    async with under_load(system, repeating=KILLS):
        system.running[RELAY].kill()
        for _ in range(KILLS):
            await (await system.start(*RELAY, crash_at=point)).dies()


async def test_a_relay_killed_at_any_moment_loses_nothing(system: System) -> None:
    chance = random.Random(SEED)
    async with under_load(system, repeating=KILLS):
        for _ in range(KILLS):
            epoch = await leads(system)
            await asyncio.sleep(chance.uniform(0, 0.5))
            system.running[RELAY].kill()
            await system.start(*RELAY)
            await has_new_leader(system, epoch)


@pytest.mark.parametrize("point", ["consumer.before-commit", "consumer.after-commit"])
@pytest.mark.parametrize("group", ["reporting.agreements", "notifications.deliver"])
async def test_a_consumer_killed_around_its_commit_repeats_no_effect(system: System, group: str, point: str) -> None:
    part = group.partition(".")[0], "reactions"
    async with under_load(system):
        system.running[part].kill()
        for _ in range(KILLS):
            await (await system.start(*part, crash_at=f"{point} {group}")).dies()


async def test_a_notifier_killed_in_mid_post_repeats_nothing_after_deduplication(system: System) -> None:
    system.receivers.delay = 0.2
    async with under_load(system):
        for _ in range(KILLS_IN_MID_POST):
            system.receivers.arrived.clear()
            await asyncio.wait_for(system.receivers.arrived.wait(), SOON)
            system.running[SENDER].kill()
            await system.start(*SENDER)
        system.receivers.delay = 0.0


async def test_a_notifier_killed_at_a_point_repeats_nothing_after_deduplication(system: System) -> None:
    async with under_load(system):
        system.running[SENDER].kill()
        for point in islice(cycle(("notifier.claimed", "notifier.posted", "notifier.recorded")), KILLS):
            await (await system.start(*SENDER, crash_at=point)).dies()


async def test_of_two_relays_one_leads_until_it_dies(system: System) -> None:
    async with under_load(system, repeating=KILLS):
        for _ in range(KILLS):
            epoch, leader = await leads(system), system.running[RELAY]
            await system.start(*RELAY)
            await asyncio.sleep(LEASE)
            assert await leads(system) == epoch, "two relays took turns"
            leader.kill()
            await has_new_leader(system, epoch)


async def test_a_relay_that_slept_past_its_lease_moves_no_cursor(system: System) -> None:
    async with under_load(system, repeating=3 * KILLS):
        system.running[RELAY].kill()
        for point in islice(cycle(("relay.after-read", "relay.after-ack", "relay.after-cursor")), KILLS):
            sleeper = await system.start(*RELAY, stop_at=point)
            await falls_asleep(sleeper)
            successor = await system.start(*RELAY, stop_at="relay.after-read")
            await falls_asleep(successor)
            # The successor finishes the sleeper's window, and sleeps in one of its own before it published any of it.
            begun = await window(system)
            successor.resume()
            await leaves(system, begun)
            await falls_asleep(successor)
            epoch = await ask(system, "select epoch from lease where name = 'relay'")
            sleeper.resume()
            await has_new_leader(system, epoch)
            successor.resume()
            await asyncio.sleep(LEASE / 3)
            sleeper.kill()
            successor.kill()


async def test_a_database_that_crashes_loses_nothing_acknowledged(system: System) -> None:
    async with under_load(system, repeating=KILLS):
        for _ in range(KILLS):
            before = len(system.acknowledged)
            await asyncio.to_thread(system.server.end, mode="immediate")
            await asyncio.to_thread(system.server.start)
            await eventually(lambda: len(system.acknowledged) > before + 10, within=SOON)  # noqa: B023


async def test_a_broker_that_restarts_loses_nothing(system: System) -> None:
    async with under_load(system, repeating=3 * RESTARTS):
        for number in range(RESTARTS):
            await (restart_kafka if system.kafka else cut_embedded_broker)(system, cleanly=number % 2 == 0)
            await asyncio.sleep(1)


async def restart_kafka(system: System, *, cleanly: bool) -> None:
    """Stop or kill Kafka, and start it again on its data."""
    assert system.kafka
    await asyncio.to_thread(system.kafka.stop if cleanly else system.kafka.kill)
    await asyncio.to_thread(system.kafka.start)


async def cut_embedded_broker(system: System, *, cleanly: bool) -> None:
    """Cut every connection to the embedded broker; it lives in the database, whose crash has a row of its own."""
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    async with system.database("broker") as database, database.transaction(NATIONAL) as tx:
        await tx.execute(text(f"{cut} and pid <> pg_backend_pid()"))


async def falls_asleep(process: Process) -> None:
    """Wait until a process has stopped itself at its point."""

    def asleep() -> None:
        assert process.sleeping, f"{process.name} does not fall asleep"

    await eventually(asleep, within=SOON)


async def window(system: System) -> str:
    """Where the relay's saved window begins."""
    return str(await ask(system, "select old_snapshot::text from relay_cursor"))


async def leaves(system: System, begun: str) -> None:
    """Wait until the relay has finished the window that begins here."""

    async def left() -> None:
        assert await window(system) != begun, "the window is not finished"

    await eventually(left, within=SOON)


async def leads(system: System) -> int:
    """Wait until a relay leads; its epoch."""

    async def epoch() -> int:
        found = await ask(system, "select epoch from lease where name = 'relay' and expires_at > clock_timestamp()")
        assert found, "no relay leads"
        return int(found)

    return await eventually(epoch, within=SOON)


async def has_new_leader(system: System, epoch: int) -> None:
    """Wait until another relay leads than in this epoch."""

    async def newer() -> None:
        assert await leads(system) > epoch, "nobody took over"

    await eventually(newer, within=SOON)


async def ask(system: System, query: str) -> Any:
    """One value from the database of agreements."""
    async with system.database("agreements") as database, database.transaction(NATIONAL) as tx:
        return (await tx.execute(text(query))).scalar()
