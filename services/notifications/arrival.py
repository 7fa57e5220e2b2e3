"""Arrival: who comes for the first time, or to another desk, finds what concerns them there as if they had been there.

What waits for them and what happened lately, by the very decision that tells. Nobody is written to about the past.
Where they come from and what they may find there is `past`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from services.notifications.kinds import kinds
from services.notifications.past import Found, found_by, work_of
from services.notifications.people import PREFERRED, person_id, preferences_of
from services.notifications.preferences import Preferences
from services.notifications.tables import PersonRow
from services.notifications.telling import PersonTold
from shared.actor import Actor
from shared.audit import canonical
from shared.clock import now
from shared.database import Transaction
from shared.ids import new_id

USUAL = Preferences()
"""What somebody prefers who never said."""

AT_HOME = text("""
    select 1 from person
    where id = :id and ended_at is null
        and (jurisdiction, roles) = (cast(:jurisdiction as text), cast(:roles as text[]))
""")
# Once a day is often enough: most requests only read.
SEE = text("""
    update person set seen_at = clock_timestamp()
    where id = :id and seen_at < clock_timestamp() - interval '1 day'
""")
# Telling shares it, an arrival takes it alone: an event is told to somebody new, or found by them, and never neither.
LOCK_TELLING = text("select pg_advisory_xact_lock_shared(hashtextextended('mithaq people', 0))")
LOCK_ARRIVAL = text("select pg_advisory_xact_lock(hashtextextended('mithaq people', 0))")
COME = text(f"""
    insert into person (id, person, jurisdiction, roles, bounces, {", ".join(PREFERRED)})
    values (:id, :person, :jurisdiction, cast(:roles as text[]), 0,
        {", ".join("cast(:by_type as jsonb)" if name == "by_type" else f":{name}" for name in PREFERRED)})
    on conflict (id) do update
        set jurisdiction = excluded.jurisdiction, roles = excluded.roles, seen_at = excluded.seen_at,
            ended_at = null, ended_by = null
    where (person.jurisdiction, person.roles) is distinct from (excluded.jurisdiction, excluded.roles)
        or person.ended_at is not null
    returning 1
""")
SNAPSHOT = text("select pg_current_snapshot()::text")
# As the relay reads the journal: what was not committed yet when the snapshot was taken, and nothing else.
TOLD_SINCE = text("""
    select distinct subject from notice
    where (xid >= pg_snapshot_xmax(cast(cast(:snapshot as text) as pg_snapshot))
            or xid = any(array(select pg_snapshot_xip(cast(cast(:snapshot as text) as pg_snapshot)))))
        and reach && array[cast(:home as text)]
""")
# By their ids, as all who touch several items lock them.
LOCK_ITEMS = text("select 1 from inbox_item where person_id = :person order by id for update")
LEAVE_WORK = text("""
    update inbox_item set settled_at = :at
    where person_id = :person and settled_at is null and queue = any(cast(:queues as text[]))
""")
FIND = text("""
    with found as (
        select * from jsonb_to_recordset(cast(:found as jsonb)) each
            (id uuid, event_id uuid, subject uuid, queue text, settled_at timestamptz, decision jsonb)
    ), put as (
        insert into inbox_item (id, person_id, event_id, subject, queue, told_at, settled_at)
        select id, :person, event_id, subject, queue, :at, settled_at from found
        on conflict (person_id, event_id) do update set queue = excluded.queue,
            settled_at = case when excluded.settled_at is not null
                then coalesce(inbox_item.settled_at, excluded.settled_at) end
        returning id
    )
    insert into told_later (event_id, recipient, jurisdiction, decision, at)
    select event_id, :person, :jurisdiction, decision, :at from found join put using (id)
""")
PERSON: Any = PersonRow.__table__.c


async def await_tellings(tx: Transaction) -> None:
    """Wait until what is being told has been told, by what was known when that began; what is told next is not held up.

    Whoever then reads the feed finds it there.
    """
    connection = await tx.connection()
    async with connection.begin_nested() as instant:
        await connection.execute(LOCK_ARRIVAL)
        # A lock that was taken since the savepoint goes with it; otherwise nobody would be told until the commit.
        await instant.rollback()


def usual_in(language: str) -> Preferences:
    """What somebody prefers who never said, and reads this language."""
    return USUAL.model_copy(update={"language": language})


async def meet(tx: Transaction, by: Actor, usual: Preferences) -> UUID:
    """Know a person from now on as their token describes them today; gives their id.

    Somebody new prefers what is `usual`. The transaction sees their own rows and those of their jurisdiction.
    """
    id = person_id(by.person)
    me = {"id": id, "jurisdiction": by.jurisdiction, "roles": sorted(by.roles)}
    if (await tx.execute(AT_HOME, me)).first():
        await tx.execute(SEE, {"id": id})
        return id
    by_type = canonical([each.model_dump() for each in usual.by_type]).decode()
    if (await tx.execute(COME, usual.model_dump() | {"by_type": by_type, "person": by.person} | me)).first():
        row = (await tx.execute(select(*PERSON).where(PERSON.id == id))).one()
        await _arrive(tx, PersonTold(id, by.person, by.jurisdiction, by.roles, preferences_of(row)), now())
    return id


async def _arrive(tx: Transaction, one: PersonTold, at: datetime) -> None:
    """Put into somebody's inbox what concerns them where they are now; the work of another desk is theirs no more.

    The year is read while others are told; telling waits only for what was told meanwhile to be read, and for the rest
    to be written.
    """
    snapshot = (await tx.execute(SNAPSHOT)).scalar_one()
    found = await found_by(tx, one, at)
    await tx.execute(LOCK_ARRIVAL)
    since = {"snapshot": snapshot, "home": one.jurisdiction}
    if moved := set((await tx.execute(TOLD_SINCE, since)).scalars()):
        found = [each for each in found if each.subject not in moved] + await found_by(tx, one, at, subjects=moved)
    await tx.execute(LOCK_ITEMS, {"person": one.id})
    await tx.execute(LEAVE_WORK, {"person": one.id, "queues": sorted(kinds().asking - work_of(one.roles)), "at": at})
    kept = {"person": one.id, "jurisdiction": one.jurisdiction, "at": at}
    await tx.execute(FIND, kept | {"found": canonical(_items(found)).decode()})


def _items(found: Iterable[Found]) -> list[dict[str, Any]]:
    """As rows of an inbox: told at the same instant, they stand in the order of their ids."""
    return [
        {
            "id": str(new_id()),
            "event_id": str(each.event_id),
            "subject": str(each.subject),
            "queue": each.decision.queue,
            "settled_at": each.done and each.done.isoformat(),
            "decision": each.decision.facts(),
        }
        for each in sorted(found, key=lambda each: (each.time, each.event_id))
    ]
