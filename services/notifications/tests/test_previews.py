"""Previews: what is shown beforehand is what is sent, word for word, by the functions that send it."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from fastapi import FastAPI

from services.notifications import commands, queries
from services.notifications.kinds import kinds
from services.notifications.letters import MOST_LINES
from services.notifications.notice import wording
from services.notifications.queries.event_types import NOBODY
from services.notifications.schemas.people import PreviewAnswer
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, happening, person, published, registered, rows, told
from services.notifications.tests.conftest import Post, Sending
from services.notifications.tests.receivers import Mailbox, mailbox
from services.notifications.triggers import remind, triggers
from shared.database import Database
from shared.events.agreements import AgreementApproved, AgreementSuspended, AgreementTextRevised, CeremonyPlanned
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import ALL, BY_TYPE
from shared.events.centers import CenterOpened
from shared.events.notifications import ReminderFellDue
from shared.language import LANGUAGES
from shared.refusals import NotFound
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ADDRESS = "agent@academie.example"
EVENTS: Sequence[type[DomainEvent]] = (AgreementTextRevised, AgreementSuspended, CeremonyPlanned, CenterOpened)


def preview(type: str, language: str, **wanted: Any) -> PreviewAnswer:
    """What is shown beforehand."""
    return queries.preview(type, language=language, by=OFFICER, **wanted)


def example(event: type[DomainEvent]) -> DomainEvent:
    """The event's example."""
    return event.model_validate(event.example)


async def named(database: Database) -> None:
    """Let the names be known that the examples use."""
    named_by = (
        AgreementApproved,
        BY_TYPE["ma.mithaq.center.planned.v1"],
        BY_TYPE["ma.mithaq.association.registered.v1"],
    )
    await told(database, *(happening(example(event), audience=()) for event in named_by))


def about(box: Mailbox, event: Occurrence[DomainEvent]) -> EmailMessage:
    """The one message that arrived and names this event."""
    (sent,) = [each for each in box.received if str(event.id) in content(each, "plain")]
    return sent


def content(message: EmailMessage, kind: Any) -> str:
    """The text or the HTML of a message."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def is_what_was_sent(shown: PreviewAnswer, sent: EmailMessage, *events: Occurrence[DomainEvent]) -> None:
    """Compare subject, text and HTML: only the events' ids are their own."""
    assert shown.subject == sent["Subject"]
    for kind, body in (("plain", shown.text), ("html", shown.html)):
        said = content(sent, kind)
        for event in events:
            assert str(event.id) in said
            said = said.replace(str(event.id), str(NOBODY))
        assert said == body


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_person_is_sent_what_the_preview_shows(database: Database, post: Post, language: str) -> None:
    await named(database)
    await person(database, OFFICER, email="immediate", address=ADDRESS, language=language)
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    events = await told(database, *(happening(example(event)) for event in EVENTS))
    async with post() as (postman, box):
        await postman.round()
    assert len(box.received) == len(EVENTS)
    for event in events:
        is_what_was_sent(preview(event.event.type, language), about(box, event), event)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_academy_is_sent_what_the_preview_shows(
    database: Database, settings: NotificationsSettings, sending: Sending, language: str
) -> None:
    await named(database)
    async with mailbox() as (box, port):
        await registered(database, settings, ADDRESS, channel="email", language=language)
        (event,) = await told(database, happening(example(CenterOpened)))
        async with sending(smtp_port=port):
            await eventually(lambda: len(box.received) == 1)
    is_what_was_sent(preview(CenterOpened.type, language, letter="academy"), about(box, event), event)


