"""The schedule does what is due, by one leader at a time, and one job's trouble is not the others'."""

import asyncio

from shared.database import Database
from shared.messaging.schedule import Schedule
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
