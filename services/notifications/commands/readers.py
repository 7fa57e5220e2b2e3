"""Counting the people who are known and who subscribe, so that others can say how many a decision will be told to."""

from collections import Counter

import structlog
from sqlalchemy import text

from services.notifications.readership import Readership
from services.notifications.recipients import asking
from services.notifications.subscribership import Asked, Subscribership, asked_by
from services.notifications.tables import READERSHIPS, SUBSCRIBERSHIPS, ReadershipRow, SubscribershipRow
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database
from shared.refusals import ConcurrentChange

log = structlog.get_logger(__name__)

MOVED = text("""
    select jurisdiction, coalesce(people, 0) as people from (
        select jurisdiction, count(*) as people from person where ended_at is null group by jurisdiction
    ) known full join (
        select state ->> 'jurisdiction' as jurisdiction, (state ->> 'people')::bigint as said from readership
    ) counted using (jurisdiction)
    where coalesce(people, 0) <> coalesce(said, 0) order by jurisdiction
""")
SAID = text("select id, state from subscribership where (state ->> 'people')::bigint > 0")


async def count_readers(database: Database) -> int:
    """Say of every jurisdiction how many of its people are known, where it is another number; gives of how many."""
    async with database.transaction(NATIONAL) as tx:
        moved = (await tx.execute(MOVED)).all()
    for jurisdiction, people in moved:
        try:
            async with database.transaction(NATIONAL) as tx:
                id = Readership.id_of(jurisdiction)
                known = await tx.get(ReadershipRow, id)
                readership = await READERSHIPS.load(tx, id) if known else Readership(id=id)
                await READERSHIPS.record(tx, readership, readership.count(jurisdiction, people), by=SYSTEM)
        except ConcurrentChange:
            log.info("counted elsewhere", jurisdiction=jurisdiction)
    return len(moved)


async def count_subscribers(database: Database) -> int:
    """Say of what people subscribe to how many do, where it is another number; gives of how many such sets.

    Of what is foretold alone, and as it reaches them: who asked for the same and is told of it is one of a number.
    """
    counted: Counter[tuple[str, Asked]] = Counter()
    async with database.transaction(NATIONAL) as tx:
        async for one in asking(tx):
            if asked := asked_by(one):
                counted[one.jurisdiction, asked] += 1
        said = [Subscribership(id=row.id, **row.state) for row in await tx.execute(SAID)]
    before = Counter({(each.jurisdiction, each.wanted): each.people for each in said})
    moved = [each for each in {**before, **counted} if counted[each] != before[each]]
    for jurisdiction, wanted in moved:
        try:
            async with database.transaction(NATIONAL) as tx:
                id = Subscribership.id_of(jurisdiction, wanted)
                known = await tx.get(SubscribershipRow, id)
                these = await SUBSCRIBERSHIPS.load(tx, id) if known else Subscribership(id=id)
                news = these.count(jurisdiction, wanted, counted[jurisdiction, wanted])
                await SUBSCRIBERSHIPS.record(tx, these, news, by=SYSTEM)
        except ConcurrentChange:
            log.info("counted elsewhere", jurisdiction=jurisdiction)
    return len(moved)
