"""Endpoints, their secrets and their turns."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text, text
from sqlmodel import Field

from services.notifications.endpoint import Endpoint
from services.notifications.tables.base import Base, Instant
from shared.store import AggregateRow, Store


class EndpointRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An endpoint."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("endpoint_academy", "academy"),)

    academy: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)


class SecretRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A signing secret, sealed: outside the aggregate, whose journal is for ever."""

    __tablename__ = "endpoint_secret"
    __table_args__ = (Index("endpoint_secret_endpoint", "endpoint_id"),)

    key_id: UUID = Field(primary_key=True)
    endpoint_id: UUID
    academy: str = Field(sa_type=Text)
    kek_id: str = Field(sa_type=Text)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class LaneRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """An endpoint's turn: who sends to it now, and when there is something to send next."""

    __tablename__ = "lane"
    __table_args__ = (
        Index("lane_due", "due_at", postgresql_where=text("enabled and due_at is not null")),
        Index("lane_academy", "academy"),
    )

    endpoint_id: UUID = Field(primary_key=True)
    academy: str = Field(sa_type=Text)
    enabled: bool = True
    """Whether anything new is owed to it."""
    paused: bool = Field(False, sa_column_kwargs={"server_default": text("false")})
    concurrency: int = Field(1, sa_column_kwargs={"server_default": text("1")})
    rate: float | None = None
    bucket_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """Since when the bucket of a lane with a rate has been filling."""
    failures: int = Field(0, sa_column_kwargs={"server_default": text("0")})
    """How many attempts failed since the last that did not."""
    open_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """Until when the breaker is open; in the past it is half open, null it is closed."""
    due_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    """When the lane's first waiting delivery is due; null when none waits."""
    lease_token: UUID | None = None
    lease_until: datetime | None = Field(None, sa_type=Instant, nullable=True)
    last_owed: int = Field(0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    """The number of the last notice that was owed to it when it was told; 0: none yet."""
    epoch: int = Field(0, sa_column_kwargs={"server_default": text("0")})
    """How often it was started over: what was sent in an earlier epoch is answered for that one alone."""


ENDPOINTS = Store(Endpoint, EndpointRow, lambda each: {"academy": each.academy, "status": each.status})
