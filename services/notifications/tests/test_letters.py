"""E-mails to people: one per notice or per digest, once, when they want them; returned mail is counted."""

import asyncio
from email.message import EmailMessage
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands, queries
from services.notifications.bounces import read_report
from services.notifications.errors import NotABounce
from services.notifications.letters import MOST_LINES, compose_letter
from services.notifications.notice import wording
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
    AT,
    OFFICER,
    OPERATOR,
    happening,
    notice,
    person,
    published,
    registered,
    returned,
    rows,
    told,
)
from services.notifications.tests.conftest import Post
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.database import Database
from shared.events.agreements import AgreementApproved, AgreementSuspended, AgreementTextRevised, ThreadOpened
from shared.events.base import DomainEvent
from shared.events.catalog import ALL
from shared.events.notifications import EndpointDisabled
from shared.ids import new_id
from shared.language import LANGUAGES
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ADDRESS = "agent@academie.example"
QUIET = AgreementTextRevised.model_validate(AgreementTextRevised.example)
IMPORTANT = AgreementApproved.model_validate(AgreementApproved.example)
STATUTORY = AgreementSuspended.model_validate(AgreementSuspended.example)


async def follower(database: Database, **preferences: Any) -> None:
    """An officer who follows everything by e-mail."""
    await person(database, OFFICER, **{"address": ADDRESS, "email": "immediate"} | preferences)
    await commands.subscribe(database, Subscribe(), by=OFFICER)


async def came_due(database: Database) -> None:
    """Let the time of all letters come."""
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update letter set next_attempt_at = clock_timestamp() - interval '1 second'"))


async def letters(database: Database) -> list[Any]:
    """State and last answer of all letters."""
    return await rows(database, "select state, attempts, status from letter order by due_at, id")


