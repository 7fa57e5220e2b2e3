"""Time: instants are UTC, business dates are Morocco's."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

CASABLANCA = ZoneInfo("Africa/Casablanca")


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def business_date(at: datetime) -> date:
    """The calendar date in Morocco at an instant (its offset changes around Ramadan)."""
    return at.astimezone(CASABLANCA).date()


def today() -> date:
    """Today's date in Morocco."""
    return business_date(now())
