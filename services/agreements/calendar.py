"""The calendar: what is ahead, as an iCalendar feed (RFC 5545). No names of people, no free text."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from icalendar import Calendar, Event, vDuration

from shared.clock import CASABLANCA
from shared.language import Wording

REFRESH = timedelta(hours=6)
"""How often calendar programs are asked to look again."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """Something that happens on a day, all day long."""

    uid: str
    """Stable for ever, so that a calendar program moves what it has instead of adding another."""
    on: date
    what: str
    """The key of its title, in wording/calendar."""
    values: dict[str, str] = field(default_factory=dict)


def feed(appointments: Iterable[Appointment], *, language: str, wording: Wording, stamped: datetime) -> bytes:
    """The appointments as iCalendar, in their order; the same appointments give the same bytes.

    `stamped` stands for when each was written: a feed says what is, not since when.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//Mithaq//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", wording.text("calendar.name", language))
    calendar.add("x-wr-timezone", str(CASABLANCA))
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    for each in appointments:
        event = Event()
        event.add("uid", f"{each.uid}@mithaq")
        event.add("dtstamp", stamped)
        event.add("dtstart", each.on)
        event.add("dtend", each.on + timedelta(days=1))
        event.add("summary", wording.text(f"calendar.{each.what}", language, **each.values))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written
