"""Time: what it brings about in an agreement without anybody's doing."""

from datetime import date

from services.agreements.agreement.core import Core
from shared.events.base import DomainEvent


class Timely(Core):
    """What the schedule asks of every part: when to look again, and what has come about by then."""

    def next_on(self) -> date | None:
        """The first day on which time changes something; none if it never will, as things stand."""
        return None

    def due_by(self, today: date) -> list[DomainEvent]:  # noqa: ARG002 - for the parts
        """What time has brought about first, up to this day; nothing if nothing is left."""
        return []

    def pass_time(self, today: date) -> list[DomainEvent]:
        """All that time has brought about up to this day, in order: one thing may bring about the next."""
        ahead, events = self.model_copy(), list[DomainEvent]()
        while step := ahead.due_by(today):
            ahead.evolve(step)
            events += step
        return events


def earliest(*days: date | None) -> date | None:
    """The first of the days there are."""
    return min((day for day in days if day is not None), default=None)


def latest(*days: date | None) -> date | None:
    """The last of the days there are."""
    return max((day for day in days if day is not None), default=None)
