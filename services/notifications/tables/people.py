"""People who read notices, their inboxes, and how many of them there are."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.notifications.readership import Readership
from services.notifications.subscribership import Subscribership
from services.notifications.tables.base import Base, Instant
from shared.store import AggregateRow, Store


class PersonRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A person who reads notices here: where they belong, and what they prefer."""

    __tablename__ = "person"
    __table_args__ = (Index("person_jurisdiction", "jurisdiction"),)

    id: UUID = Field(primary_key=True)
    person: str = Field(sa_type=Text)
    jurisdiction: str = Field(sa_type=Text)
    roles: list[str] = Field(sa_type=ARRAY(Text))
    language: str = Field(sa_type=Text)
    inbox: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text)
    address: str | None = Field(None, sa_type=Text)
    digest_at: time
    digest_day: int
    quiet_from: time | None = None
    quiet_until: time | None = None
    by_type: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")})
    """What is preferred otherwise for some types of event."""
    bounces: int = 0
    """Letters in a row that their address did not take."""
    suspended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    suspended_because: str | None = Field(None, sa_type=Text)
    seen_at: datetime = Field(sa_type=Instant, sa_column_kwargs={"server_default": text("now()")})
    """When they came last, to the day."""
    ended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """When an operator said that they left; until they come back they are told nothing."""
    ended_by: str | None = Field(None, sa_type=Text)


class InboxItemRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A notice in one person's inbox."""

    __tablename__ = "inbox_item"
    __table_args__ = (
        UniqueConstraint("person_id", "event_id", name="inbox_item_event_key"),
        Index("inbox_item_person", "person_id", "told_at", "id"),
        Index("inbox_item_subject", "subject", postgresql_where=text("settled_at is null")),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    person_id: UUID
    event_id: UUID
    subject: UUID
    queue: str = Field(sa_type=Text)
    told_at: datetime = Field(sa_type=Instant)
    read_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    settled_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """When nothing was left to do about it."""


class ReadershipRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """How many people of a jurisdiction are known."""

    __tablename__ = "readership"


class SubscribershipRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """How many people of a jurisdiction subscribe to the same."""

    __tablename__ = "subscribership"


READERSHIPS = Store(Readership, ReadershipRow)
SUBSCRIBERSHIPS = Store(Subscribership, SubscribershipRow)
