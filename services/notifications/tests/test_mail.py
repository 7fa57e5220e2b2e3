"""E-mail to a real mail server: right to left where it should be, once in effect, final when refused."""

import re
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from fastapi import FastAPI
from pydantic import SecretStr

from services.notifications import commands
from services.notifications.endpoint import Pace
from services.notifications.mail import MailClient, compose
from services.notifications.outcome import Outcome
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
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
from services.notifications.tests.conftest import Post, Sending
from services.notifications.tests.receivers import mailbox
from shared.database import Database
from shared.events.agreements import AgreementSigned, AgreementSuspended
from shared.events.notifications import EndpointDisabled
from shared.ids import new_id
from shared.language import LANGUAGES
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

STATUTORY = AgreementSuspended.model_validate(AgreementSuspended.example)


def _message(language: str) -> EmailMessage:
    event = AgreementSigned.model_validate(AgreementSigned.example)
    return compose(
        notice(event),
        sender="mithaq@ministere.example",
        recipient="avis@academie.example",
        endpoint_id=new_id(),
        academy="MA-06",
        sequence=3,
        language=language,
    )


def _part(message: EmailMessage, kind: Any) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_text_and_html_in_its_language_and_direction(language: str) -> None:
    message = _message(language)
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in _part(message, "html")
    for part in (_part(message, "plain"), _part(message, "html")):
        assert "AREF-06/2024-0001" in part
        assert "{" not in part


def test_an_id_in_arabic_stands_in_its_order_in_the_text_and_in_the_html() -> None:
    message = _message("ar")
    (id,) = re.findall(r"\u2068([0-9a-f-]{36})\u2069", _part(message, "plain"))
    assert f'<bdi dir="ltr">{id}</bdi>' in _part(message, "html")
    assert not re.search("[\u2066-\u2069]", _part(_message("fr"), "plain"))


def test_markup_in_a_name_stays_text() -> None:
    event = AgreementSigned.model_validate(AgreementSigned.example | {"reference": "<script>alert(1)</script>"})
    message = compose(
        notice(event),
        sender="mithaq@ministere.example",
        recipient="avis@academie.example",
        endpoint_id=new_id(),
        academy="MA-06",
        sequence=3,
        language="fr",
    )
    assert "<script>" not in _part(message, "html")


async def _state(database: Database, *expected: str) -> None:
    async def check() -> bool:
        found = await rows(database, "select state from delivery order by sequence")
        return [row.state for row in found] == [*expected]

    await eventually(check)


