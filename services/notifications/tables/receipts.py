"""Receipts."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from services.notifications.receipt import Receipt
from services.notifications.tables.base import Base, Instant
from shared.store import AggregateRow, Store


class ReceiptRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A receipt."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_academy", "academy"),
        Index("receipt_late", "due_at", postgresql_where=text("status = 'asked'")),
    )

    academy: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_type=Instant)


RECEIPTS = Store(
    Receipt, ReceiptRow, lambda each: {"academy": each.academy, "status": each.status, "due_at": each.due_at}
)
