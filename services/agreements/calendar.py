"""The calendar: what is ahead, as an iCalendar feed (RFC 5545 and 7986).

No names of people, and of free text only what the parties agreed on and what a public screen shows: who owes what, and
what a ceremony is called and where it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event, vDuration

from services.agreements.bilingual import Bilingual
from shared.bidi import in_order
from shared.clock import CASABLANCA
from shared.language import Wording

REFRESH = timedelta(hours=6)
"""How often calendar programs are asked to look again."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sitting:
    """From when to when people are wanted, and where."""

    starts_at: datetime
    ends_at: datetime
    place: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """Something that happens on a day: all day long, or while people sit together."""

    uid: str
    """Stable for ever, so that a calendar program moves what it has instead of adding another."""
    on: date
    what: str
    """The key of its title, in wording/calendar."""
    values: dict[str, str | Bilingual] = field(default_factory=dict)
    sitting: Sitting | None = None
    version: int = 0
    """Of the file that it is told from: grows with whatever moves it."""
    changed_at: datetime = NEVER
    """Since when that version is."""


def feed(appointments: Iterable[Appointment], *, language: str, wording: Wording) -> bytes:
    """The appointments as iCalendar, in their order; the same appointments give the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Mithaq//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    # Both names: RFC 7986 (5.1), and what programs read from before it.
    for name in ("name", "x-wr-calname"):
        calendar.add(name, wording.text("calendar.name", language))
    calendar.add("x-wr-timezone", str(CASABLANCA))
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    for each in appointments:
        values = {name: _said(value, language) for name, value in each.values.items()}
        event = Event()
        event.add("uid", f"{each.uid}@mithaq")
        # Without these a program keeps what it has of something that moved (RFC 5545, 3.8.7.2 and 3.8.7.4).
        event.add("dtstamp", each.changed_at)
        event.add("last-modified", each.changed_at)
        event.add("sequence", each.version)
        event.add("summary", wording.text(f"calendar.{each.what}", language, **values))
        if each.sitting:
            event.add("dtstart", each.sitting.starts_at.astimezone(UTC))
            event.add("dtend", each.sitting.ends_at.astimezone(UTC))
            event.add("transp", "OPAQUE")
            if each.sitting.place:
                event.add("location", in_order(_said(each.sitting.place, language)))
        else:
            event.add("dtstart", each.on)
            event.add("dtend", each.on + timedelta(days=1))
            event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _said(value: str | Bilingual, language: str) -> str:
    """In the language, or in French where there is nothing in it."""
    if isinstance(value, str):
        return value
    return value.ar if language == "ar" else value.fr
