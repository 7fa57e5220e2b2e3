"""Of which statutory notices nobody was told, and where: what somebody has to say by telephone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text

from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas.subscriptions import UnheardAnswer
from services.notifications.tables import NoticeRow
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest

NOTICE: Any = NoticeRow.__table__.c
UNHEARD = text("unheard <> '{}'")


async def unheard(db: Work, *, language: str, page: PageRequest, by: Actor) -> tuple[list[UnheardAnswer], str | None]:
    """Statutory notices of which nobody of an academy, or of the nation, was told then; newest first.

    An academy reads of those of which none of its own was told.
    """
    PERMISSIONS.allow(by, "read_unheard")
    own = [] if by.jurisdiction == "national" else [NOTICE.unheard.contains([by.jurisdiction])]
    query = page.select(
        select(NoticeRow.__table__).where(UNHEARD, *own), NOTICE.time, NOTICE.event_id, newest_first=True
    )
    async with db.transaction(by.scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.time, row.event_id))
    return [
        UnheardAnswer(
            id=row.event_id,
            type=row.type,
            time=row.time,
            summary=Notice.of(row).summary(language),
            unheard=own_codes(row.unheard, by),
        )
        for row in rows
    ], next


def own_codes(codes: Sequence[str], by: Actor) -> list[str]:
    """Those of these codes that this reader may know of: their own, and all for the nation."""
    return [code for code in codes if by.jurisdiction in ("national", code)]
