"""What people read of the comments on an agreement or an amendment."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Text, cast, func, select

from services.agreements.commands.participants import People, acted, commented, mandated, present
from services.agreements.commands.threads import Of, discussed, hanging_on
from services.agreements.commands.vetting import names_of
from services.agreements.schemas.threads import OpenPoints, Participant, ThreadAnswer
from services.agreements.tables import THREADS
from services.agreements.tables.threads import on_file
from services.agreements.thread import ThreadState
from shared.actor import Actor
from shared.clock import today
from shared.database import Work
from shared.web import PageRequest

ROW = THREADS.table.c


async def threads(
    db: Work,
    id: UUID,
    *,
    of: Of = "agreement",
    state: ThreadState | None,
    clause: str | None,
    obligation_id: UUID | None = None,
    page: PageRequest,
    by: Actor,
) -> tuple[list[ThreadAnswer], str | None]:
    """A page of the threads, newest first, each with its first comment, and the next one's cursor."""
    wanted = {ROW.status: state, ROW.clause: clause, ROW.obligation_id: obligation_id}
    where = [column == value for column, value in wanted.items() if value is not None]
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, id, "read_threads", by, of=of)
        found, next = await THREADS.find(tx, *on_file(file), *where, page=page, newest_first=True)
    return [ThreadAnswer.of(file, each, by, most=1) for each in found], next


async def thread(db: Work, file_id: UUID, id: UUID, *, of: Of = "agreement", by: Actor) -> ThreadAnswer:
    """A thread with all its comments. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, file_id, "read_thread", by, of=of)
        return ThreadAnswer.of(file, hanging_on(file, await THREADS.read(tx, id)), by)


async def open_points(
    db: Work, id: UUID, *, of: Of = "agreement", page: PageRequest, by: Actor
) -> tuple[Sequence[OpenPoints], str | None, int]:
    """A page of how many threads are open, by point and by the organisation that opened them; how many in all."""
    # What is on the whole comes first.
    point = func.coalesce(ROW.clause, cast(ROW.obligation_id, Text), "")
    columns = (ROW.clause, ROW.obligation_id, ROW.organisation_id)
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, id, "read_open_points", by, of=of)
        open = (*on_file(file), ROW.status == ThreadState.open)
        grouped = select(*columns, func.count().label("open")).where(*open).group_by(*columns)
        asked = page.select(grouped, point, ROW.organisation_id)
        found = [OpenPoints(**each) for each in (await tx.execute(asked)).mappings()]
        total = (await tx.execute(select(func.count()).where(*open))).scalar_one()
    items, next = page.cut(found, lambda each: (each.clause or str(each.obligation_id or ""), each.organisation_id))
    return items, next, total


async def participants(db: Work, id: UUID, *, of: Of = "agreement", by: Actor) -> list[Participant]:
    """Who can be mentioned: the organisations that take part, then people.

    Of people those who acted or commented, as history and comments show them, and those who hold a party's mandate of
    today as far as the reader may see whose it is.
    """
    async with db.transaction(by.scope) as tx:
        file = await discussed(tx, id, "read_participants", by, of=of)
        names = await names_of(tx, organisations := sorted(present(file)))
        people: People = dict.fromkeys(await acted(tx, file), (None, None))
        people |= await mandated(tx, file, today()) | await commented(tx, file)
    told = [(each, None, None) for each in organisations] + [
        (home, person, name) for person, (name, home) in sorted(people.items())
    ]
    return [
        Participant(organisation_id=home, organisation=names.get(home) if home else None, person=person, name=name)
        for home, person, name in told
    ]