async def test_an_academy_receives_an_e_mail_in_its_language(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox() as (box, port):
        issued = await registered(database, settings, "avis@academie.example", channel="email", language="ar")
        (event,) = await told(database)
        async with sending(smtp_port=port):
            await _state(database, "delivered")
    (message,) = box.received
    assert message["To"] == "avis@academie.example"
    assert message["Content-Language"] == "ar"
    assert message["Message-ID"] == f"<{event.id}.{issued.endpoint.id}@localhost>"
    assert 'dir="rtl"' in _part(message, "html")
    assert issued.secret is None


async def test_a_passing_refusal_is_tried_again_under_the_same_message_id(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("451 later", "421 busy") as (box, port):
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database)
        async with sending(smtp_port=port):
            await _state(database, "delivered")
    assert len(box.received) == 1
    log = await rows(database, "select result, status from attempt order by id")
    assert log == [("failed", 451), ("failed", 421), ("delivered", 250)]


async def test_a_final_refusal_ends_the_message_and_no_other(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 no such user") as (box, port):
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, happening(), happening())
        async with sending(smtp_port=port):
            await _state(database, "refused", "delivered")
    assert len(box.received) == 1


async def test_an_address_that_returns_its_mail_is_disabled_and_what_follows_waits_for_it(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 5.1.1 no", "250 ok", *["550 5.1.1 no such user"] * 2) as (box, port):
        issued = await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, *(happening() for _ in range(5)))
        async with sending(smtp_port=port, most_bounces=2):

            async def disabled() -> bool:
                return await rows(database, "select enabled from lane") == [(False,)]

            await eventually(disabled)
            await _state(database, "refused", "delivered", "refused", "refused", "waiting")
            (event,) = [each.event for each in await published(database) if isinstance(each.event, EndpointDisabled)]
            assert event.because == "failing"
            await commands.enable_endpoint(database, issued.endpoint.id, by=OFFICER)
            await _state(database, "refused", "delivered", "refused", "refused", "delivered")
            assert await rows(database, "select enabled from lane") == [(True,)]
    assert len(box.received) == 2


async def test_an_address_whose_server_takes_its_mail_and_returns_it_later_is_disabled(
    app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox() as (box, port), client_of(app, issuer.token(OPERATOR)) as client:

        async def report(*about: Any, **more: Any) -> Any:
            body = {"report": returned(*about, **more).decode()}
            return (await client.post("/api/v1/notifications/bounces", json=body)).json()

        issued = await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, *(happening() for _ in range(5)))
        async with sending(smtp_port=port):
            await _state(database, *["delivered"] * 5)
        first, second, third, fourth, fifth = box.received
        assert await report(first, "4.4.7", action="delayed") == {"failed": 0, "counted": 0}
        assert await report(fifth, "5.7.1") == {"failed": 1, "counted": 0}
        assert await report(first, whole=False) == {"failed": 1, "counted": 1}
        assert await report(first) == {"failed": 1, "counted": 0}
        await _state(database, "refused", *["delivered"] * 3, "refused")
        log = await rows(database, "select reason, excerpt from attempt where result = 'refused' order by id")
        assert log == [(f"returned {status}", "smtp; 550 5.1.1 no such user") for status in ("5.7.1", "5.1.1")]
        assert await report(third) == {"failed": 1, "counted": 1}
        assert await rows(database, "select enabled from lane") == [(True,)]
        # What is reported out of turn completes the row with the next one.
        assert await report(second) == {"failed": 1, "counted": 1}
        assert await rows(database, "select enabled from lane") == [(True,)]
        assert await report(fourth) == {"failed": 1, "counted": 1}
    assert await rows(database, "select enabled from lane") == [(False,)]
    (event,) = [each.event for each in await published(database) if isinstance(each.event, EndpointDisabled)]
    assert event.because == "failing" and event.endpoint_id == issued.endpoint.id


@pytest.mark.parametrize("soft", ["5.2.2", "5.7.1"])
async def test_letters_that_came_back_though_their_address_is_good_disable_nothing_with_the_first_that_is_not(
    database: Database, settings: NotificationsSettings, sending: Sending, soft: str
) -> None:
    async with mailbox() as (box, port):
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, *(happening() for _ in range(5)))
        async with sending(smtp_port=port):
            await _state(database, *["delivered"] * 5)
    for number, status in enumerate((soft, soft, "5.1.1", "5.1.1", "5.1.1")):
        assert await rows(database, "select enabled from lane") == [(True,)], number
        report = returned(box.received[number], status).decode()
        counted = 0 if status == soft else 1
        assert await commands.report_bounces(database, report, most=3, by=OPERATOR) == (1, counted)
    assert await rows(database, "select enabled from lane") == [(False,)]


async def test_letters_refused_though_their_address_is_good_disable_nothing_with_the_first_that_is_not(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("552 5.2.2 full", "250 ok", "550 5.1.1 no", "552 5.2.2 full", *["550 5.1.1 no"] * 2) as (
        box,
        port,
    ):
        box.of_message = ["554 5.7.1 message content rejected"]
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, *(happening() for _ in range(3)))
        async with sending(smtp_port=port, most_bounces=2):
            await _state(database, *["refused"] * 3)
            await told(database, *(happening() for _ in range(2)))
            await _state(database, *["refused"] * 5)
            assert await rows(database, "select enabled from lane") == [(True,)]
            await told(database, *(happening() for _ in range(2)))
            await _state(database, *["refused"] * 6, "waiting")

            async def disabled() -> bool:
                return await rows(database, "select enabled from lane") == [(False,)]

            await eventually(disabled)


