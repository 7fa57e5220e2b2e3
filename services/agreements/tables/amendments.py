"""Amendments."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from services.agreements.amendment import Amendment
from services.agreements.tables.base import Base
from shared.store import AggregateRow, Store


class AmendmentRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An amendment of an agreement."""

    __tablename__ = "amendment"
    __table_args__ = (
        Index("amendment_agreement", "agreement_id", "id"),
        Index("amendment_number", "agreement_id", "number", unique=True),
        Index("amendment_status", "status", "id"),
        Index("amendment_approval_due_on", "approval_due_on", postgresql_where=text("approval_due_on is not null")),
        Index("amendment_offered_until", "offered_until", postgresql_where=text("offered_until is not null")),
        Index("amendment_applied_on", "applied_on", postgresql_where=text("applied_on is not null")),
    )

    status: str = Field(sa_type=Text)
    agreement_id: UUID
    number: int | None = Field(None, nullable=True)
    approval_due_on: date | None = Field(None, nullable=True)
    offered_until: date | None = Field(None, nullable=True)
    """Both as of an agreement."""
    applied_on: date | None = Field(None, nullable=True)
    """The day from which it counts, once it is applied."""


AMENDMENTS = Store(
    Amendment,
    AmendmentRow,
    lambda each: {
        "status": each.status,
        "agreement_id": each.agreement_id,
        "number": each.number,
        "approval_due_on": each.approval_due_on,
        "offered_until": each.expires_on,
        "applied_on": each.applied_on,
    },
    told=True,
)
