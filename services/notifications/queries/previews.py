"""How an event type's example is told, in a language: on every channel, and in every letter that there is."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from email.message import EmailMessage
from fnmatch import fnmatchcase
from typing import Any, Literal

from services.notifications.kinds import IMPORTANCE, kinds
from services.notifications.letters import MOST_LINES, compose_letter
from services.notifications.mail import compose
from services.notifications.notice import Notice, wording
from services.notifications.permissions import PERMISSIONS
from services.notifications.preferences import Preferences
from services.notifications.queries.event_types import NOBODY, example_of
from services.notifications.reminder import Reminder
from services.notifications.schemas.people import LetterForm, PreviewAnswer
from services.notifications.triggers import triggers
from shared.actor import Actor
from shared.events.catalog import BY_TYPE
from shared.events.notifications import ReminderFellDue
from shared.refusals import NotFound

PLACE = "exemple@mithaq.example"
ACADEMY: Any = {"academy": "MA-06", "sequence": 1}


def preview(
    type: str,
    *,
    letter: LetterForm = "at_once",
    also: Sequence[str] = (),
    trigger: str | None = None,
    language: str,
    by: Actor,
) -> PreviewAnswer:
    """The example as it would be told, by the functions that tell.

    A digest tells of `also` (patterns of types) beside it. A trigger's own reminder is the example of its type. Where
    no letters are written about a type, none is shown. Raises NotFound for a type that is not published, and for
    a trigger that there is not.
    """
    PERMISSIONS.allow(by, "preview_notice")
    if type not in BY_TYPE:
        raise NotFound()
    notice = _reminder_of(trigger) if trigger and type == ReminderFellDue.type else example_of(type)
    if trigger and notice.data.get("trigger") != trigger:
        raise NotFound()
    kind = kinds().of(type)
    # What is statutory waits for no digest.
    form = "at_once" if kind.statutory and letter in ("daily", "weekly") else letter
    message: EmailMessage | None = None
    due = notice.time
    if form == "academy" and kind.letters:
        message = compose(notice, sender=PLACE, recipient=PLACE, endpoint_id=NOBODY, **ACADEMY, language=language)
    elif kind.letters:
        notices = [notice] if form == "at_once" else [notice, *_beside(type, also)]
        due = Preferences(email="immediate" if form == "at_once" else form).email_due(notice.time) or due
        place: Any = {"letter_id": NOBODY, "sender": PLACE, "recipient": PLACE, "date": due}
        written = notices[:MOST_LINES]
        message = compose_letter(written, more=len(notices) - len(written), language=language, **place)
    return PreviewAnswer(
        type=type,
        language=language,
        kind={name: asdict(kind)[name] for name in ("importance", "statutory", "receipt", "queue")},
        summary=notice.summary(language),
        payload=notice.payload(**ACADEMY, language=language, previous=0),
        letter=form if message else None,
        no_letter=None if message else wording().text("why.no_letters", language),
        due=due if message else None,
        subject=message and str(message["Subject"]),
        text=message and _part(message, "plain"),
        html=message and _part(message, "html"),
    )


def _part(message: EmailMessage, kind: Literal["plain", "html"]) -> str:
    part = message.get_body((kind,))
    return "" if part is None else part.get_content().replace("\r\n", "\n")


def _reminder_of(name: str) -> Notice:
    """The reminder that a trigger gives, of its farthest distance. Raises NotFound."""
    trigger = next((each for each in triggers() if each.name == name), None)
    if trigger is None:
        raise NotFound()
    example = example_of(ReminderFellDue.type)
    usual = ReminderFellDue.model_validate(example.data)
    about: Any = {"trigger": name, "subject_type": trigger.subject_type, "subject": usual.subject_id}
    (event,) = Reminder(id=NOBODY).fall_due(**about, on=usual.on, days=trigger.days[0], audience=())
    return replace(example, data=event.model_dump(mode="json"))


def _beside(type: str, also: Sequence[str]) -> list[Notice]:
    """The other examples of a digest, the most important first."""
    fitting = (
        each
        for each in BY_TYPE
        if each != type
        and kinds().of(each).letters
        and not kinds().of(each).statutory
        and any(fnmatchcase(each, pattern) for pattern in also)
    )
    return [example_of(each) for each in sorted(fitting, key=lambda each: -_weight(each))]


def _weight(type: str) -> int:
    return IMPORTANCE.index(kinds().of(type).importance)
