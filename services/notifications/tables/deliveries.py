"""What is owed to endpoints, and every try to deliver it. The delivery table is the queue; there is no second store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from services.notifications.tables.base import NOW, Base, Instant


class DeliveryRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice owed to one endpoint, sent in the order of the academy's feed."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", name="delivery_event_endpoint_key"),
        Index("delivery_waiting", "endpoint_id", "sequence", postgresql_where=text("state = 'waiting'")),
        Index("delivery_due", "endpoint_id", "next_attempt_at", postgresql_where=text("state = 'waiting'")),
        Index("delivery_academy", "academy", "created_at", "id"),
    )

    id: UUID | None = Field(None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    event_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    previous: int | None = Field(None, sa_type=BigInteger)
    """The number of what was owed to the endpoint before it, 0 for the first; null: not known, of the first that a
    recovery or a replay added, and of what a version owed that did not keep it."""
    state: str = Field("waiting", sa_type=Text)
    """waiting, delivered, or refused (the mail server will never take it)."""
    attempts: int = 0
    """Attempts since it was owed, or since it was last set going again by hand."""
    next_attempt_at: datetime = Field(sa_type=Instant)
    replayed: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    """Whether it is sent although it had been delivered."""
    owed_by: str = Field("told", sa_type=Text, sa_column_kwargs={"server_default": text("'told'")})
    """told with the event, or recovered or replayed later."""
    again: str | None = Field(None, sa_type=Text)
    """How it was last asked for: recovered, replayed or resent; null: it was only told, or waited for its first attempt
    when it was asked for."""
    delivered_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    created_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class AttemptRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One try to deliver, as it went. Never changed, and kept for as long as the settings say."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_endpoint", "endpoint_id", "id"),
        Index("attempt_delivery", "delivery_id"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    delivery_id: UUID
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    event_id: UUID
    at: datetime = Field(sa_type=Instant)
    milliseconds: int
    result: str = Field(sa_type=Text)
    status: int | None = None
    """HTTP or SMTP status, if there was an answer."""
    reason: str = Field(sa_type=Text)
    """A code of `reasons`, and what there is to add to it; words in rows from before there were codes."""
    excerpt: str | None = Field(None, sa_type=Text)
    """The beginning of the answer: a stranger's words."""
    language: str | None = Field(None, sa_type=Text)
    """Of the message: with the notice it gives the very bytes that were sent."""
    bounced: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    """Whether the address itself took nothing: not for our policy, nor because its mailbox is full."""
