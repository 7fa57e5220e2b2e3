"""Past: what of the kept notices concerns somebody who comes, by the decision that tells.

Work that is not done is found whole, a year back; of what happened lately, the newest. What ended work is worked out
by the database, so that a year of what is long done is not read to be forgotten.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.circle import LEAVING, left_with
from services.notifications.kinds import Queue, kinds
from services.notifications.telling import (
    AWAITED,
    HELD,
    INVOLVED,
    MINISTRY,
    NAMED,
    SEVERAL,
    Decision,
    Happening,
    PersonTold,
    told,
)
from shared.actor import Role
from shared.audit import canonical
from shared.database import Transaction
from shared.events.catalog import BY_TYPE
from shared.territory import ACADEMY_CODES, organisation_of

RECENT = timedelta(days=30)
"""How far back one is told what happened."""
WAITS = timedelta(days=366)
"""How far back one is told what still asks for something."""
MOST = 2000
"""Of what happened lately, the newest that are looked at."""
STEP = 200
"""Notices that are decided about at once: others have their turn in between."""

# What ended the work of a notice: as the reaction settles what is in an inbox.
ENDINGS = """
    from notice later where later.subject = notice.subject and later.version > notice.version and (
        cast(:settles as jsonb) -> later.type ? (cast(:asking as jsonb) ->> notice.type) and notice.data @> (
            select coalesce(jsonb_object_agg(field, later.data -> field), '{}')
            from jsonb_array_elements_text(cast(:same as jsonb) -> later.type) field
        ) or cast(:settles_own as jsonb) -> later.type ? (cast(:asking as jsonb) ->> notice.type)
            and later.data ->> 'organisation_id' = :organisation
    )
"""
# No notice that `told` would tell is left out; what it would not tell is mostly left out here, before it counts.
THEIRS = f"""
    reach && array[cast(:home as text)] and (
        type = any(cast(:addressed as text[])) and (:home <> 'national' or cardinality(audience) in (0, :all_academies)
            or type = any(cast(:national as text[])) or data ? '{HELD}' or reach && cast(:ministry as text[]))
        or {" or ".join(f"data ->> '{field}' = :person" for field in NAMED)}
        or {" or ".join(f"data -> '{field}' ? :person" for field in SEVERAL)}
        or data -> '{INVOLVED}' ? :organisation or data -> '{AWAITED}' ? :organisation
        or :home <> 'national' and type = any(cast(:leaving as text[]))
    )
"""
COLUMNS = "event_id, type, subject, version, time, audience, data, reach, provinces, agreement_type, actor"
WAITING = f"""
    select {COLUMNS}, null::timestamptz as done from notice
    where type = any(cast(:asked as text[])) and time >= :year and {THEIRS} and not exists (select {ENDINGS}) {{within}}
"""
LATELY = f"""
    select {COLUMNS}, (select min(later.time) {ENDINGS}) as done from notice
    where type = any(cast(:types as text[])) and time >= :recent and {THEIRS} {{within}}
    order by time desc, event_id desc limit :most
"""
LEFT = text("""
    select type, subject, version, time, audience, data, reach from notice
    where subject = any(cast(:subjects as uuid[])) and type = any(cast(:leaving as text[]))
        and reach && array[cast(:home as text)]
""")


@dataclass(frozen=True, slots=True)
class Found:
    """A notice that concerns somebody."""

    event_id: UUID
    subject: UUID
    time: datetime
    decision: Decision
    done: datetime | None
    """When nothing was left to do about it."""


async def found_by(
    tx: Transaction, one: PersonTold, at: datetime, *, subjects: Collection[UUID] | None = None
) -> list[Found]:
    """What somebody finds: of these subjects, or of all."""
    asked = values(one, at) | {"subjects": list(subjects or ())}
    within = "" if subjects is None else "and subject = any(cast(:subjects as uuid[]))"
    found: dict[UUID, Found] = {}
    for statement in (WAITING, LATELY):
        rows = await tx.stream(text(statement.replace("{within}", within)), asked)
        async for some in rows.partitions(STEP):
            left = await _left(tx, one, {row.subject for row in some if row.done is None})
            for row in some:
                for each in told(Happening.of(row), one, at):
                    if not each.told or each.channel != "inbox":
                        continue
                    asks = each.queue in kinds().asking
                    ends = (row.done, *(time for version, time in left[row.subject] if version > row.version))
                    done = min((end for end in ends if asks and end), default=None)
                    if row.time >= at - RECENT or (asks and done is None):
                        found[row.event_id] = Found(row.event_id, row.subject, row.time, each, done)
    return list(found.values())


def work_of(roles: frozenset[Role]) -> frozenset[Queue]:
    """The workqueues of people who hold these roles."""
    return frozenset(queue for queue, holders in kinds().work.items() if not holders.isdisjoint(roles))


async def _left(tx: Transaction, one: PersonTold, subjects: Collection[UUID]) -> dict[UUID, list[tuple[int, datetime]]]:
    """With which version of a subject, and when, it ceased to concern somebody's jurisdiction."""
    asked = {"subjects": list(subjects), "leaving": sorted(LEAVING), "home": one.jurisdiction}
    left: dict[UUID, list[tuple[int, datetime]]] = defaultdict(list)
    for row in await tx.execute(LEFT, asked):
        if one.jurisdiction in left_with(row):
            left[row.subject].append((row.version, row.time))
    return left


def values(one: PersonTold, at: datetime) -> dict[str, Any]:
    """What the statements ask for."""
    of, work = kinds().events, work_of(one.roles)
    addressed = [type for type, kind in of.items() if kind.statutory or kind.queue in work]
    naming = {*NAMED, *SEVERAL, INVOLVED}
    named = [type for type in of if type in LEAVING or not naming.isdisjoint(BY_TYPE[type].model_fields)]
    asking = {type: kind.queue for type, kind in of.items() if kind.queue in kinds().asking & work}
    lists = {
        name: canonical({type: list(getattr(kind, name)) for type, kind in of.items() if getattr(kind, name)}).decode()
        for name in ("settles", "settles_own", "same")
    }
    return {
        "home": one.jurisdiction,
        "organisation": str(organisation_of(one.jurisdiction)),
        "person": one.person,
        "year": at - WAITS,
        "recent": at - RECENT,
        "types": sorted({*addressed, *named}),
        "addressed": addressed,
        "asked": sorted(asking),
        "asking": canonical(asking).decode(),
        **lists,
        "national": [type for type, kind in of.items() if kind.national],
        "ministry": list(MINISTRY),
        "most": MOST,
        "all_academies": len(ACADEMY_CODES),
        "leaving": sorted(LEAVING),
    }
