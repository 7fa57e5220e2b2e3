"""Rebuild: a projection is what the log says, and can be folded again from its beginning."""

from sqlalchemy import delete, text
from sqlmodel import col

from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.messaging.broker import Broker
from shared.messaging.envelope import open_envelope
from shared.messaging.progress import Letter, park, take
from shared.messaging.reactions import BATCH, Reaction
from shared.messaging.retrying import passes_by_itself, reason_of
from shared.messaging.tables import ParkedRow, ProgressRow

LOCK_ALONE = text("select pg_advisory_xact_lock(hashtextextended('mithaq rebuild ' || :reaction, 0))")


async def rebuild(projection: Reaction, database: Database, broker: Broker) -> int:
    """Empty a projection and fold the whole log again, in one transaction: readers see the old or the new, never less.

    The live consumer waits meanwhile. Gives the number of events read.
    """
    assert projection.tables, f"{projection.group} is not a projection"
    count = 0
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(LOCK_ALONE, {"reaction": projection.id})
        for table in projection.tables:
            await tx.execute(delete(table))
        await tx.execute(delete(ProgressRow).where(col(ProgressRow.reaction) == projection.id))
        await tx.execute(delete(ParkedRow).where(col(ParkedRow.reaction) == projection.id))
        for topic in projection.topics:
            page: list[Letter] = []
            async for received in broker.read(topic):
                page.append(Letter(received.message, open_envelope(received.message)))
                if len(page) == BATCH:
                    count += await _fold_again(tx, projection, page)
                    page = []
            if page:
                count += await _fold_again(tx, projection, page)
    return count


async def _fold_again(tx: Transaction, projection: Reaction, page: list[Letter]) -> int:
    try:
        async with tx.begin_nested():
            await take(tx, projection, page)
        return len(page)
    except Exception as error:
        if passes_by_itself(error):
            raise
    for letter in page:
        try:
            async with tx.begin_nested():
                await take(tx, projection, [letter])
        except Exception as error:
            if passes_by_itself(error):
                raise
            await park(tx, projection, letter, reason_of(error), 1)
    return len(page)
