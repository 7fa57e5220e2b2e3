"""Feed: what an academy was told, numbered in its order, and the parts of it that are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from services.notifications.notice import Notice
from services.notifications.tables import FeedEntryRow, NoticeRow
from shared.database import Transaction

ENTRY: Any = FeedEntryRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c
FEED: Select[Any] = select(ENTRY.academy, ENTRY.sequence, *(NOTICE[field] for field in Notice.__slots__)).join_from(
    FeedEntryRow, NoticeRow, ENTRY.event_id == NOTICE.event_id
)

Entry = tuple[int, Notice]
"""A notice with its number in the academy's feed."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which part of a feed is asked for."""

    after: int = 0
    """The last number already known."""
    types: Sequence[str] = ()
    """Patterns of event types, `*` standing for anything."""
    since: datetime | None = None
    until: datetime | None = None
    """Between which instants the events happened."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """What entries and notices must fulfil."""
        patterns = [NOTICE.type.like(_like(pattern), escape="/") for pattern in self.types]
        found: list[ColumnElement[bool]] = [ENTRY.sequence > self.after]
        found += [or_(*patterns)] if patterns else []
        found += [NOTICE.time >= self.since] if self.since else []
        found += [NOTICE.time < self.until] if self.until else []
        return found

    def holds(self, entry: Entry) -> bool:
        """Whether an entry fulfils them."""
        sequence, notice = entry
        return (
            sequence > self.after
            and (not self.types or any(fnmatchcase(notice.type, pattern) for pattern in self.types))
            and (self.since is None or notice.time >= self.since)
            and (self.until is None or notice.time < self.until)
        )


async def entries(tx: Transaction, academy: str, *, after: int, most: int) -> list[Entry]:
    """The next entries of an academy's feed."""
    query = FEED.where(ENTRY.academy == academy, ENTRY.sequence > after).order_by(ENTRY.sequence).limit(most)
    return [(row.sequence, Notice.of(row)) for row in (await tx.execute(query)).all()]


def _like(pattern: str) -> str:
    return pattern.replace("/", "//").replace("_", "/_").replace("%", "/%").replace("*", "%")
