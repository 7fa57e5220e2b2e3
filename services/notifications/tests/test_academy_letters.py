"""E-mails that an academy's own address does not take: of a statutory notice somebody hears at once, and once."""

from typing import Any

import pytest
from fastapi import FastAPI

from services.notifications import commands, queries
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
from services.notifications.tests.conftest import Reads, Sending
from services.notifications.tests.receivers import mailbox
from shared.actor import Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementSuspended, AgreementTextRevised
from shared.events.base import DomainEvent, Occurrence
from shared.events.notifications import LetterGivenUp, LetterToAcademyGivenUp
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ADDRESS = "avis@academie.example"
STATUTORY = AgreementSuspended.model_validate(AgreementSuspended.example)
QUIET = AgreementTextRevised.model_validate(AgreementTextRevised.example)
OWED_BEFORE = """
    with owed as (
        insert into delivery (endpoint_id, academy, event_id, sequence, state, attempts, next_attempt_at)
        select endpoint_id, academy, event_id, sequence, 'waiting', 0, clock_timestamp()
        from feed_entry join lane using (academy) where event_id = :event returning endpoint_id
    )
    update lane set due_at = clock_timestamp() from owed where lane.endpoint_id = owed.endpoint_id returning 1
"""
MINISTRY = actor(Role.ministry_officer, jurisdiction="national", name="ministry")


async def given_up(database: Database) -> list[Occurrence[DomainEvent]]:
    """What was said of e-mails to academies that were given up."""
    return [each for each in await published(database) if isinstance(each.event, LetterToAcademyGivenUp)]


async def settled(database: Database, *states: str) -> None:
    """Wait until the deliveries are in these states, in the order of the feed."""

    async def check() -> bool:
        return [row.state for row in await rows(database, "select state from delivery order by sequence")] == [*states]

    await eventually(check)


async def test_a_statutory_e_mail_that_an_academy_s_address_refuses_once_is_told_and_explained(
    database: Database, settings: NotificationsSettings, sending: Sending, reads: Reads
) -> None:
    for one in (OFFICER, MINISTRY, FOREIGNER):
        await person(database, one, inbox="off")
    async with mailbox("552 5.2.2 mailbox full") as (_, port):
        endpoint = (await registered(database, settings, ADDRESS, channel="email")).endpoint
        (event,) = await told(database, happening(STATUTORY))
        async with sending(smtp_port=port):
            await settled(database, "refused")
    # One refusal disables nothing, and is said all the same.
    assert await rows(database, "select enabled from lane") == [(True,)]
    (said,) = await given_up(database)
    assert isinstance(said.event, LetterToAcademyGivenUp)
    ((delivery,),) = await rows(database, "select id from delivery")
    assert said.event == LetterToAcademyGivenUp(
        letter_id=delivery,
        endpoint_id=endpoint.id,
        academy="MA-06",
        event_id=event.id,
        event_type=STATUTORY.type,
        because="refused",
    )
    assert (said.subject, said.audience, said.correlation) == (delivery, ("MA-06",), event.correlation)
    await told(database, said)
    for one in (OFFICER, MINISTRY):
        (item,) = [each for each in await reads(one) if each.type == LetterToAcademyGivenUp.type]
        assert item.importance == "urgent" and item.statutory
    assert await reads(FOREIGNER) == []
    for by in (OPERATOR, OFFICER):
        found = await queries.explanation(database, event.id, language="fr", by=by)
        (sent,) = [each.sending for each in found.told if each.recipient == endpoint.id]
        assert sent and (sent.state, sent.code, sent.alert) == ("refused", "mail_refused", said.id)


async def test_the_refusal_and_what_is_said_of_it_are_written_together(
    database: Database, settings: NotificationsSettings, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[Any]] = []

    async def dies(_: Any, deliveries: Any, __: str) -> None:
        tried.append(list(deliveries))
        raise ConnectionError

    monkeypatch.setattr("services.notifications.recording.give_up_deliveries", dies)
    async with mailbox("550 no") as (_, port):
        await registered(database, settings, ADDRESS, channel="email")
        await told(database, happening(STATUTORY))
        async with sending(smtp_port=port):
            await eventually(lambda: len(tried))
            assert await rows(database, "select state from delivery") == [("waiting",)]
            assert await rows(database, "select 1 from attempt") == []
            monkeypatch.undo()
            await settled(database, "refused")
    assert len(await given_up(database)) == 1


