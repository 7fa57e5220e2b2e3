"""History: what happened to an aggregate, as its journal tells it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Select, select
from sqlmodel import col

from shared.database import Transaction
from shared.messaging.tables import JournalRow
from shared.web.paging import PageRequest


class HistoryEntry(BaseModel):
    """One published event of the aggregate."""

    id: UUID
    version: int = Field(description="the aggregate's version after it")
    type: str
    time: datetime
    actor: str
    data: dict[str, Any]
    reason: str | None = Field(
        None, description="why, in the words of who decided it: of decisions whose parties are told so"
    )

    @classmethod
    def of(cls, row: JournalRow, reasoned: Collection[str] = ()) -> Self:
        """What is shown of a journal row: never its detail, but for the reason of these types."""
        return cls(
            reason=(row.detail or {}).get("reason") if row.type in reasoned else None,
            id=row.event_id,
            version=row.aggregate_version,
            type=row.type,
            time=row.occurred_at,
            actor=row.actor,
            data=row.data,
        )


async def history(
    tx: Transaction, aggregate_id: UUID, *, page: PageRequest, reasoned: Collection[str] = ()
) -> tuple[Sequence[HistoryEntry], str | None]:
    """A page of what happened to an aggregate, oldest first, and the next one's cursor.

    `reasoned` are the types of events whose reason is told to whoever may read the aggregate.
    """
    told: Select[Any] = select(JournalRow).where(col(JournalRow.aggregate_id) == aggregate_id)
    asked = page.select(told, col(JournalRow.aggregate_version))
    found, next = page.cut((await tx.execute(asked)).scalars().all(), lambda row: [row.aggregate_version])
    return [HistoryEntry.of(row, reasoned) for row in found], next
