"""The schedule does what is due, by one leader at a time, and one job's trouble is not the others'."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text

from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.lease import Lease
from shared.messaging.schedule import Job, Schedule
from tests.fixtures.database import Databases
from tests.fixtures.eventually import eventually


async def test_a_job_that_fails_comes_again_soon_and_keeps_no_other_waiting(databases: Databases) -> None:
    database, stop = await databases("network"), asyncio.Event()
    schedule, done = Schedule("network"), {"sick": 0, "well": 0}

    @schedule.every(seconds=3600, id="sick")
    async def sick(_: Database) -> None:
        done["sick"] += 1
        raise ValueError("planted")

    @schedule.every(seconds=3600, id="well")
    async def well(_: Database) -> None:
        done["well"] += 1

    running = asyncio.create_task(schedule.run(database, stop, lease=0.3))
    await eventually(lambda: done["sick"] >= 2)
    stop.set()
    await running
    assert done["well"] == 1


async def test_one_of_two_schedules_leads_and_the_other_follows(databases: Databases) -> None:
    done: list[str] = []
    stops = {name: asyncio.Event() for name in ("one", "other")}

    async def run(name: str) -> None:
        schedule = Schedule("network")

        @schedule.every(seconds=0.05, id="work")
        async def work(_: Database) -> None:
            done.append(name)

        await schedule.run(await databases("network"), stops[name], lease=5.0)

    leader = asyncio.create_task(run("one"))
    await eventually(lambda: "one" in done)
    follower = asyncio.create_task(run("other"))
    seen = len(done)
    await eventually(lambda: len(done) > seen + 3)
    assert "other" not in done
    stops["one"].set()
    await leader
    await eventually(lambda: "other" in done)
    stops["other"].set()
    await follower


LASTING = 2.0
"""Seconds that a lease lasts here; a leader renews it after a third of them."""
HELD_BY = text("select holder, expires_at from lease where name = 'schedule'")
TAKEN_BY_ANOTHER = text("update lease set holder = 'another', epoch = epoch + 1 where name = 'schedule'")
LEFT = text("select extract(epoch from expires_at - clock_timestamp()) from lease where name = :name for update")


def with_job(job: Job) -> Schedule:
    """A schedule that does this once."""
    schedule = Schedule("network")
    schedule.every(seconds=3600, id="job")(job)
    return schedule


async def held_by(database: Database) -> Row[Any]:
    """Who leads the schedule, and until when."""
    async with database.transaction(NATIONAL) as tx:
        return (await tx.execute(HELD_BY)).one()


async def test_a_job_that_takes_longer_than_the_lease_has_one_leader(databases: Databases) -> None:
    database, stop, finish = await databases("network"), asyncio.Event(), asyncio.Event()
    begun: list[str] = []

    def long(name: str) -> Job:
        async def job(_: Database) -> None:
            begun.append(name)
            await finish.wait()

        return job

    leader = asyncio.create_task(with_job(long("one")).run(database, stop, lease=LASTING))
    await eventually(lambda: begun == ["one"])
    first = await held_by(database)
    follower = asyncio.create_task(with_job(long("other")).run(database, stop, lease=LASTING))

    async def the_first_lease_would_be_over() -> bool:
        now = await held_by(database)
        return bool(now.expires_at > first.expires_at + timedelta(seconds=LASTING))

    await eventually(the_first_lease_would_be_over)
    assert (await held_by(database)).holder == first.holder
    finish.set()
    stop.set()
    await asyncio.gather(leader, follower)
    assert begun == ["one"]


async def test_what_a_leader_has_not_committed_when_another_leads_is_given_up(databases: Databases) -> None:
    database, stop = await databases("network"), asyncio.Event()
    steps: list[str] = []

    async def job(database: Database) -> None:
        try:
            async with database.transaction(NATIONAL) as tx:
                await Lease("effect", lasting=3600).take(tx)
                steps.append("written")
                await asyncio.Event().wait()
        finally:
            steps.append("over")

    leader = asyncio.create_task(with_job(job).run(database, stop, lease=LASTING))
    await eventually(lambda: steps == ["written"])
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(TAKEN_BY_ANOTHER)
    await eventually(lambda: steps == ["written", "over"])
    stop.set()
    await leader
    async with database.transaction(NATIONAL) as tx:
        assert await Lease("effect", lasting=3600).take(tx), "nobody holds what was not committed"


async def test_a_database_that_does_not_answer_deposes_a_leader_before_another_can_lead(databases: Databases) -> None:
    database, lease, kept = await databases("network"), Lease("any", lasting=3.0), 0
    assert await lease.keep(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(LEFT, {"name": "any"})
        while await lease.keep(database):
            kept += 1
        assert (await tx.execute(LEFT, {"name": "any"})).scalar_one() > 0
    assert kept, "not at the first answer that fails to come"
    assert await lease.keep(database), "it leads again as soon as it is told so"