async def test_of_what_is_not_statutory_a_refusal_is_not_told(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 no", "550 no") as (_, port):
        await registered(database, settings, ADDRESS, channel="email")
        await told(database, happening(QUIET), happening(STATUTORY))
        async with sending(smtp_port=port):
            await settled(database, "refused", "refused")
    (said,) = await given_up(database)
    assert isinstance(said.event, LetterToAcademyGivenUp) and said.event.event_type == STATUTORY.type


async def test_a_statutory_e_mail_that_was_taken_and_came_back_is_told_once_whatever_the_reason(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox() as (box, port):
        await registered(database, settings, ADDRESS, channel="email")
        await told(database, happening(STATUTORY), happening(QUIET))
        async with sending(smtp_port=port):
            await settled(database, "delivered", "delivered")
    for number, status in enumerate(("5.7.1", "5.7.1", "5.1.1")):
        report = returned(box.received[0], status).decode()
        assert await commands.report_bounces(database, report, most=1, by=OPERATOR) == (1, 0), number
    await settled(database, "refused", "delivered")
    (said,) = await given_up(database)
    assert isinstance(said.event, LetterToAcademyGivenUp) and said.event.because == "returned"
    assert await rows(database, "select enabled from lane") == [(True,)]
    # That another one came back is the address's fault, and is counted.
    assert await commands.report_bounces(database, returned(box.received[1]).decode(), most=1, by=OPERATOR) == (1, 1)
    assert len(await given_up(database)) == 1


async def test_news_of_a_refused_letter_is_not_mailed_to_the_address_that_refused_it_nor_counted_as_heard_there(
    app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox(*["550 5.1.1 no such user"] * 2) as (_, port):
        endpoint = (await registered(database, settings, ADDRESS, channel="email")).endpoint
        await told(database, happening(STATUTORY))
        async with sending(smtp_port=port, most_bounces=2):
            await settled(database, "refused")
            (news,) = await given_up(database)
            await told(database, news)
            # One notice was refused, once: that disables no address of which two in a row do.
            await settled(database, "refused")
    assert await rows(database, "select enabled from lane") == [(True,)]
    found = await queries.explanation(database, news.id, language="fr", by=OFFICER)
    assert [each.why for each in found.not_told if each.recipient == endpoint.id] == ["no_letters"]
    assert found.unheard == ["MA-06"]
    async with client_of(app, issuer.token(OFFICER)) as client:
        listed = (await client.get("/api/v1/notifications/unheard")).json()["items"]
    assert [(each["id"], each["unheard"]) for each in listed] == [(str(news.id), ["MA-06"])]


@pytest.mark.parametrize("about", [LetterGivenUp, LetterToAcademyGivenUp])
async def test_a_webhook_is_sent_news_of_a_refused_letter_and_no_replay_brings_it_to_an_address(
    database: Database, settings: NotificationsSettings, about: type[DomainEvent]
) -> None:
    webhook = (await registered(database, settings, "https://academie.example/avis")).endpoint
    await registered(database, settings, ADDRESS, channel="email")
    since = now()
    await told(database, happening(about.model_validate(about.example)), happening(QUIET))
    owed = "select endpoint_id from delivery join notice using (event_id) where type = :type"
    assert await rows(database, owed, type=about.type) == [(webhook.id,)]
    for endpoint in await rows(database, "select id from endpoint"):
        await commands.replay_feed(database, endpoint.id, since=since, until=now(), by=OFFICER)
        await commands.recover_missed(database, endpoint.id, since=since, by=OFFICER)
    assert await rows(database, owed, type=about.type) == [(webhook.id,)]
    assert len(await rows(database, owed, type=QUIET.type)) == 2


async def test_an_address_that_an_older_version_wrote_to_about_a_letter_raises_no_further_news(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 no") as (_, port):
        await registered(database, settings, ADDRESS, channel="email")
        (news,) = await told(database, happening(LetterToAcademyGivenUp.model_validate(LetterToAcademyGivenUp.example)))
        await rows(database, OWED_BEFORE, event=news.id)
        async with sending(smtp_port=port):
            await settled(database, "refused")
    assert await given_up(database) == []


async def test_a_refusal_is_told_once_however_often_the_message_is_sent_again(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 no", "550 no") as (_, port):
        await registered(database, settings, ADDRESS, channel="email")
        await told(database, happening(STATUTORY))
        async with sending(smtp_port=port):
            await settled(database, "refused")
            ((delivery,),) = await rows(database, "select id from delivery")
            await commands.redeliver(database, delivery, by=OFFICER)
            await eventually(lambda: _tried(database, 2))
            await settled(database, "refused")
    assert len(await given_up(database)) == 1


async def _tried(database: Database, times: int) -> bool:
    return len(await rows(database, "select 1 from attempt")) == times
