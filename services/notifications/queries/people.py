"""What a person reads of their own notices: nobody else's, and nothing outside today's jurisdiction."""

from typing import Any

from sqlalchemy import func, select

from services.notifications.arrival import meet, usual_in
from services.notifications.kinds import QUEUES, Queue, kinds
from services.notifications.notice import Notice, wording
from services.notifications.people import own_scope, preferences_of
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas.people import (
    CountAnswer,
    CountsAnswer,
    ItemAnswer,
    PreferencesAnswer,
    SuspendedAnswer,
)
from services.notifications.tables import InboxItemRow, NoticeRow, PersonRow
from shared.actor import Actor
from shared.database import Work
from shared.language import LANGUAGES
from shared.web import PageRequest

ITEM: Any = InboxItemRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c
PERSON: Any = PersonRow.__table__.c
ITEMS = (ITEM.id, ITEM.queue, ITEM.told_at, ITEM.read_at, ITEM.settled_at)


async def preferences(db: Work, *, language: str = LANGUAGES[0], by: Actor) -> PreferencesAnswer:
    """What one prefers; the usual, in the language they ask in, for somebody who never said."""
    PERMISSIONS.allow(by, "read_preferences")
    async with db.transaction(own_scope(by)) as tx:
        id = await meet(tx, by, usual_in(language))
        row = (await tx.execute(select(*PERSON).where(PERSON.id == id))).one()
    suspended = row.suspended_at and SuspendedAnswer(since=row.suspended_at, because=row.suspended_because or "")
    return PreferencesAnswer(person_id=id, email_suspended=suspended or None, **preferences_of(row).model_dump())


async def inbox(
    db: Work, *, queue: Queue | None, unread: bool, to_do: bool, language: str, page: PageRequest, by: Actor
) -> tuple[list[ItemAnswer], str | None]:
    """One's inbox, newest first: of a workqueue, only what is unread, only what asks for something."""
    PERMISSIONS.allow(by, "read_inbox")
    conditions = [ITEM.queue == queue] if queue else []
    conditions += [ITEM.read_at.is_(None)] if unread else []
    conditions += [ITEM.settled_at.is_(None), ITEM.queue.in_(kinds().asking)] if to_do else []
    scope = own_scope(by)
    async with db.transaction(scope) as tx:
        me = await meet(tx, by, usual_in(language))
        query = _mine(*ITEMS, *(NOTICE[field] for field in Notice.__slots__), scope=scope)
        query = query.where(ITEM.person_id == me, *conditions)
        query = page.select(query, ITEM.told_at, ITEM.id, newest_first=True)
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.told_at, row.id))
    return [_shown(row, language, by) for row in rows], next


async def inbox_counts(db: Work, *, language: str, by: Actor) -> CountsAnswer:
    """How much is in one's inbox, by workqueue; every workqueue is named."""
    PERMISSIONS.allow(by, "read_inbox_counts")
    scope = own_scope(by)
    async with db.transaction(scope) as tx:
        me = await meet(tx, by, usual_in(language))
        counted = (
            func.count().label("total"),
            func.count().filter(ITEM.read_at.is_(None)).label("unread"),
            func.count().filter(ITEM.settled_at.is_(None), ITEM.queue.in_(kinds().asking)).label("to_do"),
        )
        query = _mine(ITEM.queue, *counted, scope=scope).where(ITEM.person_id == me)
        found = {row.queue: row for row in await tx.execute(query.group_by(ITEM.queue))}
    queues = [
        CountAnswer(
            queue=queue,
            name=wording().text(f"queues.{queue}.name", language),
            **({name: getattr(found[queue], name) if queue in found else 0 for name in ("total", "unread", "to_do")}),
        )
        for queue in QUEUES
    ]
    return CountsAnswer(unread=sum(each.unread for each in queues), queues=queues)


def _mine(*columns: Any, scope: frozenset[str]) -> Any:
    joined = select(*columns).join_from(InboxItemRow, NoticeRow, ITEM.event_id == NOTICE.event_id)
    return joined.where(NOTICE.reach.overlap(sorted(scope)))


def _shown(row: Any, language: str, by: Actor) -> ItemAnswer:
    kind = kinds().of(row.type)
    action = f"queues.{row.queue}.action"
    return ItemAnswer(
        id=row.id,
        event_id=row.event_id,
        type=row.type,
        time=row.time,
        told_at=row.told_at,
        queue=row.queue,
        importance=kind.importance,
        statutory=kind.statutory,
        summary=Notice.of(row).to(by.person, by.jurisdiction).summary(language),
        action=wording().text(action, language) if action in wording() and row.settled_at is None else None,
        path=kinds().path(row.type, row.subject, row.data),
        read_at=row.read_at,
        settled_at=row.settled_at,
    )
