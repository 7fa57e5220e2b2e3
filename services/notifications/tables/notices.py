"""What academies and people are told, and what was decided about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.notifications.tables.base import Base, Instant
from shared.messaging.tables import Xid8


class NameRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What people call an agreement, a center, an organisation: as its events said, for sentences about it."""

    __tablename__ = "name"

    id: UUID = Field(primary_key=True)
    ar: str = Field(sa_type=Text)
    fr: str = Field(sa_type=Text)


class NoticeRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """An event as academies are told it, with the names known then: the same words in every channel, for ever."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_time", "time", "event_id"),
        Index("notice_story", "subject", "version"),
        Index("notice_type", "type", "time"),
        Index("notice_xid", "xid"),
        Index("notice_unheard", "time", "event_id", postgresql_where=text("unheard <> '{}'")),
    )

    event_id: UUID = Field(primary_key=True)
    type: str = Field(sa_type=Text)
    subject: UUID
    version: int
    time: datetime = Field(sa_type=Instant)
    audience: list[str] = Field(sa_type=ARRAY(Text))
    data: dict[str, Any] = Field(sa_type=JSONB)
    names: dict[str, dict[str, str]] = Field(sa_type=JSONB)
    reach: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """All whose jurisdiction it lies in: the nation, the audience, directorates and organisations."""
    provinces: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    agreement_type: str | None = Field(None, sa_type=Text)
    """Of the agreement it is about, as far as it was known."""
    unheard: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """Of a statutory notice, whom it addresses and nobody of whom was told: academies, and the nation."""
    actor: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    # As the journal's: who comes reads what was told while they read the rest.
    xid: str | None = Field(
        None, sa_type=Xid8, nullable=False, sa_column_kwargs={"server_default": text("pg_current_xact_id()")}
    )
    correlation: UUID
    traceparent: str | None = Field(None, sa_type=Text)
    summaries: dict[str, str] | None = Field(None, sa_type=JSONB, nullable=True)
    """The sentence in each language, as it was told: what was signed stays as it was when the wording changes."""


class CircleRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """Whom a subject concerns beside its academies, and by what type of agreement: as its events said."""

    __tablename__ = "circle"

    subject: UUID = Field(primary_key=True)
    codes: list[str] = Field(sa_type=ARRAY(Text))
    provinces: list[str] = Field(sa_type=ARRAY(Text))
    agreement_type: str | None = Field(None, sa_type=Text)


class TellingRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What was decided when an event was told, about those of one jurisdiction. Append-only."""

    __tablename__ = "telling"

    event_id: UUID = Field(primary_key=True)
    jurisdiction: str = Field(sa_type=Text, primary_key=True)
    told: list[dict[str, Any]] = Field(sa_type=JSONB)
    untold: list[dict[str, Any]] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=Instant)


class ToldLaterRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What was decided about a notice and somebody who came after it had been told, and found it. Append-only."""

    __tablename__ = "told_later"

    event_id: UUID = Field(primary_key=True)
    recipient: UUID = Field(primary_key=True)
    jurisdiction: str = Field(sa_type=Text)
    """Where they were at home then."""
    decision: dict[str, Any] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=Instant)
