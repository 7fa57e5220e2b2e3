"""Stale answers: what a receiver says to what was sent before its endpoint was started over counts no more after it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from services.notifications import commands
from services.notifications.endpoint import Pace
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Work
from tests.fixtures.eventually import eventually

HOUR = "3600"
LONG = {"deadline": 5.0, "lease": 8.0}
HELD_UP = """
    select 1 from pg_locks join pg_stat_activity using (pid)
    where datname = current_database() and relation = 'lane'::regclass
        and pid in (select pid from pg_locks where not granted)
"""


class Late:
    """Answers the first request when it is let go, and takes every later one."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.go = asyncio.Event()
        self.asked = False

    async def __call__(self, _: web.Request) -> web.StreamResponse:
        """Wait and say what was to be said, once."""
        if self.asked:
            return web.Response()
        self.asked = True
        await self.go.wait()
        headers = {name.replace("_", "-"): value for name, value in self.headers.items()}
        return web.Response(status=self.status, headers=headers)


async def _delivered(database: Database) -> bool:
    return {row.state for row in await rows(database, "select state from delivery")} == {"delivered"}


async def _move(db: Work, settings: NotificationsSettings, id: Any, address: str) -> None:
    pace = Pace(address=address, language="fr", concurrency=1, rate=None)
    await commands.change_endpoint(db, id, pace=pace, guard=settings.guard, by=OPERATOR)


@pytest.mark.parametrize("status", [410, 500])
@pytest.mark.parametrize("moves", [True, False])
async def test_what_ended_before_an_endpoint_was_started_over_disables_nothing(
    moves: bool, status: int, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    """Neither that a receiver is gone, nor that its schedule was exhausted: moved, or disabled and enabled again."""
    late = Late(status)
    async with receiver(late) as old, receiver() as new:
        id = (await registered(database, settings, old.url)).endpoint.id
        await told(database, happening(), happening())
        async with sending(**LONG, retries=()):
            await eventually(lambda: late.asked)
            if moves:
                await _move(database, settings, id, new.url)
            else:
                await commands.disable_endpoint(database, id, by=OPERATOR)
                await commands.enable_endpoint(database, id, by=OPERATOR)
            late.go.set()
            await eventually(lambda: _delivered(database))
    assert await rows(database, "select status from endpoint") == [("active",)]
    assert await rows(database, "select 1 from attempt where status = :status", status=status) == [(1,)]


async def test_what_the_old_mailbox_refused_waits_for_the_new_one(
    database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, "old@arefsm.example", channel="email")).endpoint.id
    await told(database)
    sender = Sender(settings, database)
    (lane,) = await sender.claims.look()
    await _move(database, settings, id, "new@arefsm.example")
    writing = asyncio.create_task(sender.recorder.run())
    await sender.recorder.add(_answer(lane, "refused", "refused"))
    await asyncio.wait_for(sender.recorder.release(lane), 5)
    writing.cancel()
    assert await rows(database, "select state, next_attempt_at <= now() from delivery") == [("waiting", True)]
    assert len(await sender.claims.look()) == 1


async def _rotate(database: Database, settings: NotificationsSettings, id: Any) -> None:
    await commands.rotate_secret(database, id, keys=settings.key_ring, overlap=timedelta(hours=1), by=OPERATOR)


async def _test(database: Database, _: NotificationsSettings, id: Any) -> None:
    await commands.send_test(database, id, by=OPERATOR)


@pytest.mark.parametrize("command", [_rotate, _test])
async def test_a_receiver_that_asked_for_a_rest_keeps_it_whatever_else_is_done_with_its_endpoint_meanwhile(
    command: Any, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    late = Late(429, Retry_After=HOUR)
    async with receiver(late) as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await told(database, happening(), happening())
        async with sending(**LONG):
            await eventually(lambda: late.asked)
            await command(database, settings, id)
            late.go.set()
            await eventually(lambda: rows(database, "select 1 from lane where open_until is not null"))
    assert len(academy.received) == 1
    ((until, first),) = await rows(database, "select open_until, (select max(next_attempt_at) from delivery) from lane")
    assert min(until, first) - now() > timedelta(minutes=59)


@pytest.mark.parametrize("result", [True, False])
async def test_an_answer_that_is_written_while_its_endpoint_is_resumed_rests_nothing_after_it(
    result: bool, database: Database, settings: NotificationsSettings
) -> None:
    """Neither its delivery, nor its lane: who waits for the command sees what it did."""
    id = (await registered(database, settings, "http://127.0.0.1:1/")).endpoint.id
    await told(database)
    sender = Sender(settings, database)
    (lane,) = await sender.claims.look()
    lane.sent = 1
    lane.failed(100, float(HOUR))
    await commands.pause_endpoint(database, id, by=OPERATOR)
    writing = asyncio.create_task(sender.recorder.run())
    async with database.transaction(NATIONAL) as tx:
        await commands.resume_endpoint(tx, id, by=OPERATOR)
        if result:
            await sender.recorder.add(_answer(lane, "failed", "waiting"))
        released = asyncio.create_task(sender.recorder.release(lane))
        await eventually(lambda: rows(database, HELD_UP))
    await asyncio.wait_for(released, 5)
    writing.cancel()
    assert await rows(database, "select open_until, failures, due_at <= now() from lane") == [(None, 0, True)]
    assert await rows(database, "select next_attempt_at <= now(), attempts from delivery") == [(True, int(result))]


def _answer(lane: Any, result: str, state: str) -> dict[str, Any]:
    (parcel,) = lane.parcels
    said = {"result": result, "state": state, "delay": float(HOUR), "status": 550, "reason": "no", "excerpt": None}
    made = {"at": now(), "milliseconds": 1, "language": "fr", "bounced": False, "channel": lane.endpoint.channel}
    return {"delivery_id": parcel.delivery_id, "token": lane.token, "epoch": lane.epoch} | said | made
