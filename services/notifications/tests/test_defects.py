"""What went wrong elsewhere and had no test here yet; docs/defects.md says which test holds which defect."""

import asyncio
from datetime import timedelta

import pytest

from services.notifications import commands
from services.notifications.reactions import tell_concerned
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import Slow, receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.base import DomainEvent, Occurrence
from tests.fixtures.eventually import eventually


async def _delivered(database: Database, count: int) -> None:
    async def check() -> bool:
        return await rows(database, "select count(*) from delivery where state = 'delivered'") == [(count,)]

    await eventually(check)


async def _told_in_vain(database: Database, event: Occurrence[DomainEvent]) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, [event])
        raise ZeroDivisionError


async def test_a_message_and_what_is_owed_of_it_are_written_together_or_not_at_all(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url)
        event = happening()
        with pytest.raises(ZeroDivisionError):
            await _told_in_vain(database, event)
        for table in ("notice", "feed_entry", "delivery"):
            assert await rows(database, f"select count(*) from {table}") == [(0,)]
        # It comes again, and is no duplicate.
        await told(database, event)
        async with sending():
            await _delivered(database, 1)
    assert academy.ids == [str(event.id)]


async def test_an_event_that_is_told_by_two_at_once_is_owed_once(
    database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, "http://127.0.0.1:1/")
    event = happening()
    await asyncio.gather(*(told(database, event) for _ in range(4)))
    assert await rows(database, "select sequence from feed_entry") == [(1,)]
    assert await rows(database, "select count(*) from delivery") == [(1,)]


async def test_no_more_is_under_way_than_a_sender_has_slots(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    academies = ("MA-01", "MA-02", "MA-03", "MA-04", "MA-05", "MA-06")
    slow = Slow(0.03)
    async with receiver(slow) as all_of_them:
        for academy in academies:
            await registered(database, settings, all_of_them.url, academy=academy, concurrency=8)
        await told(database, *(happening(audience=academies) for _ in range(10)))
        async with sending(slots=8):
            await _delivered(database, 60)
    assert 4 < slow.most <= 8


async def test_what_was_told_before_an_endpoint_was_there_can_be_sent_to_it(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    events = await told(database, happening(), happening())
    assert await rows(database, "select count(*) from delivery") == [(0,)]
    async with receiver() as academy:
        id = (await registered(database, settings, academy.url)).endpoint.id
        replay = await commands.recover_missed(database, id, since=now() - timedelta(hours=1), by=OPERATOR)
        assert replay.deliveries == 2
        async with sending():
            await _delivered(database, 2)
    assert academy.ids == [str(event.id) for event in events]
