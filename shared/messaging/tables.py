"""The tables of messaging: the same seven in every service's database."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import registry
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from shared.events.base import DomainEvent
from shared.events.catalog import decode


class Xid8(UserDefinedType[str]):
    """A top-level transaction id, as text on our side."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class PgSnapshot(UserDefinedType[str]):
    """A transaction snapshot `xmin:xmax:xip,…`, as text on our side."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


# So that reading a database's schema back knows them too.
ischema_names |= {"xid8": Xid8, "pg_snapshot": PgSnapshot}


class MessagingTable(SQLModel, registry=registry()):
    """Base of the messaging tables: their own metadata, a second target of every service's migrations."""


class JournalRow(MessagingTable, table=True):
    """One event of one aggregate: the outbox, the history and the audit chain. Append-only."""

    __tablename__ = "journal"
    __table_args__ = (
        UniqueConstraint("aggregate_id", "aggregate_version", name="journal_aggregate_key"),
        Index("journal_xid", "xid"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True, cache=1),))
    # The top-level transaction id: a row's own xmin is a sub-transaction's under SAVEPOINT.
    xid: str | None = Field(
        None, sa_type=Xid8, nullable=False, sa_column_kwargs={"server_default": text("pg_current_xact_id()")}
    )
    event_id: UUID
    aggregate_type: str = Field(sa_type=Text)
    aggregate_id: UUID
    aggregate_version: int
    type: str = Field(sa_type=Text)
    audience: list[str] = Field(sa_type=ARRAY(Text))
    actor: str = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_at: datetime | None = Field(
        None,
        sa_type=DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": text("clock_timestamp()")},
    )
    data: dict[str, Any] = Field(sa_type=JSONB)
    detail: dict[str, Any] | None = Field(None, sa_type=JSONB(none_as_null=True), nullable=True)
    correlation: UUID
    causation: UUID | None = None
    traceparent: str | None = Field(None, sa_type=Text)
    hash: bytes = Field(sa_type=LargeBinary)

    def event(self) -> DomainEvent:
        """The event as the owner's fold needs it: the published data and the detail."""
        return decode(self.type, self.data, self.detail)


class LeaseRow(MessagingTable, table=True):
    """Who may act alone, until when (the database's clock), and for which time (epoch)."""

    __tablename__ = "lease"

    name: str = Field(sa_type=Text, primary_key=True)
    holder: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=BigInteger)
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class RelayCursorRow(MessagingTable, table=True):
    """How far the journal is published: a window between two snapshots, and the last acknowledged id in it."""

    __tablename__ = "relay_cursor"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    old_snapshot: str = Field(sa_type=PgSnapshot)
    new_snapshot: str | None = Field(None, sa_type=PgSnapshot, nullable=True)
    last_id: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)


class ProgressRow(MessagingTable, table=True):
    """How far one reaction is with one subject; `held` says why the subject waits."""

    __tablename__ = "progress"

    reaction: str = Field(sa_type=Text, primary_key=True)
    subject: UUID = Field(primary_key=True)
    version: int
    held: str | None = Field(None, sa_type=Text)


class ParkedRow(MessagingTable, table=True):
    """An event that a reaction could not apply, or that waits behind one: kept whole, in order."""

    __tablename__ = "parked"

    reaction: str = Field(sa_type=Text, primary_key=True)
    subject: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    event_id: UUID
    type: str = Field(sa_type=Text)
    topic: str = Field(sa_type=Text)
    headers: dict[str, str] = Field(sa_type=JSONB)
    value: bytes = Field(sa_type=LargeBinary)
    reason: str | None = Field(None, sa_type=Text)
    attempts: int = 0
    first_failed_at: datetime = Field(sa_type=DateTime(timezone=True))


class ParkedDecisionRow(MessagingTable, table=True):
    """What an operator decided about a parked event: the audit of retries and drops. Append-only."""

    __tablename__ = "parked_decision"

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    reaction: str = Field(sa_type=Text)
    subject: UUID
    version: int
    event_id: UUID
    decision: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=DateTime(timezone=True))


class IdempotencyRow(MessagingTable, table=True):
    """The answer to a request, kept in the transaction of the change it made."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_created_at", "created_at"),)

    actor: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    request_hash: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    headers: dict[str, str] | None = Field(None, sa_type=JSONB(none_as_null=True), nullable=True)
    body: bytes | None = Field(None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class ContentRow(MessagingTable, table=True):
    """A long text by the SHA-256 of its UTF-8 bytes."""

    __tablename__ = "content"

    hash: str = Field(sa_type=Text, primary_key=True)
    body: str = Field(sa_type=Text)
