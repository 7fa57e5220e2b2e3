"""Whoever left is ended by an operator: told no more, on no channel, until they come back."""

from typing import Any

import pytest

from services.notifications import commands, queries
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.tests.builders import OFFICER, OPERATOR, actor, happening, person, rows, told
from services.notifications.tests.conftest import Post, Reads
from services.notifications.tests.test_letters import ADDRESS, QUIET, STATUTORY, follower, letters
from shared.actor import Actor, Role
from shared.clock import now
from shared.database import Database
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.refusals import Forbidden, NotFound

MINISTRY = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
REGIONAL = actor(Role.operator, name="regional operator")


async def test_who_is_ended_is_told_no_more_and_hears_nothing(database: Database) -> None:
    await follower(database)
    id = await person(database, OFFICER, email="immediate", address=ADDRESS)
    await commands.end_person(database, id, by=OPERATOR)
    (event,) = await told(database, happening(STATUTORY))
    found = await queries.explanation(database, event.id, language="fr", by=OPERATOR)
    assert (found.told, found.not_told, found.unheard) == ([], [], ["MA-06"])
    assert await rows(database, "select 1 from letter") == []
    assert await rows(database, "select 1 from rule where ended_at is null") == []


@pytest.mark.parametrize("event", [QUIET, STATUTORY], ids=["quiet", "statutory"])
@pytest.mark.parametrize("replies", [(), ("451 later",)], ids=["open", "waiting"])
async def test_no_letter_that_was_owed_to_who_is_ended_is_sent_and_its_explanation_says_why(
    database: Database, post: Post, event: DomainEvent, replies: Any
) -> None:
    await follower(database, email="immediate" if replies else "weekly")
    (owed,) = await told(database, happening(event))
    async with post(*replies) as (postman, box):
        if replies:
            await postman.round()
        await commands.end_person(database, await _id(database), by=OPERATOR)
        assert await postman.round() == 1
    assert box.received == []
    assert [row.state for row in await letters(database)] == ["void"]
    found = await queries.explanation(database, owed.id, language="en", by=OPERATOR)
    (sending,) = [each.sending for each in found.told if each.channel == "email"]
    assert sending and (sending.state, sending.code) == ("void", "left")


async def test_who_comes_back_is_told_again_and_finds_what_came_meanwhile(database: Database, reads: Reads) -> None:
    await person(database, OFFICER)
    await commands.end_person(database, await _id(database), by=OPERATOR)
    (missed,) = await told(database, happening(STATUTORY, at=now()))
    assert [item.event_id for item in await reads(OFFICER)] == [missed.id]
    (event,) = await told(database, happening(STATUTORY))
    assert {item.event_id for item in await reads(OFFICER)} == {missed.id, event.id}


async def test_who_is_ended_is_not_counted_among_the_known(database: Database) -> None:
    await person(database, OFFICER)
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    assert await commands.count_readers(database) == 1
    await commands.end_person(database, await _id(database), by=OPERATOR)
    assert await commands.count_readers(database) == 1
    assert await rows(database, "select state ->> 'people' from readership") == [("0",)]


@pytest.mark.parametrize(("by", "refused"), [(MINISTRY, Forbidden), (OFFICER, NotFound), (REGIONAL, NotFound)])
async def test_only_an_operator_of_the_nation_ends_somebody(
    database: Database, by: Actor, refused: type[Exception]
) -> None:
    id = await person(database, OFFICER)
    with pytest.raises(refused):
        await commands.end_person(database, id, by=by)
    with pytest.raises(NotFound):
        await commands.end_person(database, new_id(), by=OPERATOR)


async def _id(database: Database) -> Any:
    ((id,),) = await rows(database, "select id from person")
    return id
