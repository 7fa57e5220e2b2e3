"""Reminders, and the dates that they are about."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.notifications.reminder import Reminder
from services.notifications.tables.base import Base
from shared.store import AggregateRow, Store


class ReminderRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A reminder."""

    __tablename__ = "reminder"


class AnnouncedDateRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A date of a subject as its events said it, and how near to it people were last reminded."""

    __tablename__ = "announced_date"
    __table_args__ = (Index("announced_date_on", "trigger", "on"),)

    subject: UUID = Field(primary_key=True)
    trigger: str = Field(sa_type=Text, primary_key=True)
    on: date
    audience: list[str] = Field(sa_type=ARRAY(Text))
    reminded: int | None = None


REMINDERS = Store(Reminder, ReminderRow)
