"""What is read of an academy's feed."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import NoticeAnswer
from services.notifications.tables import FeedEntryRow, NoticeRow
from services.notifications.waking import NEWS
from shared.actor import Actor
from shared.database import Database, Transaction
from shared.web import PageRequest

ENTRY: Any = FeedEntryRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c

FEED: Select[Any] = select(ENTRY.academy, ENTRY.sequence, *(NOTICE[field] for field in Notice.__slots__)).join_from(
    FeedEntryRow, NoticeRow, ENTRY.event_id == NOTICE.event_id
)


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


async def feed(
    db: Database,
    *,
    academy: str,
    wanted: Excerpt,
    wait: float,
    idle_poll: float,
    language: str,
    page: PageRequest,
    by: Actor,
) -> tuple[list[NoticeAnswer], str | None]:
    """An academy's feed in its order; when there is nothing yet, what comes within `wait` seconds.

    Other processes' news are looked for every `idle_poll` seconds. No connection is held while waiting.
    """
    PERMISSIONS.allow(by, "read_feed")
    query = page.select(FEED.where(ENTRY.academy == academy, *wanted.conditions()), ENTRY.academy, ENTRY.sequence)
    end = time.monotonic() + wait
    heard = NEWS.listen()
    try:
        while True:
            heard.clear()
            async with db.transaction(by.scope) as tx:
                rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.academy, row.sequence))
            left = end - time.monotonic()
            if rows or left <= 0:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, idle_poll)):
                    await heard.wait()
    finally:
        NEWS.leave(heard)
    place = {"academy": academy, "language": language}
    found = (Notice.of(row).payload(sequence=row.sequence, **place) for row in rows)
    return [NoticeAnswer(**each) for each in found], next


def _like(pattern: str) -> str:
    return pattern.replace("/", "//").replace("_", "/_").replace("%", "/%").replace("*", "%")


async def entries(tx: Transaction, academy: str, *, after: int, most: int) -> list[tuple[int, Notice]]:
    """The next notices of an academy's feed with their numbers, for the live stream."""
    query = FEED.where(ENTRY.academy == academy, ENTRY.sequence > after).order_by(ENTRY.sequence).limit(most)
    return [(row.sequence, Notice.of(row)) for row in (await tx.execute(query)).all()]
