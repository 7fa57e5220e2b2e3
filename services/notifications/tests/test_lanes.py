"""Lanes: how fast an endpoint is sent to, when it is left alone, and how one takes it back."""

import asyncio
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from aiohttp import web

from services.notifications import commands
from services.notifications.endpoint import Pace
from services.notifications.errors import PeriodEmpty
from services.notifications.lanes import Lane
from services.notifications.schedule import forget_old_attempts
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, delivered, happening, registered, rows, states, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import Slow, accept, answering, mailbox, receiver
from services.notifications.waking import NEWS
from shared import clock
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.catalog import decode
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"


def _at(hours: float) -> datetime:
    return now() + timedelta(hours=hours)


async def _lane(database: Database) -> Any:
    (lane,) = await rows(database, "select * from lane")
    return lane


async def test_an_endpoint_in_order_has_one_message_under_way_and_a_concurrent_one_as_many_as_it_asked_for(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    one, four = Slow(0.02), Slow(0.02)
    async with receiver(one) as in_order, receiver(four) as concurrent:
        await registered(database, settings, in_order.url)
        await registered(database, settings, concurrent.url, academy="MA-05", concurrency=4)
        await told(database, *(happening(audience=("MA-05", "MA-06")) for _ in range(12)))
        async with sending():
            await delivered(database, 24)
    assert (one.most, four.most) == (1, 4)
    assert sorted(concurrent.ids) == sorted(in_order.ids)


async def test_a_concurrent_endpoint_passes_a_message_that_fails(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url, concurrency=2)
        first, *rest = await told(database, *(happening() for _ in range(6)))

        async def refuse_the_first(request: web.Request) -> web.StreamResponse:
            return web.Response(status=500 if request.headers["webhook-id"] == str(first.id) else 200)

        academy.behave = refuse_the_first
        async with sending(retries=(60.0,)):
            await eventually(lambda: len(academy.received) == 6)

            async def only_the_first_waits() -> bool:
                return await states(database) == ["waiting"] + ["delivered"] * len(rest)

            await eventually(only_the_first_waits)


async def test_a_concurrent_endpoint_takes_slots_of_its_academy_s_share_only(
    database: Database, settings: NotificationsSettings
) -> None:
    for academy, concurrency in (("MA-06", 8), ("MA-06", 1), ("MA-05", 8)):
        await registered(database, settings, DEAD, academy=academy, concurrency=concurrency)
    await told(database, happening(audience=("MA-05", "MA-06")))
    sender = Sender(settings.model_copy(update={"slots": 16}), database)
    lanes = await sender.claims.look()
    assert sum(lane.width for lane in lanes if lane.endpoint.academy == "MA-06") == 4
    assert sum(lane.width for lane in lanes if lane.endpoint.academy == "MA-05") == 4


async def test_an_endpoint_stays_in_hand_for_as_long_as_each_look_finds_something_for_it(
    database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, DEAD)
    claims = Sender(settings, database).claims
    await told(database, happening())
    (lane,) = await claims.look()
    for sequence in (1, 2):
        assert [each.sequence for each in lane.parcels] == [sequence]
        lane.parcels.clear()
        assert claims.flows and lane.runs_low(0)
        if sequence == 1:
            await told(database, happening())
        assert await claims.look() == []
    assert not lane.parcels
    assert not claims.flows and not lane.runs_low(0)


@pytest.mark.parametrize(("how", "again"), [("resent", [1]), ("replayed", [1, 2])])
async def test_what_is_put_back_by_hand_has_the_next_look_halt_the_lane_and_leaves_first(
    how: str, again: list[int], database: Database, settings: NotificationsSettings
) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    await told(database, happening(), happening(), happening())
    sender = Sender(settings, database)
    (lane,) = await sender.claims.look()
    lane.parcels.clear()
    async with database.transaction(NATIONAL) as tx:
        taken = "update delivery set state = 'delivered' where sequence < 3"
        await (await tx.connection()).exec_driver_sql(taken)
    ((first,),) = await rows(database, "select id from delivery where sequence = 1")
    if how == "resent":
        await commands.redeliver(database, first, by=OPERATOR)
    else:
        await commands.replay_feed(database, id, since=_at(-3), by=OPERATOR)
    assert await sender.claims.look() == []
    assert lane.halted and not lane.parcels
    recording = asyncio.create_task(sender.recorder.run())
    await sender.recorder.release(lane)
    recording.cancel()
    sender.claims.give_back(lane)
    (lane,) = await sender.claims.look()
    assert [each.sequence for each in lane.parcels] == [*again, 3]


@pytest.mark.parametrize("quiet", ["MA-05", "MA-06"])
async def test_a_drained_lane_gives_its_slots_back_at_once_while_another_waits_for_them(
    quiet: str, database: Database, settings: NotificationsSettings
) -> None:
    """Another of its academy waits for that one's share, one of another academy for any slot."""
    flowing = ("MA-01", "MA-02", "MA-03", "MA-06")
    for academy in flowing:
        await registered(database, settings, DEAD, academy=academy)
    await told(database, happening(audience=flowing))
    claims = Sender(settings.model_copy(update={"slots": 4}), database).claims
    lanes = await claims.look()
    for lane in lanes:
        lane.parcels.clear()
        lane.fetched.clear()
    assert [lane.runs_low(0) for lane in lanes] == [True] * 4
    waiting = (await registered(database, settings, DEAD, academy=quiet)).endpoint.id
    await told(database, happening(audience=(*flowing, quiet)))
    assert await claims.look() == []
    asked = [lane for lane in lanes if quiet in ("MA-05", lane.endpoint.academy)]
    assert all(lane.fetched.is_set() for lane in asked)
    assert not any(lane.parcels or lane.runs_low(0) for lane in asked)
    assert all(lane.parcels for lane in lanes if lane not in asked)
    claims.give_back(asked[0])
    assert [lane.endpoint.id for lane in await claims.look()] == [waiting]


async def test_who_waits_for_a_slot_does_not_wait_for_the_leases_of_those_that_flow(
    database: Database, settings: NotificationsSettings, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    flowing = ("MA-01", "MA-02", "MA-03", "MA-04")
    async with receiver() as busy, receiver() as quiet:
        for academy in flowing:
            await registered(database, settings, busy.url, academy=academy)
        await registered(database, settings, quiet.url)
        async with sending(slots=4, lease=3600.0) as sender:
            look = sender.claims.look

            async def always_something() -> list[Lane]:
                await told(database, happening(audience=flowing))
                return await look()

            monkeypatch.setattr(sender.claims, "look", always_something)
            await eventually(lambda: len(busy.received) >= 20)
            await told(database)
            await eventually(lambda: len(quiet.received) == 1)


async def test_a_bucket_allows_a_second_s_worth_and_then_fills_again(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url, rate=3)
        await told(database, *(happening() for _ in range(5)))
        # One that has never been sent to has a full bucket.
        (lane,) = await Sender(settings.model_copy(update={"lease": 0.6}), database).claims.look()
        assert (lane.quota, len(lane.parcels)) == (3, 3)
        async with sending():
            await eventually(lambda: len(academy.received) >= 3)
            assert len(academy.received) < 5
            await delivered(database, 5)
    (sent,) = await rows(database, "select extract(epoch from max(at) - min(at)) as seconds from attempt")
    assert sent.seconds > 0.3  # the fourth and fifth waited for a third of a second each


async def test_an_open_breaker_spends_no_attempt_and_outlives_the_sender(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    slow = {"retries": (60.0,) * 4, "breaker_failures": 3}
    async with receiver(answering(500)) as academy:
        await registered(database, settings, academy.url, concurrency=2)
        await told(database, *(happening() for _ in range(10)))
        async with sending(**slow):

            async def open() -> bool:
                return (await _lane(database)).open_until is not None

            await eventually(open)
        spent = len(academy.received)
        assert 3 <= spent <= 4  # one more may have been under way
        other = Sender(settings, database)
        assert await other.claims.look() == []
        untouched = await rows(database, "select 1 from delivery where attempts = 0")
        assert len(untouched) == 10 - spent


async def test_a_half_open_breaker_tries_once_and_closes_when_that_arrives(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    slow = {"retries": (60.0,) * 4, "breaker_failures": 2}
    half_open = "update lane set failures = 2, open_until = now() - interval '1 second'"
    async with receiver(answering(500)) as academy:
        await registered(database, settings, academy.url, concurrency=2)
        await told(database, *(happening() for _ in range(6)))
        async with database.transaction(NATIONAL) as tx:
            await (await tx.connection()).exec_driver_sql(half_open)
        async with sending(**slow):
            await eventually(lambda: _failures(database, 3))
        assert len(academy.received) == 1
        academy.behave = accept
        async with database.transaction(NATIONAL) as tx:
            await (await tx.connection()).exec_driver_sql(half_open)
            await (await tx.connection()).exec_driver_sql("update delivery set next_attempt_at = now()")
            await (await tx.connection()).exec_driver_sql("update lane set due_at = now()")
        async with sending(**slow):
            await delivered(database, 6)
            await eventually(lambda: _failures(database, 0))
    assert (await _lane(database)).open_until is None


async def _failures(database: Database, count: int) -> bool:
    lane = await _lane(database)
    return lane.lease_token is None and lane.failures == count


async def test_everything_stays_owed_to_a_paused_endpoint(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await commands.pause_endpoint(database, id, by=OPERATOR)
        events = await told(database, happening(), happening())
        async with sending():
            assert await Sender(settings, database).claims.look() == []
            assert not academy.received
            await commands.resume_endpoint(database, id, by=OPERATOR)
            await delivered(database, 2)
    assert academy.ids == [str(event.id) for event in events]


@pytest.mark.parametrize("step", [commands.disable_endpoint, commands.pause_endpoint])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_endpoint_that_is_taken_back_while_it_is_sent_to_gets_nothing_more(
    step: Any,
    elsewhere: bool,
    database: Database,
    settings: NotificationsSettings,
    sending: Sending,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also by another process, whose bell is not heard here."""
    slow = Slow(0.25)
    async with receiver(slow) as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await told(database, *(happening() for _ in range(5)))
        async with sending(deadline=5.0, lease=8.0):
            await eventually(lambda: slow.waiting == 1, every=0.001)
            if elsewhere:
                monkeypatch.setattr(NEWS, "ring", lambda: None)
            await step(database, id, by=OPERATOR)

            async def given_back() -> bool:
                return (await _lane(database)).lease_token is None

            await eventually(given_back)
    assert len(academy.received) == 1
    assert await states(database) == ["delivered"] + ["waiting"] * 4


async def test_what_follows_goes_to_the_new_address_at_once(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    slow = Slow(0.25)
    async with receiver(slow) as old, receiver() as new:
        id = (await registered(database, settings, old.url)).endpoint.id
        events = await told(database, *(happening() for _ in range(4)))
        async with sending():
            await eventually(lambda: slow.waiting == 1, every=0.001)
            pace = Pace(address=new.url, language="ar", concurrency=1, rate=None)
            await commands.change_endpoint(database, id, pace=pace, guard=settings.guard, by=OPERATOR)
            await delivered(database, 4)
    assert old.ids + new.ids == [str(event.id) for event in events]
    assert len(old.ids) == 1
    assert b'"language":"ar"' in new.received[0][1]


async def test_a_new_address_is_not_left_alone_for_what_the_old_one_answered(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(503, Retry_After="3600")) as old, receiver() as new:
        id = (await registered(database, settings, old.url)).endpoint.id
        await told(database, happening(), happening())
        async with sending():
            await eventually(lambda: rows(database, "select 1 from lane where open_until is not null"))
            pace = Pace(address=new.url, language="fr", concurrency=1, rate=None)
            await commands.change_endpoint(database, id, pace=pace, guard=settings.guard, by=OPERATOR)
            await delivered(database, 2)
    assert (len(old.received), len(new.received)) == (1, 2)


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_an_answer_to_what_was_sent_before_a_resumption_rests_nothing_after_it(
    concurrency: int, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    resumed = asyncio.Event()

    async def tired(_: web.Request) -> web.StreamResponse:
        if resumed.is_set():
            return web.Response()
        await resumed.wait()
        return web.Response(status=503, headers={"Retry-After": "3600"})

    async with receiver(tired) as academy:
        id = (await registered(database, settings, academy.url, concurrency=concurrency)).endpoint.id
        await told(database)
        async with sending(deadline=5.0, lease=8.0, retries=(3600.0,) * 4):
            await eventually(lambda: len(academy.received) == 1)
            await commands.pause_endpoint(database, id, by=OPERATOR)
            await commands.resume_endpoint(database, id, by=OPERATOR)
            resumed.set()
            await delivered(database, 1)
    assert len(academy.received) == 2
    assert (await _lane(database)).open_until is None


async def test_a_test_reaches_the_endpoint_it_is_for_and_no_other(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as mine, receiver() as other:
        id = (await registered(database, settings, mine.url)).endpoint.id
        await registered(database, settings, other.url)
        await commands.send_test(database, id, by=OPERATOR)
        (row,) = await rows(database, "select * from journal where type like '%tested%'")
        tested = happening(decode(row.type, row.data), subject=id)
        await told(database, tested)
        async with sending():
            await delivered(database, 1)
    assert (mine.ids, other.ids) == ([str(tested.id)], [])


async def test_who_was_disabled_recovers_what_was_missed_and_nothing_twice(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        (first,) = await told(database)
        async with sending():
            await delivered(database, 1)
        await commands.disable_endpoint(database, id, by=OPERATOR)
        missed = await told(database, *(happening() for _ in range(3)))
        await commands.enable_endpoint(database, id, by=OPERATOR)
        replay = await commands.recover_missed(database, id, since=_at(-3), by=OPERATOR)
        assert replay.deliveries == 3
        async with sending():
            await delivered(database, 4)
    assert academy.ids == [str(event.id) for event in (first, *missed)]
    assert all("mithaq-replay" not in headers for headers, _ in academy.received)


async def test_what_was_missed_is_found_whatever_the_clock_of_the_process_says(
    database: Database, settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Behind":
            return super().now(tz) - timedelta(minutes=10)

    id = (await registered(database, settings, DEAD)).endpoint.id
    since = _at(-3)
    await told(database)
    monkeypatch.setattr(clock, "datetime", Behind)
    assert (await commands.recover_missed(database, id, since=since, by=OPERATOR)).deliveries == 1


async def test_a_replay_sends_the_same_bytes_under_the_same_id_and_says_that_it_is_one(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await told(database, happening(), happening())
        async with sending():
            await delivered(database, 2)
            until = _at(0)
            await told(database)
            await delivered(database, 3)
            replay = await commands.replay_feed(database, id, since=_at(-3), until=until, by=OPERATOR)
            await eventually(lambda: len(academy.received) == 5)
    assert replay.deliveries == 2
    (first, second, _, *again) = academy.received
    assert [body for _, body in again] == [first[1], second[1]]
    assert academy.ids[3:] == academy.ids[:2]
    assert ["mithaq-replay" in headers for headers, _ in academy.received] == [False, False, False, True, True]


async def test_a_period_ends_after_it_begins(database: Database, settings: NotificationsSettings) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    with pytest.raises(PeriodEmpty):
        await commands.recover_missed(database, id, since=_at(1), by=OPERATOR)


async def test_another_endpoint_s_test_is_not_replayed(database: Database, settings: NotificationsSettings) -> None:
    id = (await registered(database, settings, DEAD)).endpoint.id
    other = (await registered(database, settings, DEAD)).endpoint
    await told(database, happening(*other.test(), subject=other.id))
    replay = await commands.replay_feed(database, id, since=_at(-1), until=_at(1), by=OPERATOR)
    assert replay.deliveries == 0


async def test_attempts_go_after_a_while_and_the_feed_stays(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        await told(database, happening(), happening())
        async with sending():
            await delivered(database, 2)
    await forget_old_attempts(database)  # by the settings: nothing is that old
    assert await commands.forget_attempts(database, before=_at(-1)) == 0
    assert await commands.forget_attempts(database, before=_at(1)) == 2
    assert await rows(database, "select count(*) from attempt") == [(0,)]
    assert await rows(database, "select count(*) from feed_entry") == [(2,)]
    assert await states(database) == ["delivered", "delivered"]


async def test_that_an_endpoint_is_disabled_is_told_to_its_academy_by_e_mail(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(410)) as gone, mailbox() as (box, port):
        await registered(database, settings, gone.url)
        await registered(database, settings, "direction@academie.example", channel="email", language="fr")
        await told(database)
        async with sending(smtp_port=port):

            async def disabled() -> Any:
                return await rows(database, "select * from journal where type like '%disabled%'")

            (row,) = await eventually(disabled)
            await told(database, happening(decode(row.type, row.data), subject=row.aggregate_id))
            await eventually(lambda: len(box.received) == 2)
    assert "ne reçoit plus d'avis" in str(box.received[1]["subject"])
