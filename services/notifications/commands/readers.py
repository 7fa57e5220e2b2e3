"""Counting the people who are known, so that other services can say how many a decision will be told to."""

import structlog
from sqlalchemy import text

from services.notifications.readership import Readership
from services.notifications.tables import READERSHIPS, ReadershipRow
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database
from shared.refusals import ConcurrentChange

log = structlog.get_logger(__name__)

MOVED = text("""
    select jurisdiction, coalesce(people, 0) as people from (
        select jurisdiction, count(*) as people from person group by jurisdiction
    ) known full join (
        select state ->> 'jurisdiction' as jurisdiction, (state ->> 'people')::bigint as said from readership
    ) counted using (jurisdiction)
    where coalesce(people, 0) <> coalesce(said, 0) order by jurisdiction
""")


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