async def test_what_an_address_returned_before_it_was_changed_does_not_disable_the_new_one(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox() as (box, port):
        issued = await registered(database, settings, "faux@academie.example", channel="email")
        await told(database)
        async with sending(smtp_port=port):
            await _state(database, "delivered")
    await commands.change_endpoint(
        database, issued.endpoint.id, pace=Pace(address="avis@academie.example"), guard=settings.guard, by=OFFICER
    )
    reported = returned(box.received[0]).decode()
    assert await commands.report_bounces(database, reported, most=1, by=OPERATOR) == (1, 1)
    await _state(database, "refused")
    assert await rows(database, "select enabled from lane") == [(True,)]


async def test_what_one_address_refused_and_another_returned_is_not_counted_together(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox("550 5.1.1 no such user", "250 ok", "550 5.1.1 no such user") as (box, port):
        issued = await registered(database, settings, "faux@academie.example", channel="email")
        await told(database, happening(), happening())
        async with sending(smtp_port=port, most_bounces=2):
            await _state(database, "refused", "delivered")
            assert await commands.report_bounces(database, returned(box.received[0]).decode(), most=9, by=OPERATOR) == (
                1,
                1,
            )
            pace = Pace(address="avis@academie.example")
            await commands.change_endpoint(database, issued.endpoint.id, pace=pace, guard=settings.guard, by=OFFICER)
            await told(database)
            await _state(database, "refused", "refused", "refused")
            await told(database)
            await _state(database, "refused", "refused", "refused", "delivered")
    assert await rows(database, "select enabled from lane") == [(True,)]
    assert await rows(database, "select distinct language from attempt") == [("fr",)]


async def test_a_mail_server_that_takes_its_time_gets_no_more_than_the_deadline(
    settings: NotificationsSettings,
) -> None:
    async with mailbox(pause=0.4) as (_, port):
        slow = settings.model_copy(update={"smtp_port": port, "deadline": 0.6})
        assert await MailClient(slow).send(_message("fr")) == Outcome("failed", "timeout")


async def test_a_server_that_takes_nothing_from_us_is_tried_again_and_no_letter_is_given_up(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with mailbox() as (box, port):
        box.of_sender = ["550 5.7.1 sender not allowed", "553 5.1.8 unknown domain"]
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database)
        async with sending(smtp_port=port):
            await _state(database, "delivered")
    log = await rows(database, "select result, status from attempt order by id")
    assert log == [("failed", 550), ("failed", 553), ("delivered", 250)]


@pytest.mark.parametrize(
    "said",
    [
        "554 5.7.1 <avis@academie.example>: Relay access denied",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example",
        "550 5.7.26 not authenticated",
        "553 5.1.8 <mithaq@ministere.example>: Sender address rejected: domain not found",
        "501 5.1.7 bad sender address syntax",
    ],
)
async def test_what_a_server_says_of_us_only_once_a_recipient_is_named_gives_no_letter_up(
    database: Database, settings: NotificationsSettings, sending: Sending, post: Post, said: str
) -> None:
    await person(database, OFFICER, address="agent@academie.example")
    async with mailbox(said, said) as (box, port):
        await registered(database, settings, "avis@academie.example", channel="email")
        await told(database, happening(STATUTORY))
        async with sending(smtp_port=port, most_bounces=1):
            await _state(database, "delivered")
    assert len(box.received) == 1
    status = int(said[:3])
    log = await rows(database, "select result, status from attempt order by id")
    assert log == [("failed", status), ("failed", status), ("delivered", 250)]
    async with post(said) as (postman, _):
        await postman.round()
        assert await rows(database, "select state, status from letter") == [("waiting", status)]
        await rows(database, "update letter set next_attempt_at = clock_timestamp() returning 1")
        await postman.round()
    assert await rows(database, "select state, status from letter") == [("sent", 250)]
    assert [each.event.type for each in await published(database) if ".letter." in each.event.type] == []
    assert await rows(database, "select 1 from bounce") == [] and await rows(database, "select enabled from lane") == [
        (True,)
    ]


@pytest.mark.parametrize("said", ["554 relay access denied", "550 no", "550 5.1.1 no such user", "552 5.2.2 full"])
async def test_what_a_server_says_of_a_recipient_is_final(settings: NotificationsSettings, said: str) -> None:
    async with mailbox(said) as (_, port):
        outcome = await MailClient(settings.model_copy(update={"smtp_port": port})).send(_message("fr"))
    assert outcome.result == "refused" and outcome.bounced == ("5.2.2" not in said)


async def test_what_a_server_says_of_a_letter_that_it_has_read_is_final_and_no_bounce(
    settings: NotificationsSettings,
) -> None:
    async with mailbox() as (box, port):
        box.of_message = ["554 5.7.1 message content rejected"]
        outcome = await MailClient(settings.model_copy(update={"smtp_port": port})).send(_message("fr"))
    assert outcome == Outcome("refused", "mail_refused", 554, "5.7.1 message content rejected", more="SMTP 554")


async def test_a_password_is_not_sent_without_tls(settings: NotificationsSettings) -> None:
    asked: list[Any] = []

    def admit(*about: Any) -> AuthResult:
        asked.append(about)
        return AuthResult(success=True)

    async with mailbox(authenticator=admit, auth_require_tls=False) as (box, port):
        known = {"smtp_port": port, "smtp_username": "mithaq", "smtp_password": SecretStr("very-secret")}
        outcome = await MailClient(settings.model_copy(update=known)).send(_message("fr"))
    assert outcome.result == "failed"
    assert not asked and not box.received


async def test_a_mail_server_that_is_away_is_tried_again(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    await registered(database, settings, "avis@academie.example", channel="email")
    await told(database)
    async with sending(smtp_port=1, retries=(60.0,)):

        async def tried() -> bool:
            return await rows(database, "select result, reason from attempt") == [("failed", "not_connected")]

        await eventually(tried)
    await _state(database, "waiting")
