"""E-mails to people, and what became of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.notifications.tables.base import Base, Instant
from services.notifications.undelivered import Undelivered
from shared.store import AggregateRow, Store


class LetterRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One e-mail to one person, about one notice or many."""

    __tablename__ = "letter"
    __table_args__ = (
        Index("letter_open", "person_id", "due_at", unique=True, postgresql_where=text("state = 'open'")),
        Index("letter_due", "next_attempt_at", postgresql_where=text("state in ('open', 'waiting')")),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    person_id: UUID
    recipient: str = Field(sa_type=Text)
    """As its person wished when it was last taken in hand; so the language."""
    language: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_type=Instant)
    state: str = Field(sa_type=Text)
    """open (gathers until it is due), waiting, sent, returned (taken, and came back), refused (never taken), failed
    (given up), or void (all of it is left out)."""
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=Instant)
    lease_token: UUID | None = None
    lease_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    status: int | None = None
    """The mail server's last answer."""
    reason: str | None = Field(None, sa_type=Text)
    """What came of the last attempt; `returned …` with the status if it came back."""
    ended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)


class LetterLineRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice in a letter."""

    __tablename__ = "letter_line"
    __table_args__ = (Index("letter_line_event", "event_id"),)

    letter_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    person_id: UUID
    left_out: str | None = Field(None, sa_type=Text)
    """Why it is not told any more (`Why`), as was judged when the letter was last taken in hand."""


class LetterAttemptRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One try to send a letter, as it went: as an endpoint's attempt, and kept as long."""

    __tablename__ = "letter_attempt"
    __table_args__ = (
        Index("letter_attempt_letter", "letter_id", "id"),
        Index("letter_attempt_person", "person_id", "id"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    letter_id: UUID
    person_id: UUID
    jurisdiction: str = Field(sa_type=Text)
    """Where the person was at home then."""
    seen_by: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """The academies that see to it that they are told."""
    at: datetime = Field(sa_type=Instant)
    milliseconds: int
    result: str = Field(sa_type=Text)
    status: int | None = None
    reason: str = Field(sa_type=Text)
    excerpt: str | None = Field(None, sa_type=Text)


class UndeliveredRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A letter with a statutory notice that was given up."""

    __tablename__ = "undelivered"


class BounceRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A letter that its address did not take. Append-only."""

    __tablename__ = "bounce"

    letter_id: UUID = Field(primary_key=True)
    person_id: UUID
    recipient: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    """An enhanced status code (RFC 3463), or the SMTP reply code."""
    reason: str | None = Field(None, sa_type=Text)
    at: datetime = Field(sa_type=Instant)


UNDELIVERED = Store(Undelivered, UndeliveredRow)
