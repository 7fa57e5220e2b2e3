"""What is read of an academy's feed."""

from typing import Any

from sqlalchemy import Select, select

from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import NoticeAnswer
from services.notifications.tables import FeedEntryRow, NoticeRow
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.web import PageRequest

ENTRY: Any = FeedEntryRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c

FEED: Select[Any] = select(ENTRY.academy, ENTRY.sequence, *(NOTICE[field] for field in Notice.__slots__)).join_from(
    FeedEntryRow, NoticeRow, ENTRY.event_id == NOTICE.event_id
)


async def feed(
    db: Work, *, academy: str, after: int, language: str, page: PageRequest, by: Actor
) -> tuple[list[NoticeAnswer], str | None]:
    """An academy's feed in its order, from behind a number on."""
    PERMISSIONS.allow(by, "read_feed")
    query = page.select(FEED.where(ENTRY.academy == academy, ENTRY.sequence > after), ENTRY.academy, ENTRY.sequence)
    async with db.transaction(by.scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.academy, row.sequence))
    place = {"academy": academy, "language": language}
    found = (Notice.of(row).payload(sequence=row.sequence, **place) for row in rows)
    return [NoticeAnswer(**each) for each in found], next


async def entries(tx: Transaction, academy: str, *, after: int, most: int) -> list[tuple[int, Notice]]:
    """The next notices of an academy's feed with their numbers, for the live stream."""
    query = FEED.where(ENTRY.academy == academy, ENTRY.sequence > after).order_by(ENTRY.sequence).limit(most)
    return [(row.sequence, Notice.of(row)) for row in (await tx.execute(query)).all()]
