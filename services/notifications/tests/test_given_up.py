"""Letters that never arrive: each attempt is kept, and of a statutory notice somebody else hears, or an alarm rings."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands, queries
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
    FOREIGNER,
    OFFICER,
    OPERATOR,
    actor,
    happening,
    person,
    published,
    registered,
    returned,
    rows,
    told,
)
from services.notifications.tests.conftest import Post, Reads
from services.notifications.undelivered import Undelivered
from shared.actor import SYSTEM, Actor, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementSuspended, AgreementTextRevised
from shared.events.base import DomainEvent, Occurrence
from shared.events.notifications import EndpointDisabled, LetterGivenUp
from shared.ids import new_id
from shared.territory import ACADEMY_CODES
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ADDRESS = "agent@academie.example"
STATUTORY = AgreementSuspended.model_validate(AgreementSuspended.example)
QUIET = AgreementTextRevised.model_validate(AgreementTextRevised.example)
MINISTRY = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
COLLEAGUE = actor(Role.academy_director, name="colleague")


async def due_again(database: Database) -> None:
    """Let the pause before the next attempt be over."""
    await rows(database, "update letter set next_attempt_at = clock_timestamp() returning 1")


async def attempts(app: FastAPI, issuer: Issuer, by: Actor, **wanted: Any) -> list[dict[str, Any]]:
    """The attempts that somebody reads."""
    async with client_of(app, issuer.token(by)) as client:
        found = await client.get("/api/v1/letter-attempts", params=wanted)
        assert found.status_code == 200, found.text
        items: list[dict[str, Any]] = found.json()["items"]
        return items


async def given_up(database: Database) -> list[Occurrence[DomainEvent]]:
    """What was said of letters that were given up."""
    return [each for each in await published(database) if isinstance(each.event, LetterGivenUp)]


async def test_every_attempt_at_a_letter_is_kept_and_read_by_its_person_and_their_desk(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    officer = replace(OFFICER, issuer=issuer.issuer)
    me = await person(database, officer, address=ADDRESS)
    await told(database, happening(STATUTORY))
    async with post("451 4.3.0 later", "421 4.4.5 busy") as (postman, _):
        for _ in range(3):
            await postman.round()
            await due_again(database)
    log = await attempts(app, issuer, officer)
    assert [(each["result"], each["status"], each["code"]) for each in log] == [
        ("delivered", 250, "taken"),
        ("failed", 421, "mail_deferred"),
        ("failed", 451, "mail_deferred"),
    ]
    assert "later" in log[2]["excerpt"] and all(each["milliseconds"] >= 0 for each in log)
    assert {each["person_id"] for each in log} == {str(me)}
    ((letter,),) = await rows(database, "select id from letter")
    for reader in (COLLEAGUE, OPERATOR, MINISTRY):
        seen = await attempts(app, issuer, reader, letter_id=str(letter))
        assert seen == [each | {"excerpt": None} for each in log], "answers quote addresses"
    assert len(await attempts(app, issuer, OPERATOR, result="failed", recipient=str(me))) == 2
    manager = actor(Role.association_manager, jurisdiction="MA-06", name="manager")
    for stranger in (FOREIGNER, manager):
        assert await attempts(app, issuer, stranger) == []
    for scope in ({"MA-05"}, {f"person:{new_id()}"}):
        async with database.transaction(frozenset(scope)) as tx:
            assert (await tx.execute(text("select 1 from letter_attempt"))).all() == []


@pytest.mark.parametrize(
    ("replies", "because"), [(["550 5.1.1 no such user"], "refused"), (["451 later"] * 5, "exhausted")]
)
async def test_a_statutory_letter_that_is_given_up_is_told_to_the_academy_and_the_ministry_and_explained(
    database: Database, post: Post, reads: Reads, replies: list[str], because: str
) -> None:
    me = await person(database, OFFICER, address=ADDRESS)
    (event,) = await told(database, happening(STATUTORY))
    for one in (COLLEAGUE, MINISTRY):
        await person(database, one, inbox="off")
    async with post(*replies) as (postman, _):
        for number in range(len(replies)):
            assert await given_up(database) == [], number
            await postman.round()
            await due_again(database)
    (said,) = await given_up(database)
    assert isinstance(said.event, LetterGivenUp)
    assert (said.event.person_id, said.event.event_id, said.event.because) == (me, event.id, because)
    assert (said.audience, said.correlation) == (("MA-06",), event.correlation)
    await told(database, said)
    for one in (COLLEAGUE, MINISTRY):
        (item,) = [each for each in await reads(one) if each.type == LetterGivenUp.type]
        assert item.importance == "urgent" and item.statutory
    assert not [each for each in await reads(FOREIGNER) if each.type == LetterGivenUp.type]
    for by in (OPERATOR, OFFICER):
        found = await queries.explanation(database, event.id, language="fr", by=by)
        (email,) = [each.sending for each in found.told if each.recipient == me and each.channel == "email"]
        assert email and email.alert == said.id and email.attempts == len(replies)
        assert email.state == ("refused" if because == "refused" else "failed")
        assert email.code and replies[0][:3] in (email.reason or "")


async def test_a_statutory_letter_that_was_taken_and_came_back_is_given_up_once(database: Database, post: Post) -> None:
    await person(database, OFFICER, address=ADDRESS)
    (event,) = await told(database, happening(STATUTORY))
    async with post() as (postman, box):
        await postman.round()
    report = returned(box.received[0], "5.7.1").decode()
    # At the same time, and once more.
    await asyncio.gather(*(commands.report_bounces(database, report, most=3, by=OPERATOR) for _ in range(2)))
    await commands.report_bounces(database, report, most=3, by=OPERATOR)
    (said,) = await given_up(database)
    assert isinstance(said.event, LetterGivenUp) and said.event.because == "returned"
    found = await queries.explanation(database, event.id, language="fr", by=OFFICER)
    (email,) = [each.sending for each in found.told if each.channel == "email"]
    assert email and (email.state, email.code, email.alert) == ("refused", "returned", said.id)
    log = await rows(database, "select result from letter_attempt order by id")
    assert log == [("delivered",), ("refused",)]


async def came_back(database: Database, post: Post, *moved: str) -> Occurrence[DomainEvent]:
    """The event that told of a letter that had been taken and came back, whose person moved meanwhile."""
    (event,) = await told(database, happening(STATUTORY))
    async with post() as (postman, box):
        await postman.round()
    for jurisdiction in moved:
        await queries.preferences(database, by=replace(OFFICER, jurisdiction=jurisdiction))
    await commands.report_bounces(database, returned(box.received[-1], "5.7.1").decode(), most=3, by=OPERATOR)
    return event


async def test_that_a_letter_came_back_is_told_where_its_person_was_at_home_when_it_was_sent(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    await person(database, OFFICER, address=ADDRESS)
    await came_back(database, post, FOREIGNER.jurisdiction)
    (said,) = await given_up(database)
    assert said.audience == ("MA-06",)
    assert [each["result"] for each in await attempts(app, issuer, COLLEAGUE)] == ["refused", "delivered"]
    assert await attempts(app, issuer, FOREIGNER) == []


ELSEWHERE = """
    insert into letter_attempt (letter_id, person_id, jurisdiction, at, milliseconds, result, reason)
    select letter_id, person_id, 'MA-05', at, 0, 'failed', reason from letter_attempt returning 1
