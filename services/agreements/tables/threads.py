"""Threads of comments."""

from uuid import UUID

from sqlalchemy import ColumnElement, Index, Text
from sqlmodel import Field

from services.agreements.tables.base import Base
from services.agreements.thread import Thread
from shared.database import Transaction
from shared.store import AggregateRow, Store


class ThreadRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A thread of comments: seen by whoever sees its agreement, not by its own `visible_to`."""

    __tablename__ = "thread"
    __table_args__ = (Index("thread_agreement", "agreement_id", "id"),)

    agreement_id: UUID
    status: str = Field(sa_type=Text)
    clause: str | None = Field(None, sa_type=Text, nullable=True)
    organisation_id: UUID
    """Who opened it."""


class ThreadStore(Store[Thread]):
    """Threads; whoever asks for some has been let in to their agreement."""

    def within(self, tx: Transaction) -> list[ColumnElement[bool]]:  # noqa: ARG002 - as in every store
        """No condition of its own."""
        return []


THREADS = ThreadStore(
    Thread,
    ThreadRow,
    lambda each: {
        "agreement_id": each.agreement_id,
        "status": each.status,
        "clause": each.clause,
        "organisation_id": each.comments[0].organisation_id,
    },
)
