"""The fault matrix: whatever dies, nothing acknowledged is lost and no effect happens twice."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from shared.actor import NATIONAL
from tests.failures.invariants import check, settled
from tests.failures.system import KILLS, LEASE, System
from tests.fixtures.eventually import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
SEED = int(os.environ.get("MITHAQ_SEED", "2024"))


@asynccontextmanager
async def under_load(system: System, *, kills: int = 0) -> AsyncIterator[None]:
    """Break the system inside the block; afterwards everything settles and every invariant holds."""
    system.start_all()
    async with system.load(seed=SEED):
        yield
    system.start_all()
    await eventually(lambda: settled(system), within=60, every=0.25)
    system.kills += kills
    await check(system)


@pytest.mark.parametrize("point", ["relay.after-read", "relay.mid-page", "relay.after-ack", "relay.after-cursor"])
async def test_a_relay_killed_at_a_point_loses_nothing(system: System, point: str) -> None:
    async with under_load(system, kills=KILLS):
        system.processes["agreements", "relay"].kill()
        for _ in range(KILLS):
            await system.start("agreements", "relay", crash_at=point).dies()


async def test_a_relay_killed_at_any_moment_loses_nothing(system: System) -> None:
    chance = random.Random(SEED)
    async with under_load(system, kills=KILLS):
        for _ in range(KILLS):
            await leads(system)
            await asyncio.sleep(chance.uniform(0, 0.5))
            system.processes["agreements", "relay"].kill()
            system.start("agreements", "relay")


@pytest.mark.parametrize("point", ["consumer.before-commit", "consumer.after-commit"])
@pytest.mark.parametrize("service", ["reporting", "notifications"])
async def test_a_consumer_killed_around_its_commit_repeats_no_effect(system: System, service: str, point: str) -> None:
    async with under_load(system):
        system.processes[service, "reactions"].kill()
        for _ in range(KILLS):
            await system.start(service, "reactions", crash_at=point).dies()


async def test_a_notifier_killed_in_mid_post_repeats_nothing_after_deduplication(system: System) -> None:
    system.receivers.delay = 0.2
    async with under_load(system):
        for _ in range(KILLS):
            system.receivers.arrived.clear()
            await asyncio.wait_for(system.receivers.arrived.wait(), 30)
            system.processes["notifications", "workers"].kill()
            system.start("notifications", "workers")
        system.receivers.delay = 0.0


async def test_two_relays_at_once_publish_one_order(system: System) -> None:
    async with under_load(system, kills=1):
        other = system.start("agreements", "relay")
        await asyncio.sleep(3 * LEASE)
        other.kill()
        system.start("agreements", "relay")


async def test_a_relay_that_slept_past_its_lease_moves_no_cursor(system: System) -> None:
    async with under_load(system, kills=2):
        await leads(system)
        sleeper = system.processes["agreements", "relay"]
        epoch = await leads(system)
        sleeper.pause()
        system.start("agreements", "relay")
        await eventually(lambda: has_new_leader(system, epoch), within=20)
        sleeper.resume()
        await asyncio.sleep(LEASE)
        sleeper.kill()


async def test_a_database_that_crashes_loses_nothing_acknowledged(system: System) -> None:
    async with under_load(system, kills=2):
        await asyncio.sleep(1)
        await asyncio.to_thread(system.server.end, mode="immediate")
        await asyncio.to_thread(system.server.start)
        await asyncio.sleep(1)


async def test_a_broker_that_restarts_loses_nothing(system: System) -> None:
    if system.kafka is None:
        # The embedded broker lives in the database, whose crash has a row of its own: here its connections are cut.
        async with (
            under_load(system, kills=2),
            system.database("broker") as database,
            database.transaction(NATIONAL) as tx,
        ):
            cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            await tx.execute(text(f"{cut} and pid <> pg_backend_pid()"))
        return
    async with under_load(system, kills=2):
        await asyncio.to_thread(system.kafka.restart)


async def leads(system: System) -> int:
    """Wait until a relay leads; its epoch."""

    async def epoch() -> int:
        async with system.database("agreements") as database, database.transaction(NATIONAL) as tx:
            query = text("select epoch from lease where name = 'relay' and expires_at > clock_timestamp()")
            found = (await tx.execute(query)).scalar()
        assert found, "no relay leads"
        return int(found)

    return await eventually(epoch, within=20)


async def has_new_leader(system: System, epoch: int) -> bool:
    return await leads(system) > epoch