"""


@pytest.mark.parametrize("change", ["delete from letter_attempt returning 1", ELSEWHERE])
async def test_that_a_letter_came_back_is_the_nation_s_alone_where_no_home_in_the_notice_s_reach_is_known(
    database: Database, post: Post, change: str
) -> None:
    await person(database, OFFICER, address=ADDRESS)
    await told(database, happening(STATUTORY))
    async with post() as (postman, box):
        await postman.round()
    await rows(database, change)
    await commands.report_bounces(database, returned(box.received[0]).decode(), most=3, by=OPERATOR)
    (said,) = await given_up(database)
    assert said.audience == ()


async def test_a_letter_that_is_sent_again_is_not_given_up_when_its_first_copy_comes_back(
    database: Database, post: Post
) -> None:
    await person(database, OFFICER, address=ADDRESS)
    await told(database, happening(STATUTORY))
    async with post() as (postman, box):
        await postman.round()
        # The server took it, and its 250 never reached us.
        await rows(database, "update letter set state = 'waiting', next_attempt_at = clock_timestamp() returning 1")
        await commands.report_bounces(database, returned(box.received[0]).decode(), most=3, by=OPERATOR)
        assert await given_up(database) == []
        await postman.round()
        assert await rows(database, "select state from letter") == [("sent",)]
        await commands.report_bounces(database, returned(box.received[1]).decode(), most=3, by=OPERATOR)
    assert len(await given_up(database)) == 1


async def test_what_a_report_of_returned_mail_says_is_kept_up_to_a_length(database: Database, post: Post) -> None:
    await person(database, OFFICER, address=ADDRESS)
    await told(database, happening(STATUTORY))
    async with post() as (postman, box):
        await postman.round()
    long = returned(box.received[0], "5.1.1" + 5000 * "1").replace(b"no such user", 5000 * b"no ")
    await commands.report_bounces(database, long.decode(), most=3, by=OPERATOR)
    ((reason, excerpt),) = await rows(database, "select reason, excerpt from letter_attempt where result = 'refused'")
    assert len(reason) == len("returned 5.1.11111") and len(excerpt) == 500
    ((status, reason),) = await rows(database, "select status, reason from bounce")
    assert len(status) == 9 and len(reason) == 500


async def test_that_a_letter_came_back_outlives_its_attempts(database: Database, post: Post) -> None:
    await person(database, OFFICER, address=ADDRESS)
    event = await came_back(database, post)
    assert await commands.forget_attempts(database, before=now() + timedelta(days=1)) == 2
    found = await queries.explanation(database, event.id, language="fr", by=OFFICER)
    (email,) = [each.sending for each in found.told if each.channel == "email"]
    assert email and (email.state, email.code) == ("refused", "returned")
    ((letter,),) = await rows(database, "select id from letter")
    await commands.report_bounces(database, returned(letter).decode(), most=3, by=OPERATOR)
    assert await rows(database, "select 1 from letter_attempt") == []


async def test_that_a_letter_was_given_up_is_not_told_of_what_is_not_statutory(database: Database, post: Post) -> None:
    await person(database, OFFICER, address=ADDRESS, email="immediate")
    await commands.subscribe(database, Subscribe(types=[QUIET.type]), by=OFFICER)
    await told(database, happening(QUIET))
    async with post("550 no") as (postman, _):
        assert await postman.round() == 1
    assert [row.state for row in await rows(database, "select state from letter")] == ["refused"]
    assert await given_up(database) == []


async def test_that_letters_were_given_up_is_told_in_no_letter(database: Database, post: Post, reads: Reads) -> None:
    staff = (OFFICER, COLLEAGUE)
    for one in staff:
        await person(database, one, address=ADDRESS, email="immediate")
        await commands.subscribe(database, Subscribe(), by=one)
    await told(database, happening(STATUTORY))
    async with post("550 no", "550 no") as (postman, _):
        assert await postman.round() == 2
        news = await given_up(database)
        assert len(news) == 2
        await told(database, *news)
        assert await postman.round() == 0
    for one in staff:
        assert [each.type for each in await reads(one)] == [*[LetterGivenUp.type] * 2, STATUTORY.type]


@pytest.mark.parametrize(
    ("home", "concerned", "told_to"),
    [
        ("MA-06", ("MA-05", "MA-06"), ("MA-06",)),
        ("DP-TNG", ("MA-01", "MA-05"), ("MA-01",)),
        ("national", ("MA-06",), ()),
        ("org:1", ("MA-05", "MA-06"), ("MA-05", "MA-06")),
        ("org:1", ACADEMY_CODES, ()),
    ],
)
def test_of_a_given_up_letter_hears_who_can_see_to_it(
    home: str, concerned: tuple[str, ...], told_to: tuple[str, ...]
) -> None:
    letter = Undelivered(id=new_id())
    about: Any = {"person_id": new_id(), "event_id": new_id(), "event_type": STATUTORY.type, "because": "refused"}
    letter.evolve(letter.give_up(home=home, concerned=concerned, **about))
    assert letter.audience() == told_to
    assert home == "national" or home in letter.visible_to()


@pytest.mark.parametrize("kept", [True, False])
async def test_attempts_at_letters_are_forgotten_with_the_others(database: Database, post: Post, kept: bool) -> None:
    await person(database, OFFICER, address=ADDRESS)
    await told(database, happening(STATUTORY))
    async with post() as (postman, _):
        await postman.round()
    ((at,),) = await rows(database, "select at from letter_attempt")
    before = at if kept else at + timedelta(seconds=1)
    assert await commands.forget_attempts(database, before=before) == (0 if kept else 1)


async def disabled(database: Database, settings: NotificationsSettings) -> UUID:
    """The event that an academy's only endpoint was disabled, told."""
    issued = await registered(database, settings, "https://academie.example/avis")
    await commands.disable_endpoint(database, issued.endpoint.id, because="failing", by=SYSTEM)
    (event,) = [each for each in await published(database) if isinstance(each.event, EndpointDisabled)]
    await told(database, event)
    return event.id


async def test_that_the_only_endpoint_of_an_academy_without_people_is_disabled_reaches_the_ministry_s_mail_and_inbox(
    database: Database, settings: NotificationsSettings, post: Post, reads: Reads
) -> None:
    await person(database, MINISTRY, address=ADDRESS, email="off", inbox="off")
    event = await disabled(database, settings)
    assert [item.event_id for item in await reads(MINISTRY)] == [event]
    async with post() as (postman, box):
        await postman.round()
    assert [message["To"] for message in box.received] == [ADDRESS]
