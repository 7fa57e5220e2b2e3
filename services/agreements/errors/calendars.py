"""Named refusals of calendar feeds; their wording is in wording/calendar/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class TooManyCalendars(Refusal):
    """A person has so many feeds that answer and no more. Values: most."""

    slug = "too-many-calendars"


class CalendarRevoked(Refusal):
    """A feed that was revoked does not answer again: another is made."""

    slug = "calendar-revoked"
