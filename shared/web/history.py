"""History: what happened to an aggregate, as its journal tells it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from shared.messaging.tables import JournalRow
from shared.web.paging import Listing


class HistoryEntry(BaseModel):
    """One published event of the aggregate."""

    id: UUID
    version: int = Field(description="the aggregate's version after it")
    type: str
    time: datetime
    actor: str
    data: dict[str, Any]

    @classmethod
    def of(cls, row: JournalRow) -> Self:
        """What is shown of a journal row: never its detail."""
        return cls(
            id=row.event_id,
            version=row.aggregate_version,
            type=row.type,
            time=row.occurred_at,
            actor=row.actor,
            data=row.data,
        )


def history(rows: Sequence[JournalRow]) -> Listing[HistoryEntry]:
    """An aggregate's whole history, oldest first."""
    return Listing(items=[HistoryEntry.of(row) for row in rows])
