"""Time: instants are UTC, business dates are Morocco's."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, reset_tzpath

# By the pinned package's data, for everything in the process: the machine's may be older than Morocco's last decree.
reset_tzpath(to=())
ZoneInfo.clear_cache()
CASABLANCA = ZoneInfo("Africa/Casablanca")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
"""The business dates that a request may name: whatever is reckoned from them is a date too."""


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def business_date(at: datetime) -> date:
    """The calendar date in Morocco at an instant (its offset from UTC changes by decree, and did around Ramadan)."""
    return at.astimezone(CASABLANCA).date()


def start_of(day: date) -> datetime:
    """The instant at which a calendar date begins in Morocco."""
    return datetime.combine(day, time.min, CASABLANCA)


def end_of(day: date) -> datetime:
    """The last instant of a calendar date in Morocco, in UTC."""
    return start_of(day + timedelta(days=1)).astimezone(UTC) - timedelta(microseconds=1)


def today() -> date:
    """Today's date in Morocco."""
    return business_date(now())


def months_after(day: date, months: int) -> date:
    """The same day of the month that many months later, or that month's last day if it is shorter."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
