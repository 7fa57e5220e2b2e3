"""Sending to real receivers: signed, in order, bounded, and never twice in effect."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from aiohttp import web
from opentelemetry import trace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import commands
from services.notifications.claiming import Claims
from services.notifications.guard import LOOPBACK, Guard
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tables import ENDPOINTS
from services.notifications.tests.builders import OPERATOR, delivered, happening, registered, rows, states, told
from services.notifications.tests.builders import settings as builders_settings
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import accept, answering, drip, hang, pour, receiver
from shared import telemetry
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from tests.fixtures.eventually import eventually

DISABLES = """
    select 1 from pg_locks join pg_stat_activity using (pid)
    where datname = current_database() and relation = 'endpoint'::regclass
        and pid in (select pid from pg_locks where not granted)
"""


async def _attempts(database: Database) -> list[tuple[str, str]]:
    return [(row.result, row.reason) for row in await rows(database, "select result, reason from attempt order by id")]


async def test_an_academy_receives_a_message_that_the_public_verifiers_accept(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        issued = await registered(database, settings, academy.url)
        (event,) = await told(database)
        async with sending():
            await delivered(database, 1)
    ((headers, body),) = academy.received
    assert headers["webhook-id"] == str(event.id)
    assert issued.secret
    standardwebhooks.Webhook(issued.secret).verify(body, headers)
    svix.webhooks.Webhook(issued.secret).verify(body, headers)
    sent = json.loads(body)
    assert (sent["type"], sent["academy"], sent["sequence"]) == (event.event.type, "MA-06", 1)
    assert sent["summary"].startswith("La convention")


async def test_only_the_academy_concerned_hears(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as mine, receiver() as theirs:
        await registered(database, settings, mine.url, academy="MA-06")
        await registered(database, settings, theirs.url, academy="MA-05")
        await told(database, happening(audience=("MA-06",)), happening(audience=()))
        (both,) = await told(database, happening(audience=("MA-05", "MA-06")))
        async with sending():
            await delivered(database, 3)
    assert len(mine.received) == 2
    assert theirs.ids == [str(both.id)]


async def test_an_academy_s_messages_arrive_in_the_order_of_its_feed(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(200, 500, 200, 503, 503, 200)) as academy:
        await registered(database, settings, academy.url)
        events = await told(database, *(happening() for _ in range(40)))
        async with sending(batch=7):
            await delivered(database, 40)
    assert list(dict.fromkeys(academy.ids)) == [str(event.id) for event in events]
    assert len(academy.ids) == 43


async def test_a_dead_endpoint_slows_no_other(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    over = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response(status=500)

    async with receiver(wait) as dead, receiver() as alive:
        await registered(database, settings, dead.url)
        await registered(database, settings, alive.url)
        await registered(database, settings, "http://127.0.0.1:1/nobody")
        await told(database, *(happening() for _ in range(20)))
        async with sending(deadline=60.0, lease=90.0, retries=(60.0,)):
            await eventually(lambda: len(alive.received) == 20)
            assert len(dead.received) == 1
            over.set()


async def test_one_academy_holds_at_most_a_quarter_of_the_slots(
    database: Database, settings: NotificationsSettings
) -> None:
    for academy in ("MA-06", "MA-06", "MA-06", "MA-05"):
        await registered(database, settings, "http://127.0.0.1:1/", academy=academy)
    await told(database, happening(audience=("MA-05", "MA-06")))
    sender = Sender(settings.model_copy(update={"slots": 8}), database)
    assert sorted(lane.endpoint.academy for lane in await sender.claims.look()) == ["MA-05", "MA-06", "MA-06"]


async def test_a_receiver_that_hangs_or_drips_is_given_up_at_the_deadline(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(hang) as silent, receiver(drip) as slow:
        await registered(database, settings, silent.url)
        await registered(database, settings, slow.url)
        await told(database)
        async with sending(deadline=0.5, lease=2.0, retries=(60.0,)):
            await eventually(lambda: _as_list(database, [("failed", "timeout")] * 2))


async def test_nobody_is_sent_into_another_academy_s_network(
    database: Database, settings: NotificationsSettings, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also who named an address there while it was open to all."""
    networks = {"MA-06": LOOPBACK}
    async with receiver() as inside:
        await registered(database, settings, inside.url, academy="MA-06")
        await registered(database, settings, inside.url, academy="MA-05")
        await told(database, happening(audience=("MA-05", "MA-06")))
        monkeypatch.setitem(vars(settings), "guard", Guard(plain_http=True, by_academy=networks))
        async with sending(academy_networks=networks, retries=(60.0,)):
            attempts = "select academy, reason from attempt order by academy"
            expected = [("MA-05", "address_no_https"), ("MA-06", "taken HTTP 200")]
            await eventually(lambda: _holds(database, attempts, expected))
    ((_, body),) = inside.received
    assert b'"academy":"MA-06"' in body


async def _holds(database: Database, query: str, expected: Any) -> bool:
    return bool(await rows(database, query) == expected)


