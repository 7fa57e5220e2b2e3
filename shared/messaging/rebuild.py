"""Rebuild: a projection is what the log says, and can be folded again from its beginning."""

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

from sqlalchemy import delete, text
from sqlmodel import col

from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.messaging.broker import Broker
from shared.messaging.envelope import BadEnvelope, open_envelope
from shared.messaging.parked import release
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
    refilled: set[UUID] = set()
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(LOCK_ALONE, {"reaction": projection.id})
        for table in projection.tables:
            await tx.execute(delete(table))
        await tx.execute(delete(ProgressRow).where(col(ProgressRow.reaction) == projection.id))
        events = col(ParkedRow.type) != ""  # a record that is no event stays where the live consumer put it
        await tx.execute(delete(ParkedRow).where(col(ParkedRow.reaction) == projection.id, events))
        for topic in projection.topics:
            async for page in _pages(broker, topic):
                refilled |= await _fold_again(tx, projection, page)
                count += len(page)
        for subject in refilled:
            await release(projection, tx, subject)
    return count


async def _pages(broker: Broker, topic: str) -> AsyncIterator[list[Letter]]:
    page: list[Letter] = []
    async for received in broker.read(topic):
        with suppress(BadEnvelope):
            page.append(Letter(received.message, open_envelope(received.message)))
        if len(page) == BATCH:
            yield page
            page = []
    if page:
        yield page


async def _fold_again(tx: Transaction, projection: Reaction, page: list[Letter]) -> set[UUID]:
    try:
        async with tx.begin_nested():
            return await take(tx, projection, page)
    except Exception as error:
        if passes_by_itself(error):
            raise
    refilled: set[UUID] = set()
    for letter in page:
        try:
            async with tx.begin_nested():
                refilled |= await take(tx, projection, [letter])
        except Exception as error:
            if passes_by_itself(error):
                raise
            await park(tx, projection, letter, reason_of(error), 1)
    return refilled
