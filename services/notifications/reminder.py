"""Reminder: that a date comes near or has passed, said once for each date and distance."""

from datetime import date
from typing import ClassVar
from uuid import UUID, uuid5

from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import ReminderFellDue


class Reminder(Aggregate):
    """One reminder; it has no life after it was given."""

    kind: ClassVar[str] = "reminder"

    trigger: str = ""
    codes: tuple[str, ...] = ()

    @staticmethod
    def id_of(subject: UUID, trigger: str, on: date, days: int) -> UUID:
        """The id of a reminder: the same one is not given twice."""
        return uuid5(subject, f"{trigger}/{on}/{days}")

    def fall_due(
        self, *, trigger: str, subject_type: str, subject: UUID, on: date, days: int, audience: tuple[str, ...]
    ) -> list[DomainEvent]:
        """Remind an audience of a subject's date."""
        due = ReminderFellDue(
            reminder_id=self.id,
            trigger=trigger,
            subject_type=subject_type,
            subject_id=subject,
            agreement_id=subject if subject_type == "agreement" else None,
            on=on,
            days=days,
        )
        return [due.keeping(audience=audience)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        if isinstance(event, ReminderFellDue):
            self.trigger = event.trigger
            self.codes = tuple(event.detail["audience"])

    def audience(self) -> tuple[str, ...]:
        """Whom the date concerns."""
        return self.codes

    def visible_to(self) -> tuple[str, ...]:
        """Whom the date concerns."""
        return self.codes