async def test_an_endless_answer_is_read_only_so_far(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(pour) as academy:
        await registered(database, settings, academy.url)
        await told(database)
        async with sending():
            await delivered(database, 1)
    (excerpt,) = await rows(database, "select excerpt from attempt")
    assert len(excerpt[0]) == 500


async def test_a_redirect_is_a_failure_and_is_not_followed(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as elsewhere, receiver(answering(302, Location="http://placeholder")) as academy:
        academy.behave = answering(302, Location=elsewhere.url)
        await registered(database, settings, academy.url)
        await told(database)
        async with sending(retries=(60.0,)):
            await eventually(lambda: _as_list(database, [("failed", "redirected HTTP 302")]))
    assert not elsewhere.received
    assert await states(database) == ["waiting"]


async def test_a_receiver_says_when_to_come_back(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(429, Retry_After="3600")) as academy:
        await registered(database, settings, academy.url)
        await told(database)
        async with sending():
            await eventually(lambda: _as_list(database, [("failed", "too_many HTTP 429")]))
    ((due,),) = await rows(database, "select next_attempt_at from delivery")
    assert timedelta(minutes=59) < due - now() < timedelta(minutes=61)


async def test_when_a_receiver_asks_for_a_rest_nothing_that_is_for_it_is_begun(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(503, Retry_After="3600")) as academy:
        await registered(database, settings, academy.url, concurrency=3)
        await told(database, *(happening() for _ in range(12)))
        async with sending(breaker_failures=100):
            await eventually(lambda: rows(database, "select 1 from lane where open_until is not null"))
            await told(database)
            await eventually(lambda: _as_list(database, [("failed", "receiver_failed HTTP 503")] * 3))
    assert len(academy.received) == 3, "only those under way when the first answer came"
    ((until,),) = await rows(database, "select open_until from lane")
    assert timedelta(minutes=59) < until - now() < timedelta(minutes=61)


async def test_a_receiver_that_is_gone_is_disabled_and_what_it_missed_waits(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(410)) as academy:
        issued = await registered(database, settings, academy.url)
        events = await told(database, happening(), happening())
        async with sending():
            await eventually(lambda: _status(database, "disabled"))
            assert len(academy.received) == 1
            academy.behave = accept
            await commands.enable_endpoint(database, issued.endpoint.id, by=OPERATOR)
            await delivered(database, 2)
    assert academy.ids == [str(events[0].id), *(str(event.id) for event in events)]
    because = await rows(database, "select data ->> 'because' from journal where type like '%disabled%'")
    assert because == [("gone",)]


async def test_nobody_is_sent_to_while_their_endpoint_is_being_disabled(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(410)) as academy:
        issued = await registered(database, settings, academy.url)
        await told(database, happening(), happening())
        async with sending():
            async with database.transaction(NATIONAL) as tx:
                # As a command does that changes the endpoint in this moment.
                await ENDPOINTS.load(tx, issued.endpoint.id)
                await eventually(lambda: rows(database, DISABLES))
                assert await rows(database, "select 1 from lane where lease_token is null") == []
            await eventually(lambda: _status(database, "disabled"))
            await eventually(lambda: rows(database, "select 1 from lane where lease_token is null"))
    assert len(academy.received) == 1


async def test_an_endpoint_that_failed_through_the_whole_schedule_is_disabled(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(500)) as academy:
        await registered(database, settings, academy.url)
        await told(database, happening(), happening())
        async with sending():
            await eventually(lambda: _status(database, "disabled"))
    assert len(academy.received) == 1 + len(settings.retries)
    assert len(set(academy.ids)) == 1
    assert await states(database) == ["waiting", "waiting"]


async def test_nothing_new_is_owed_to_a_disabled_endpoint(database: Database, settings: NotificationsSettings) -> None:
    issued = await registered(database, settings, "http://127.0.0.1:1/")
    await commands.disable_endpoint(database, issued.endpoint.id, by=OPERATOR)
    await told(database)
    assert await states(database) == []
    assert await rows(database, "select sequence from feed_entry") == [(1,)]


async def test_during_a_rotation_requests_verify_with_both_secrets(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        old = await registered(database, settings, academy.url)
        new = await commands.rotate_secret(
            database, old.endpoint.id, keys=settings.key_ring, overlap=timedelta(hours=24), by=OPERATOR
        )
        await told(database)
        async with sending():
            await delivered(database, 1)
    ((headers, body),) = academy.received
    for secret in (old.secret, new.secret):
        assert secret
        standardwebhooks.Webhook(secret).verify(body, headers)


async def test_a_rotation_while_an_endpoint_is_read_leaves_no_key_without_its_secret(
    database: Database, settings: NotificationsSettings
) -> None:
    endpoint = (await registered(database, settings, "http://127.0.0.1:1/avis")).endpoint

    class Interrupted:
        """A connection between whose first two statements somebody rotates."""

        def __init__(self, connection: AsyncConnection) -> None:
            self.connection = connection
            self.rotated = False

        async def execute(self, *statement: Any) -> Any:
            result = await self.connection.execute(*statement)
            if not self.rotated:
                self.rotated = True
                await commands.rotate_secret(
                    database, endpoint.id, keys=settings.key_ring, overlap=timedelta(0), by=OPERATOR
                )
            return result

    async with database.transaction(NATIONAL) as tx:
        interrupted: Any = Interrupted(await tx.connection())
        found = await Claims(settings, database)._targets_of(interrupted, [(endpoint.id, endpoint.version)])
    target = found[endpoint.id]
    assert {key.key_id for key in target.endpoint.keys} <= target.secrets.keys()


async def test_what_a_killed_sender_held_is_sent_when_its_lease_is_over(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        await told(database, happening(), happening())
        killed = Sender(settings.model_copy(update={"lease": 60.0}), database)
        assert len(await killed.claims.look()) == 1
        async with sending():
            await asyncio.sleep(0.3)
            assert not academy.received
            async with database.transaction(NATIONAL) as tx:
                await tx.execute(text("update lane set lease_until = clock_timestamp()"))
            await delivered(database, 2)
    assert len(academy.received) == 2


async def test_a_sender_that_lost_its_lease_changes_nothing_any_more(
    database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, "http://127.0.0.1:1/")
    await told(database)
    slow = Sender(settings.model_copy(update={"lease": 0.01, "deadline": 0.001}), database)
    (lane,) = await slow.claims.look()
    quick = Sender(settings, database)
    (again,) = await eventually(quick.claims.look)
    result = {"delivery_id": str(lane.parcels[0].delivery_id), "delay": 0, "at": now().isoformat(), "milliseconds": 1}
    gone = {"status": None, "reason": "late", "excerpt": None, "language": "fr", "bounced": False, "channel": "webhook"}
    for held, outcome, state in ((again, "delivered", "delivered"), (lane, "failed", "waiting")):
        told_by = {"token": str(held.token), "result": outcome, "state": state}
        recording = asyncio.create_task(quick.recorder.run())
        await quick.recorder.add(result | gone | told_by)
        await asyncio.wait_for(quick.recorder.release(held), 5)
        recording.cancel()
    assert await states(database) == ["delivered"]
    assert [result for result, _ in await _attempts(database)] == ["delivered", "failed"]


async def test_two_senders_send_each_message_once(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as one, receiver() as two:
        await registered(database, settings, one.url)
        await registered(database, settings, two.url, academy="MA-05")
        events = await told(database, *(happening(audience=("MA-05", "MA-06")) for _ in range(30)))
        async with sending(batch=3), sending(batch=3):
            await delivered(database, 60)
    assert one.ids == two.ids == [str(event.id) for event in events]


async def test_a_sender_told_to_stop_finishes_what_it_has_in_hand(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        await told(database, *(happening() for _ in range(20)))
        async with sending():
            await eventually(lambda: len(academy.received) >= 1, every=0.001)
    done = await rows(database, "select count(*) from delivery where state = 'delivered'")
    assert done == [(len(academy.received),)]
    assert await rows(database, "select count(*) from lane where lease_token is not null") == [(0,)]


async def test_news_leave_at_once_though_the_sender_was_idle(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        async with sending(idle_poll=30.0):
            await asyncio.sleep(0.3)
            await told(database)
            await eventually(lambda: len(academy.received) == 1)


async def test_a_secret_that_does_not_open_stops_no_other_endpoint(
    database: Database, settings: NotificationsSettings, sending: Sending, tmp_path: Path
) -> None:
    async with receiver() as broken, receiver() as sound:
        elsewhere = builders_settings(tmp_path / "another installation")
        await registered(database, elsewhere, broken.url)
        await registered(database, settings, sound.url)
        await told(database)
        async with sending(retries=(60.0,)):
            await eventually(lambda: len(sound.received) == 1)
            await eventually(lambda: _tried(database, "own_fault CannotOpen"))
    assert not broken.received


async def test_a_delivery_can_be_sent_again_under_the_same_id(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        await told(database)
        async with sending():
            await delivered(database, 1)
            ((delivery,),) = await rows(database, "select id from delivery")
            await commands.redeliver(database, delivery, by=OPERATOR)
            await eventually(lambda: len(academy.received) == 2)
            await delivered(database, 1)
    (_, first), (_, second) = academy.received
    assert first == second
    assert len(set(academy.ids)) == 1


async def test_the_event_s_trace_goes_on_to_the_receiver(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    with telemetry.recorded() as spans:
        async with receiver() as academy:
            await registered(database, settings, academy.url)
            with telemetry.tracer.start_as_current_span("sign") as span:
                story = trace.format_trace_id(span.get_span_context().trace_id)
                await told(database)
            async with sending():
                await delivered(database, 1)
        (sent,) = [each for each in spans.get_finished_spans() if each.name == "notify webhook"]
    ((headers, _),) = academy.received
    assert sent.context is not None
    assert trace.format_trace_id(sent.context.trace_id) == story
    assert headers["traceparent"].split("-")[1] == story


async def _as_list(database: Database, expected: list[tuple[str, str]]) -> bool:
    return await _attempts(database) == expected


async def _tried(database: Database, reason: str) -> bool:
    return reason in [each for _, each in await _attempts(database)]


async def _status(database: Database, status: str) -> bool:
    return await rows(database, "select status from endpoint") == [(status,)]