@pytest.mark.parametrize("letter", ["daily", "weekly"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_digest_is_what_the_preview_shows(database: Database, post: Post, letter: str, language: str) -> None:
    await named(database)
    await person(database, OFFICER, email=letter, address=ADDRESS, language=language)
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    first, second, _ = told_of = (AgreementTextRevised, CenterOpened, AgreementSuspended)
    events = await told(database, *(happening(example(event)) for event in told_of))
    ((at_once, due),) = await rows(database, "select min(due_at), max(due_at) from letter")
    assert at_once < due
    shown = preview(first.type, language, letter=letter, also=[event.type for event in told_of])
    assert (shown.letter, shown.due) == (letter, due)
    await rows(database, "update letter set next_attempt_at = clock_timestamp() returning 1")
    async with post() as (postman, box):
        await postman.round()
    digest = about(box, events[0])
    assert digest["Date"].datetime == due and about(box, events[2]) is not digest
    is_what_was_sent(shown, digest, *events[:2])
    assert preview(second.type, language, letter=letter).subject != shown.subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("trigger", [each.name for each in triggers()])
async def test_a_reminder_is_what_the_preview_shows(
    database: Database, post: Post, trigger: str, language: str
) -> None:
    shown = preview(ReminderFellDue.type, language, trigger=trigger)
    await person(database, OFFICER, email="immediate", address=ADDRESS, language=language)
    await named(database)
    (found,) = [each for each in triggers() if each.name == trigger]
    type, field = next(iter(found.set.items()))
    reminder = example(ReminderFellDue)
    assert isinstance(reminder, ReminderFellDue)
    announced = BY_TYPE[type].model_validate(
        BY_TYPE[type].example | {field: f"{reminder.on}T12:00:00Z" if field.endswith(("_at", "_for")) else reminder.on}
    )
    await told(database, happening(announced, subject=reminder.subject_id))
    before = len(await published(database))
    assert await remind(database, reminder.on + timedelta(days=found.days[0])) == 1
    (event,) = (await published(database))[before:]
    await commands.subscribe(database, Subscribe(types=[ReminderFellDue.type]), by=OFFICER)
    await told(database, event)
    async with post() as (postman, box):
        await postman.round()
    is_what_was_sent(shown, about(box, event), event)


async def test_a_preview_is_asked_for_by_letter_company_and_trigger(app: FastAPI, issuer: Issuer) -> None:
    asked = {"type": ReminderFellDue.type, "language": "fr", "trigger": "mandate_ends", "letter": "weekly"}
    async with client_of(app, issuer.token(OFFICER)) as client:
        found = await client.get("/api/v1/notifications/preview", params=asked | {"also": "*.center.opened.v1"})
        unknown = await client.get("/api/v1/notifications/preview", params=asked | {"trigger": "nothing"})
    shown = preview(ReminderFellDue.type, "fr", trigger="mandate_ends", letter="weekly", also=[CenterOpened.type])
    body = found.json()
    assert (body["subject"], body["text"], body["html"]) == (shown.subject, shown.text, shown.html)
    assert unknown.status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_is_shown_in_every_letter(language: str) -> None:
    for event in ALL:
        for letter in ("at_once", "daily", "weekly", "academy"):
            shown = preview(event.type, language, letter=letter)
            if not kinds().of(event.type).letters:
                assert shown.no_letter == wording().text("why.no_letters", language)
                assert (shown.letter, shown.due, shown.subject, shown.text, shown.html) == (None,) * 5
                assert shown.summary and shown.payload["summary"] == shown.summary
                continue
            assert shown.no_letter is None
            statutory = kinds().of(event.type).statutory and letter in ("daily", "weekly")
            assert shown.letter == ("at_once" if statutory else letter)
            for said in (shown.subject, shown.text, shown.html):
                assert said and "…" not in said and "None" not in said and "{" not in said


def test_a_digest_of_very_much_says_how_much_more_there_is() -> None:
    fitting = [type for type in BY_TYPE if not kinds().of(type).statutory]
    shown = preview(AgreementTextRevised.type, "fr", letter="daily", also=["*"])
    assert shown.subject and shown.text
    assert str(len(fitting)) in shown.subject and shown.text.count(str(NOBODY)) == MOST_LINES
    assert wording().text("email.more", "fr", count=len(fitting) - MOST_LINES) in shown.text


@pytest.mark.parametrize(
    ("type", "trigger"),
    [("ma.mithaq.nothing.v1", None), (ReminderFellDue.type, "nothing"), (CenterOpened.type, "mandate_ends")],
)
def test_nothing_is_shown_of_what_there_is_not(type: str, trigger: str | None) -> None:
    with pytest.raises(NotFound):
        preview(type, "fr", trigger=trigger)
