"""A letter leaves as its person wishes on the day: to their address, in their language, with what they still want."""

from typing import Any

import pytest

from services.notifications import queries
from services.notifications.notice import wording
from services.notifications.schemas.subscriptions import SendingAnswer
from services.notifications.tests.builders import OFFICER, OPERATOR, happening, person, rows, told
from services.notifications.tests.conftest import Post
from services.notifications.tests.test_letters import (
    ADDRESS,
    IMPORTANT,
    QUIET,
    STATUTORY,
    came_due,
    follower,
    letters,
    part,
)
from shared.actor import Actor
from shared.database import Database
from shared.events.base import DomainEvent, Occurrence
from shared.language import LANGUAGES

OTHER = "autre@academie.example"


async def explained(
    database: Database, event: Occurrence[DomainEvent], language: str = "fr", by: Actor = OPERATOR
) -> SendingAnswer:
    """What became of the one letter about an event."""
    found = await queries.explanation(database, event.id, language=language, by=by)
    (sending,) = [each.sending for each in found.told if each.channel == "email"]
    assert sending
    return sending


async def test_an_open_digest_goes_to_the_address_and_in_the_language_that_its_person_has_when_it_leaves(
    database: Database, post: Post
) -> None:
    await follower(database, email="daily")
    (event,) = await told(database, happening(QUIET))
    await person(database, OFFICER, email="daily", address=OTHER, language="en")
    await came_due(database)
    async with post() as (postman, box):
        await postman.round()
    (message,) = box.received
    assert message["To"] == OTHER
    assert '<html lang="en"' in part(message, "html")
    assert await rows(database, "select recipient, language, state from letter") == [(OTHER, "en", "sent")]
    assert (await explained(database, event)).state == "sent"


@pytest.mark.parametrize(
    ("wishes", "why"),
    [({"email": "off", "address": OTHER}, "switched_off"), ({"email": "daily", "address": None}, "no_address")],
)
async def test_what_its_person_does_not_want_any_more_is_not_sent_and_its_explanation_says_why(
    database: Database, post: Post, wishes: dict[str, Any], why: str
) -> None:
    await follower(database, email="daily")
    (event,) = await told(database, happening(QUIET))
    await person(database, OFFICER, **wishes)
    await came_due(database)
    async with post() as (postman, box):
        await postman.round()
    assert box.received == []
    assert [row.state for row in await letters(database)] == ["void"]
    for by in (OPERATOR, OFFICER):
        for language in LANGUAGES:
            said = await explained(database, event, language, by)
            assert (said.state, said.code) == ("void", why)
            assert said.reason == wording().text(f"why.{why}", language)


@pytest.mark.parametrize(("wishes", "to"), [({"email": "immediate"}, [OTHER]), ({"email": "off"}, [])])
async def test_a_letter_that_was_in_hand_is_judged_again_before_its_next_attempt(
    database: Database, post: Post, wishes: dict[str, Any], to: list[str]
) -> None:
    await follower(database)
    await told(database, happening(QUIET))
    async with post("451 later") as (postman, box):
        (claimed,) = await postman._claim()
        await person(database, OFFICER, address=OTHER, **wishes)
        await postman._send(claimed)
        await came_due(database)
        await postman.round()
    assert [message["To"] for message in box.received] == to


async def test_a_statutory_line_is_sent_to_the_address_of_the_day_whatever_its_person_switched_off_since(
    database: Database, post: Post
) -> None:
    await follower(database)
    (event,) = await told(database, happening(STATUTORY))
    async with post("451 later") as (postman, box):
        await postman.round()
        await person(database, OFFICER, email="off", address=OTHER)
        await came_due(database)
        await postman.round()
    assert [message["To"] for message in box.received] == [OTHER]
    assert (await explained(database, event)).state == "sent"


async def test_of_a_digest_only_what_was_switched_off_since_is_left_out(database: Database, post: Post) -> None:
    await follower(database, email="daily")
    kept, unwanted = await told(database, happening(QUIET), happening(IMPORTANT))
    off = {"types": IMPORTANT.type, "email": "off"}
    await person(database, OFFICER, email="daily", address=ADDRESS, by_type=[off])
    await came_due(database)
    async with post() as (postman, box):
        await postman.round()
    (message,) = box.received
    assert str(kept.id) in part(message, "plain") and str(unwanted.id) not in part(message, "plain")
    assert (await explained(database, kept)).state == "sent"
    said = await explained(database, unwanted)
    assert (said.state, said.code) == ("void", "switched_off")


async def test_what_was_switched_off_and_on_again_before_its_letter_left_is_in_it(
    database: Database, post: Post
) -> None:
    off = {"types": QUIET.type, "email": "off"}
    await follower(database, email="daily")
    (event, _) = await told(database, happening(QUIET), happening(IMPORTANT))
    async with post("451 later") as (postman, box):
        for by_type in ([off], []):
            await person(database, OFFICER, email="daily", address=ADDRESS, by_type=by_type)
            await came_due(database)
            await postman.round()
    (message,) = box.received
    assert str(event.id) in part(message, "plain")
    assert (await explained(database, event)).state == "sent"


@pytest.mark.parametrize(("event", "sent"), [(QUIET, 0), (STATUTORY, 1)], ids=["quiet", "statutory"])
async def test_to_a_suspended_address_only_what_is_statutory_and_was_owed_before_is_tried_again(
    database: Database, post: Post, event: DomainEvent, sent: int
) -> None:
    await follower(database)
    (owed,) = await told(database, happening(event))
    async with post("451 later", "550 5.1.1 no such user", most_bounces=1) as (postman, box):
        await postman.round()
        await told(database, happening(QUIET))
        await postman.round()
        assert (await queries.preferences(database, by=OFFICER)).email_suspended
        await came_due(database)
        await postman.round()
    assert len(box.received) == sent
    said = await explained(database, owed)
    assert (said.state, said.code) == (("sent", "taken") if sent else ("void", "address_suspended"))


async def test_that_a_line_is_outside_its_person_s_jurisdiction_by_now_is_said_by_its_explanation(
    database: Database, post: Post
) -> None:
    await follower(database, email="daily")
    (event,) = await told(database, happening(QUIET))
    await queries.preferences(database, by=Actor(OFFICER.issuer, OFFICER.subject, OFFICER.roles, "MA-01"))
    await came_due(database)
    async with post() as (postman, box):
        await postman.round()
    assert box.received == []
    said = await explained(database, event)
    assert (said.state, said.code) == ("void", "outside_jurisdiction")
