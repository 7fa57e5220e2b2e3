"""What is sent again: all of it, nothing that was left out, and without holding up anybody else."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.notifications import commands
from services.notifications.reactions import tell_concerned
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OPERATOR, WAITS_FOR_OTHERS, happening, registered, rows
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"
HOUR = timedelta(hours=1)


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
