"""Threads of comments."""

from uuid import UUID

from sqlalchemy import ColumnElement, Index, Text, text
from sqlmodel import Field

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.tables.base import Base
from services.agreements.thread import Thread
from shared.database import Transaction
from shared.store import AggregateRow, Store


class ThreadRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A thread of comments: seen by whoever sees what it hangs on, not by its own `visible_to`."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("thread_agreement", "agreement_id", "id"),
        Index("thread_amendment", "amendment_id", "id", postgresql_where=text("amendment_id is not null")),
    )

    agreement_id: UUID
    amendment_id: UUID | None = Field(None, nullable=True)
    """The amendment that it is about; none: the agreement itself."""
    status: str = Field(sa_type=Text)
    clause: str | None = Field(None, sa_type=Text, nullable=True)
    obligation_id: UUID | None = Field(None, nullable=True)
    organisation_id: UUID
    """Who opened it."""


class ThreadStore(Store[Thread]):
    """Threads; whoever asks for some has been let in to what they hang on."""

    def within(self, tx: Transaction) -> list[ColumnElement[bool]]:  # noqa: ARG002 - as in every store
        """No condition of its own."""
        return []


def on_file(file: Agreement | Amendment) -> list[ColumnElement[bool]]:
    """The condition that a thread hangs on this."""
    row = THREADS.table.c
    if isinstance(file, Amendment):
        return [row.amendment_id == file.id]
    return [row.agreement_id == file.id, row.amendment_id.is_(None)]


THREADS = ThreadStore(
    Thread,
    ThreadRow,
    lambda each: {
        "agreement_id": each.agreement_id,
        "amendment_id": each.amendment_id,
        "status": each.status,
        "clause": each.clause,
        "obligation_id": each.obligation_id,
        "organisation_id": each.comments[0].organisation_id,
    },
)