def part(message: EmailMessage, kind: Any) -> str:
    """The text or the HTML of a message."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
def test_every_event_is_a_whole_letter_in_every_language(event: type[DomainEvent], language: str) -> None:
    said = notice(event.model_validate(event.example))
    whole: Any = {"letter_id": new_id(), "sender": "m@mithaq.example", "recipient": ADDRESS, "date": AT}
    message = compose_letter([said], language=language, **whole)
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in part(message, "html")
    for body in (part(message, "plain"), part(message, "html")):
        assert "…" not in body and "{" not in body and "None" not in body
    assert said.summary(language) in part(message, "plain")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_digest_is_one_letter_with_every_notice(language: str) -> None:
    said = [notice(STATUTORY), notice(QUIET), notice(QUIET)]
    whole: Any = {"letter_id": new_id(), "sender": "m@mithaq.example", "recipient": ADDRESS, "date": AT}
    message = compose_letter(said, language=language, **whole)
    assert "3" in message["Subject"]
    for body in (part(message, "plain"), part(message, "html")):
        assert all(str(each.event_id) in body for each in said)
        assert "{" not in body


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_digest_of_very_much_writes_out_the_most_important_and_newest(
    database: Database, post: Post, language: str
) -> None:
    await follower(database, email="daily", language=language)
    important, *rest = [happening(event) for event in (IMPORTANT, *[QUIET] * (MOST_LINES + 2))]
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, [important, *rest])
    await came_due(database)
    async with post() as (postman, box):
        assert await postman.round() == 1
    (message,) = box.received
    assert str(MOST_LINES + 3) in message["Subject"]
    for kind in ("plain", "html"):
        body = part(message, kind)
        written = [each for each in (important, *rest) if str(each.id) in body]
        assert len(written) == MOST_LINES and important in written
        assert wording().text("email.more", language, count=3) in body


async def test_who_wants_it_at_once_gets_a_letter_per_notice(database: Database, post: Post) -> None:
    await follower(database)
    await told(database, happening(QUIET), happening(QUIET))
    async with post() as (postman, box):
        assert await postman.round() == 2
        assert await postman.round() == 0
    assert [message["To"] for message in box.received] == [ADDRESS, ADDRESS]
    assert len({message["Message-ID"] for message in box.received}) == 2
    assert await letters(database) == [("sent", 1, 250)] * 2


async def test_whom_a_comment_mentions_is_written_to_as_who_is_mentioned(database: Database, post: Post) -> None:
    await follower(database)
    await told(database, happening(ThreadOpened.model_validate(ThreadOpened.example | {"people": [OFFICER.person]})))
    async with post() as (postman, box):
        assert await postman.round() == 1
    (message,) = box.received
    assert "vous mentionne" in message["Subject"] and "vous mentionne" in part(message, "plain")


async def test_the_postman_is_woken_by_a_letter_and_ends_when_told_to(database: Database, post: Post) -> None:
    await follower(database)
    stop = asyncio.Event()
    async with post(idle_poll=30.0) as (postman, box):
        running = asyncio.create_task(postman.run(stop))
        await told(database, happening(QUIET))

        async def received() -> bool:
            return len(box.received) == 1

        await eventually(received)
        stop.set()
        await asyncio.wait_for(running, 10)


async def test_a_digest_gathers_until_it_is_due_and_is_sent_once(database: Database, post: Post) -> None:
    await follower(database, email="daily")
    events = await told(database, *(happening(QUIET) for _ in range(3)))
    async with post() as (postman, box):
        assert await postman.round() == 0
        assert await letters(database) == [("open", 0, None)]
        await came_due(database)
        assert await postman.round() == 1
        # What comes too late for it is in the next one.
        (late,) = await told(database, happening(QUIET))
        await came_due(database)
        assert await postman.round() == 1
    first, second = (part(message, "plain") for message in box.received)
    assert all(str(event.id) in first for event in events) and str(late.id) not in first
    assert str(late.id) in second


async def test_a_statutory_notice_does_not_wait_for_the_digest(database: Database, post: Post) -> None:
    await person(database, OFFICER, email="weekly", address=ADDRESS, inbox="off")
    await told(database, happening(QUIET), happening(STATUTORY))
    async with post() as (postman, box):
        assert await postman.round() == 1
    (message,) = box.received
    assert "quelles que soient vos préférences" in part(message, "plain")
    assert await rows(database, "select count(*) from inbox_item") == [(1,)]


async def test_a_passing_refusal_is_tried_again_under_the_same_message_id(database: Database, post: Post) -> None:
    await follower(database)
    await told(database, happening(QUIET))
    async with post("451 later", "421 busy") as (postman, box):
        for _ in range(3):
            assert await postman.round() == 1
            await came_due(database)
        assert await postman.round() == 0
    assert len(box.received) == 1
    assert await letters(database) == [("sent", 3, 250)]
    assert await rows(database, "select 1 from bounce") == []


async def test_a_killed_postmans_letters_are_taken_over_after_their_lease(database: Database, post: Post) -> None:
    await follower(database)
    await told(database, happening(QUIET))
    async with post() as (postman, box):
        (claimed,) = await postman._claim()
        assert await postman.round() == 0
        async with database.transaction(NATIONAL) as tx:
            await tx.execute(text("update letter set lease_until = clock_timestamp()"))
        assert await postman.round() == 1
        # What the first one would write now is not the holder's word any more.
        await postman._send(claimed)
    assert len({message["Message-ID"] for message in box.received}) == 1
    assert await letters(database) == [("sent", 1, 250)]


async def test_a_letter_that_cannot_be_written_holds_back_no_other(database: Database, post: Post) -> None:
    await follower(database)
    (bad, _) = await told(database, happening(QUIET), happening(QUIET))
    unheard = """
        with notice as (
            insert into notice (event_id, type, subject, version, time, audience, data, names, reach, correlation)
            select gen_random_uuid(), 'ma.mithaq.agreement.unheard.v1', subject, version, time, audience, data, names,
                reach, correlation
            from notice where event_id = :bad returning event_id
        )
        insert into letter_line (letter_id, event_id, person_id)
        select letter_id, notice.event_id, person_id from letter_line, notice where letter_line.event_id = :bad
    """
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(unheard), {"bad": bad.id})
    async with post() as (postman, box):
        assert await postman.round() == 2
    assert len(box.received) == 1
    assert sorted(row.state for row in await letters(database)) == ["sent", "waiting"]


async def test_what_is_outside_todays_jurisdiction_is_not_sent_any_more(database: Database, post: Post) -> None:
    await follower(database, email="daily")
    await told(database, happening(QUIET))
    moved = Actor(OFFICER.issuer, OFFICER.subject, OFFICER.roles, "MA-01")
    await queries.preferences(database, by=moved)
    await came_due(database)
    async with post() as (postman, box):
        await postman.round()
    assert box.received == []
    assert await letters(database) == [("void", 1, None)]


async def test_an_address_that_returns_too_much_is_suspended_and_its_owner_sees_why(
    database: Database, post: Post
) -> None:
    await follower(database)
    async with post(*["550 5.1.1 no such user"] * 2, most_bounces=2) as (postman, box):
        await told(database, happening(QUIET))
        await postman.round()
        assert (await queries.preferences(database, by=OFFICER)).email_suspended is None
        await told(database, happening(QUIET))
        await postman.round()
        seen = (await queries.preferences(database, by=OFFICER)).email_suspended
        assert seen and "no such user" in seen.because
        (event,) = await told(database, happening(STATUTORY))
        assert await postman.round() == 0
        found = await queries.explanation(database, event.id, language="fr", by=OPERATOR)
        assert {(each.channel, each.why) for each in found.not_told} == {("email", "address_suspended")}
        await person(database, OFFICER, address="autre@academie.example", email="immediate")
        await told(database, happening(QUIET))
        assert await postman.round() == 1
    assert [message["To"] for message in box.received] == ["autre@academie.example"]
    assert await letters(database) == [("refused", 1, 550)] * 2 + [("sent", 1, 250)]


async def test_that_its_only_endpoint_is_disabled_an_academy_reads_in_its_peoples_mail(
    database: Database, post: Post, settings: NotificationsSettings
) -> None:
    await person(database, OFFICER, address=ADDRESS, email="off", inbox="off")
    issued = await registered(database, settings, "https://academie.example/avis")
    await commands.disable_endpoint(database, issued.endpoint.id, because="failing", by=SYSTEM)
    await told(database, *await published(database))
    async with post() as (postman, box):
        await postman.round()
    (message,) = box.received
    assert message["To"] == ADDRESS
    assert notice(EndpointDisabled.model_validate(EndpointDisabled.example | {"because": "failing"})).summary(
        "fr"
    ) in part(message, "plain")


async def test_a_letter_that_arrives_forgives_the_ones_before(database: Database, post: Post) -> None:
    await follower(database)
    async with post("550 5.1.1 no such user") as (postman, _):
        await told(database, happening(QUIET))
        await postman.round()
        assert await rows(database, "select bounces from person") == [(1,)]
        await told(database, happening(QUIET))
        await postman.round()
        assert await rows(database, "select bounces from person") == [(0,)]


async def test_an_address_whose_server_takes_its_letters_and_returns_them_later_is_suspended_too(
    database: Database, post: Post
) -> None:
    await follower(database)
    async with post(most_bounces=2) as (postman, box):
        for _ in range(2):
            await told(database, happening(QUIET))
            assert await postman.round() == 1
            report = returned(box.received[-1]).decode()
            assert await commands.report_bounces(database, report, most=2, by=OPERATOR) == (1, 1)
    assert (await queries.preferences(database, by=OFFICER)).email_suspended


@pytest.mark.parametrize(
    ("reply", "state"), [("552 5.2.2 mailbox full", "refused"), ("554 5.7.1 not from you", "waiting")]
)
async def test_a_refusal_that_is_not_the_address_itself_counts_against_nobody(
    database: Database, post: Post, reply: str, state: str
) -> None:
    await follower(database)
    await told(database, happening(QUIET))
    async with post(reply) as (postman, _):
        await postman.round()
    assert [row.state for row in await letters(database)] == [state]
    assert await rows(database, "select bounces from person") == [(0,)]


async def test_a_returned_letter_is_counted_once_however_often_it_is_reported(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    await follower(database)
    await told(database, happening(QUIET))
    async with post() as (postman, _):
        await postman.round()
    ((letter,),) = await rows(database, "select id from letter")
    async with client_of(app, issuer.token(OPERATOR)) as client:

        async def report(report: bytes) -> Any:
            return (await client.post("/api/v1/notifications/bounces", json={"report": report.decode()})).json()

        assert await report(returned(letter, "4.4.7", action="delayed")) == {"failed": 0, "counted": 0}
        assert await report(returned(letter, "5.7.1")) == {"failed": 1, "counted": 0}
        assert await report(returned(letter, whole=False)) == {"failed": 1, "counted": 1}
        assert await report(returned(letter)) == {"failed": 1, "counted": 0}
        assert await report(returned(new_id())) == {"failed": 1, "counted": 0}
        refused = await report(b"Subject: out of office\r\n\r\nback on Monday\r\n")
        assert refused["type"] == "/problems/not-a-bounce"
    assert await rows(database, "select bounces from person") == [(1,)]
    assert await rows(database, "select recipient, status from bounce") == [(ADDRESS, "5.1.1")]


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xff\xfe",
        b"Content-Type: multipart/report\r\n\r\n",
        returned(new_id()).replace(b"letter.", b"other."),
        returned(new_id()).replace(b"letter.", b""),
        returned(new_id()).replace(b"message/delivery-status", b"text/plain"),
        returned(new_id()).replace(b"multipart/report", b"multipart/mixed"),
    ],
)
def test_what_is_no_report_about_our_letters_is_refused(hostile: bytes) -> None:
    with pytest.raises(NotABounce):
        read_report(hostile)
