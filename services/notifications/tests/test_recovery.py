"""What is sent again: all of it, nothing that was left out, and without holding up anybody else."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.notifications import commands
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, WAITS_FOR_OTHERS, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementSuspended
from shared.events.centers import CenterOpened
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"
HOUR = timedelta(hours=1)
HELD_UP = """
    select 1 from pg_locks join pg_stat_activity using (pid)
    where datname = current_database() and not granted and locktype = 'transactionid'
"""


async def owed(database: Database, endpoint: UUID) -> list[UUID]:
    """The events an endpoint is owed, in order."""
    query = "select event_id from delivery where endpoint_id = :endpoint and state = 'waiting' order by sequence"
    return [row.event_id for row in await rows(database, query, endpoint=endpoint)]


async def test_what_was_being_told_when_an_endpoint_was_enabled_is_recovered_too(
    database: Database, settings: NotificationsSettings
) -> None:
    one = (await registered(database, settings, DEAD)).endpoint.id
    since = now() - HOUR
    await commands.disable_endpoint(database, one, by=OPERATOR)
    missed = happening()
    async with database.transaction(NATIONAL) as telling:
        await tell_concerned(telling, [missed])
        await commands.enable_endpoint(database, one, by=OPERATOR)
        recovering = asyncio.create_task(commands.recover_missed(database, one, since=since, by=OPERATOR))
        await eventually(lambda: rows(database, WAITS_FOR_OTHERS), 5)
    assert (await recovering).deliveries == 1
    assert await owed(database, one) == [missed.id]


@pytest.mark.parametrize("again", [commands.replay_feed, commands.recover_missed])
async def test_while_much_is_sent_again_others_and_the_endpoint_itself_are_told_and_sent_what_happens(
    database: Database, settings: NotificationsSettings, sending: Sending, again: Any
) -> None:
    async with receiver() as academies:
        one = (await registered(database, settings, academies.url)).endpoint.id
        await registered(database, settings, academies.url, academy="MA-05")
        since = now() - HOUR
        (ended, *_) = await told(database, *(happening() for _ in range(3)))
        state = "delivered" if again is commands.replay_feed else "refused"
        set_ended = f"update delivery set state = '{state}' returning 1"
        await rows(database, set_ended)
        await rows(database, "update lane set due_at = null returning 1")
        async with database.transaction(NATIONAL) as held, sending():
            # In the middle of its work, as long as this lasts.
            lock = text("select 1 from delivery where event_id = :event for update")
            await held.execute(lock, {"event": ended.id})
            working = asyncio.create_task(again(database, one, since=since, by=OPERATOR))
            await eventually(lambda: rows(database, HELD_UP), 5)
            async with asyncio.timeout(5):
                (meanwhile,) = await told(database, happening(audience=("MA-05", "MA-06")))
            await eventually(lambda: academies.ids == [str(meanwhile.id)] * 2)
            assert not working.done()
        assert (await working).deliveries == 3
    waiting = await owed(database, one)
    assert (len(waiting), waiting[0]) == (3, ended.id)


async def test_of_what_was_told_before_there_was_an_endpoint_it_recovers_what_it_subscribes_to(
    database: Database, settings: NotificationsSettings
) -> None:
    since = now() - HOUR
    _, opened, rests = await told(
        database,
        happening(),
        happening(CenterOpened.model_validate(CenterOpened.example)),
        happening(AgreementSuspended.model_validate(AgreementSuspended.example)),
    )
    one = (await registered(database, settings, DEAD)).endpoint.id
    await commands.subscribe(database, Subscribe(types=["ma.mithaq.center.*"], endpoint_id=one), by=OPERATOR)
    assert (await commands.recover_missed(database, one, since=since, by=OPERATOR)).deliveries == 2
    assert await owed(database, one) == [opened.id, rests.id], "what is statutory comes whatever it subscribes to"
    assert (await commands.replay_feed(database, one, since=since, by=OPERATOR)).deliveries == 3
