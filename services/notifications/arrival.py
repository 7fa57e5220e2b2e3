"""Arrival: who comes for the first time, or to another desk, finds what concerns them there as if they had been there.

What waits for them and what happened lately, by the very decision that tells. Nobody is written to about the past.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from services.notifications.circle import LEAVING, left_with
from services.notifications.kinds import Queue, kinds
from services.notifications.people import PREFERRED, person_id, preferences_of
from services.notifications.preferences import Preferences
from services.notifications.tables import NoticeRow, PersonRow
from services.notifications.telling import INVOLVED, MENTIONED, NAMED, Decision, Happening, PersonTold, told
from shared.actor import Actor, Role
from shared.audit import canonical
from shared.clock import now
from shared.database import Transaction
from shared.events.catalog import BY_TYPE
from shared.ids import new_id
from shared.territory import jurisdiction_of

RECENT = timedelta(days=30)
"""How far back one is told what happened."""
WAITS = timedelta(days=366)
"""How far back one is told what still asks for something."""
MOST = 5000
"""Notices that are looked at, the newest first."""
USUAL = Preferences()
"""What somebody prefers who never said."""

AT_HOME = text("""
    select 1 from person
    where id = :id and (jurisdiction, roles) = (cast(:jurisdiction as text), cast(:roles as text[]))
""")
# Telling shares it, an arrival takes it alone: an event is told to somebody new, or found by them, and never neither.
LOCK_TELLING = text("select pg_advisory_xact_lock_shared(hashtextextended('mithaq people', 0))")
LOCK_ARRIVAL = text("select pg_advisory_xact_lock(hashtextextended('mithaq people', 0))")
COME = text(f"""
    insert into person (id, person, jurisdiction, roles, bounces, {", ".join(PREFERRED)})
    values (:id, :person, :jurisdiction, cast(:roles as text[]), 0,
        {", ".join("cast(:by_type as jsonb)" if name == "by_type" else f":{name}" for name in PREFERRED)})
    on conflict (id) do update set jurisdiction = excluded.jurisdiction, roles = excluded.roles
    where (person.jurisdiction, person.roles) is distinct from (excluded.jurisdiction, excluded.roles)
    returning 1
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
NOTICE: Any = NoticeRow.__table__.c
PERSON: Any = PersonRow.__table__.c


def usual_in(language: str) -> Preferences:
    """What somebody prefers who never said, and reads this language."""
    return USUAL.model_copy(update={"language": language})


async def meet(tx: Transaction, by: Actor, usual: Preferences = USUAL) -> UUID:
    """Know a person from now on as their token describes them today; gives their id.

    Somebody new prefers what is `usual`. The transaction sees their own rows and those of their jurisdiction.
    """
    id = person_id(by.person)
    me = {"id": id, "jurisdiction": by.jurisdiction, "roles": sorted(by.roles)}
    if (await tx.execute(AT_HOME, me)).first():
        return id
    await tx.execute(LOCK_ARRIVAL)
    by_type = canonical([each.model_dump() for each in usual.by_type]).decode()
    if (await tx.execute(COME, usual.model_dump() | {"by_type": by_type, "person": by.person} | me)).first():
        await _find(tx, by, id, now())
    return id


async def _find(tx: Transaction, by: Actor, id: UUID, at: datetime) -> None:
    """Put into somebody's inbox what concerns them where they are now; the work of another desk is theirs no more."""
    preferences = preferences_of((await tx.execute(select(*PERSON).where(PERSON.id == id))).one())
    one = PersonTold(id, by.person, by.jurisdiction, by.roles, preferences)
    found = [
        {
            "id": str(new_id()),
            "event_id": str(row.event_id),
            "subject": str(row.subject),
            "queue": decision.queue,
            "settled_at": done and done.isoformat(),
            "decision": decision.facts(),
        }
        for row, decision, done in await _found(tx, one, at)
    ]
    await tx.execute(LOCK_ITEMS, {"person": id})
    await tx.execute(LEAVE_WORK, {"person": id, "queues": sorted(kinds().asking - _work_of(by.roles)), "at": at})
    kept = {"person": id, "jurisdiction": by.jurisdiction, "at": at}
    await tx.execute(FIND, kept | {"found": canonical(found).decode()})


async def _found(tx: Transaction, one: PersonTold, at: datetime) -> list[tuple[Any, Decision, datetime | None]]:
    """What somebody finds, oldest first: the notice, the decision, and when nothing was left to do about it."""
    matters = (NOTICE.time >= at - WAITS, NOTICE.type.in_(_matter_to(one)), NOTICE.reach.overlap([one.jurisdiction]))
    newest = select(*NOTICE).where(*matters).order_by(NOTICE.time.desc(), NOTICE.event_id.desc()).limit(MOST)
    rows = (await tx.execute(newest)).all()[::-1]
    stories: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        stories[row.subject].append(row)
    found = []
    for row in rows:
        for each in told(Happening.of(row), one, at):
            if each.told and each.channel == "inbox" and each.queue:
                later = (other for other in stories[row.subject] if other.version > row.version)
                done = next((other.time for other in later if _settles(other, row, each.queue, one)), None)
                if row.time >= at - RECENT or (done is None and each.queue in kinds().asking):
                    found.append((row, each, done))
    return found


def _settles(later: Any, row: Any, queue: Queue, one: PersonTold) -> bool:
    """Whether what happened later left nothing to do about a notice: as the reaction settles what is in an inbox."""
    kind = kinds().of(later.type)
    if queue in kind.settles and all(row.data.get(field) == later.data[field] for field in kind.same):
        return True
    if queue in kind.settles_own and jurisdiction_of(UUID(later.data["organisation_id"])) == one.jurisdiction:
        return True
    return queue in kinds().asking and one.jurisdiction in left_with(later)


def _matter_to(one: PersonTold) -> list[str]:
    """The types of event that somebody may be told without having asked, or that end their work."""
    naming = {*NAMED, MENTIONED, INVOLVED}
    return [
        type
        for type, kind in kinds().events.items()
        if kind.statutory
        or kind.queue in _work_of(one.roles)
        or kind.settles
        or kind.settles_own
        or type in LEAVING
        or not naming.isdisjoint(BY_TYPE[type].model_fields)
    ]


def _work_of(roles: frozenset[Role]) -> frozenset[Queue]:
    return frozenset(queue for queue, holders in kinds().work.items() if not holders.isdisjoint(roles))
