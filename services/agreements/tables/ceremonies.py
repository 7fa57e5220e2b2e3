"""Ceremonies and their public screens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.agreements.ceremony import Ceremony
from services.agreements.tables.base import Base
from shared.store import AggregateRow, Store


class CeremonyRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A ceremony; `agreements` is its order of business."""

    __tablename__ = "ceremony"
    __table_args__ = (
        Index("ceremony_status", "status", "id"),
        Index("ceremony_planned_for", "planned_for"),
        Index("ceremony_agreements", "agreements", postgresql_using="gin"),
    )

    status: str = Field(sa_type=Text)
    planned_for: datetime = Field(sa_type=DateTime(timezone=True))
    """Once it was opened, when that was: feeds look for it there."""
    agreements: list[UUID] = Field(sa_type=ARRAY(Uuid))


class ScreenRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A public screen of a ceremony; its address carries a secret of which this row keeps the SHA-256 only."""

    __tablename__ = "screen"
    __table_args__ = (Index("screen_ceremony", "ceremony_id"),)

    digest: str = Field(sa_type=Text, primary_key=True)
    ceremony_id: UUID


CEREMONIES = Store(
    Ceremony,
    CeremonyRow,
    lambda each: {
        "status": each.status,
        "planned_for": each.opened_at or each.planned_for,
        "agreements": list(each.agreements),
    },
)
