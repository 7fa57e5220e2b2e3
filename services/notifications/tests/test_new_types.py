"""While an upgrade runs, an old process hears what it does not know: it waits, visibly, and is told once by the new."""

from typing import Any

import pytest

from services.notifications.reactions import deliver
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, message, notifying, person, registered, rows
from services.notifications.tests.conftest import Reads
from shared.actor import NATIONAL
from shared.database import Database
from shared.events import catalog
from shared.events.notifications import LetterGivenUp, LetterToAcademyGivenUp
from shared.ids import new_id
from shared.messaging import parked
from shared.messaging.broker import Broker
from shared.refusals import NotFound
from tests.fixtures.eventually import eventually

NEW, OLD = LetterToAcademyGivenUp, LetterGivenUp


async def told_types(database: Database) -> list[str]:
    """What was told, in the order of the academy's feed."""
    query = "select type from notice join feed_entry using (event_id) where academy = 'MA-06' order by sequence"
    return [row.type for row in await rows(database, query)]


async def waiting(database: Database) -> list[Any]:
    """What is parked, with its reason, and what waits behind it."""
    async with database.transaction(NATIONAL) as tx:
        return [(row.type, row.reason) for row in await parked.parked(tx, deliver.id)]


async def test_what_an_old_process_did_not_know_is_told_once_when_the_new_one_retries_it(
    database: Database,
    broker: Broker,
    settings: NotificationsSettings,
    reads: Reads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await broker.ensure_topics(deliver.topics)
    await registered(database, settings, "https://academie.example/")
    await person(database, OFFICER)
    subject, other = new_id(), new_id()
    messages = [message(NEW, subject), message(OLD, subject, 2), message(OLD, other)]
    unknown = f"UnknownEventType: {NEW.type}"

    with monkeypatch.context() as old_version:
        old_version.delitem(catalog.BY_TYPE, NEW.type)
        async with notifying(database, broker):
            await broker.publish(messages)

            async def held_up() -> None:
                assert await waiting(database) == [(NEW.type, unknown), (OLD.type, None)]
                assert await told_types(database) == [OLD.type], "another subject goes on"

            await eventually(held_up)
        # Too early: an old version's retry changes nothing and loses nothing.
        assert await parked.retry(deliver, database, subject, by="operator") == unknown
        await held_up()

    async with notifying(database, broker):
        assert await parked.retry(deliver, database, subject, by="operator") is None
        await broker.publish(messages)
        await broker.publish([last := message(OLD, new_id())])

        async def caught_up() -> None:
            ids = {str(row.event_id) for row in await rows(database, "select event_id from notice")}
            assert last.headers["ce_id"] in ids

        await eventually(caught_up)
    assert await waiting(database) == []
    assert await told_types(database) == [OLD.type, NEW.type, OLD.type, OLD.type]
    assert [each.type for each in await reads(OFFICER)].count(NEW.type) == 1
    owed = "select type from delivery join notice using (event_id) order by sequence"
    assert [row.type for row in await rows(database, owed)] == await told_types(database)
    with pytest.raises(NotFound):
        await parked.retry(deliver, database, subject, by="operator")
