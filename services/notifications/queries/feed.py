"""What is read of an academy's feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

from services.notifications.feed import ENTRY, FEED, Entry, Excerpt
from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import NoticeAnswer
from services.notifications.stream import Hub
from shared.actor import Actor
from shared.database import Database
from shared.web import PageRequest

Found = tuple[list[NoticeAnswer], str | None]
WITHOUT_END = datetime.max.replace(tzinfo=UTC)


async def feed(
    db: Database, hub: Hub, *, academy: str, wanted: Excerpt, wait: float, language: str, page: PageRequest, by: Actor
) -> Found:
    """An academy's feed in its order; when there is nothing yet, what comes within `wait` seconds.

    Who waits asks the database again only when something comes that is wanted, and holds no connection meanwhile.
    """
    PERMISSIONS.allow(by, "read_feed")
    query = page.select(FEED.where(ENTRY.academy == academy, *wanted.conditions()), ENTRY.academy, ENTRY.sequence)

    async def look() -> Found:
        async with db.transaction(by.scope) as tx:
            rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.academy, row.sequence))
        found = (Notice.of(row).payload(academy=academy, sequence=row.sequence, language=language) for row in rows)
        return [NoticeAnswer(**each) for each in found], next

    if not wait:
        return await look()
    end = asyncio.get_running_loop().time() + wait
    async with hub.follow(academy, after=None, until=WITHOUT_END) as told:
        found = await look()
        while not found[0] and await _comes(told, wanted, end):
            found = await look()
        return found


async def _comes(told: AsyncIterator[Entry | None], wanted: Excerpt, end: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end):
            async for entry in told:
                if entry and wanted.holds(entry):
                    return True
    return False
