"""What people read of the comments on an agreement."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.agreements.queries.agreements import agreement
from services.agreements.schemas.threads import OpenPoints, ThreadAnswer
from services.agreements.tables import THREADS
from services.agreements.thread import ThreadState
from shared.actor import Actor
from shared.database import Work
from shared.refusals import NotFound
from shared.web import PageRequest

ROW = THREADS.table.c


async def threads(
    db: Work, agreement_id: UUID, *, state: ThreadState | None, clause: str | None, page: PageRequest, by: Actor
) -> tuple[list[ThreadAnswer], str | None]:
    """A page of the agreement's threads, newest first, each with its first comment, and the next one's cursor."""
    where = [ROW.agreement_id == agreement_id]
    if state is not None:
        where.append(ROW.status == state)
    if clause is not None:
        where.append(ROW.clause == clause)
    async with db.transaction(by.scope) as tx:
        of = await agreement(tx, agreement_id, action="read_threads", by=by)
        found, next = await THREADS.find(tx, *where, page=page, newest_first=True)
    return [ThreadAnswer.of(of, each, by, most=1) for each in found], next


async def thread(db: Work, agreement_id: UUID, id: UUID, *, by: Actor) -> ThreadAnswer:
    """A thread with all its comments. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        of = await agreement(tx, agreement_id, action="read_thread", by=by)
        found = await THREADS.read(tx, id)
    if found.agreement_id != agreement_id:
        raise NotFound()
    return ThreadAnswer.of(of, found, by)


async def open_points(
    db: Work, agreement_id: UUID, *, page: PageRequest, by: Actor
) -> tuple[Sequence[OpenPoints], str | None, int]:
    """A page of how many threads are open, by clause and by the organisation that opened them; how many in all."""
    open = (ROW.agreement_id == agreement_id, ROW.status == ThreadState.open)
    # What is on the whole agreement comes first.
    clause = func.coalesce(ROW.clause, "")
    query = select(ROW.clause, ROW.organisation_id, func.count().label("open")).where(*open)
    grouped = query.group_by(ROW.clause, ROW.organisation_id)
    async with db.transaction(by.scope) as tx:
        await agreement(tx, agreement_id, action="read_open_points", by=by)
        asked = page.select(grouped, clause, ROW.organisation_id)
        found = [OpenPoints(**each) for each in (await tx.execute(asked)).mappings()]
        total = (await tx.execute(select(func.count()).where(*open))).scalar_one()
    items, next = page.cut(found, lambda each: (each.clause or "", each.organisation_id))
    return items, next, total
