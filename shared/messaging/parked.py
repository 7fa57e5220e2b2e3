"""Parked events: what an operator sees of them, and decides about them; each decision is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Transaction, Work
from shared.messaging.broker import Message
from shared.messaging.envelope import open_envelope
from shared.messaging.progress import GAP, Reacts, advance, lock
from shared.messaging.retrying import failed, passes_by_itself, reason_of
from shared.messaging.tables import ParkedDecisionRow, ParkedRow
from shared.refusals import NotFound

HEALS_WITHIN = timedelta(hours=1)
"""What came too early alarms nobody for so long."""
ALARMING = text("""
    select count(*) filter (where reason is not null) as parked, count(*) filter (where reason is null) as waiting
    from parked
    where not exists (
        select 1 from parked early
        where early.reaction = parked.reaction and early.subject = parked.subject
            and early.reason is not null and early.attempts = 0 and early.first_failed_at > :since
    )
""")


async def parked(tx: Transaction, reaction: str | None = None) -> Sequence[ParkedRow]:
    """Every parked event and those that wait behind one (they have no reason), by reaction and subject, in order."""
    rows = select(ParkedRow).order_by(col(ParkedRow.reaction), col(ParkedRow.subject), col(ParkedRow.version))
    if reaction:
        rows = rows.where(ParkedRow.reaction == reaction)
    return (await tx.exec(rows)).all()


async def alarming(tx: Transaction, at: datetime) -> tuple[int, int]:
    """How many parked events, and how many that wait, need somebody: not those that came too early a while ago."""
    row = (await tx.execute(ALARMING, {"since": at - HEALS_WITHIN})).one()
    return row.parked, row.waiting


async def retry(reaction: Reacts, database: Database, subject: UUID, *, by: str, reason: str = "") -> str | None:
    """Try again what is parked for a subject, then what waits behind it; gives why it still waits, or None.

    Raises NotFound if nothing of the subject is parked.
    """
    async with database.transaction(NATIONAL) as tx:
        _decide(tx, await _existing(tx, reaction, subject), "retry", by=by, reason=reason)
    return await release(reaction, database, subject)


async def drop(reaction: Reacts, database: Database, subject: UUID, *, by: str, reason: str) -> str | None:
    """Give up the first parked event of a subject, for a written reason, and go on with what waits behind it.

    Gives why the subject still waits, or None. Raises NotFound, and ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("dropping an event needs a written reason")
    async with database.transaction(NATIONAL) as tx:
        progress = await lock(tx, reaction, {subject})
        row = await _existing(tx, reaction, subject)
        _decide(tx, row, "drop", by=by, reason=reason)
        await tx.delete(row)
        if row.type:
            known = progress[subject]
            known.version, known.moved = max(known.version, row.version), True
            await advance(tx, reaction, progress)
    return await release(reaction, database, subject)


async def release(reaction: Reacts, database: Work, subject: UUID) -> str | None:
    """Apply what waits for a subject, in order, one transaction each; gives why it still waits, or None.

    An event that fails again stays parked with its new reason.
    """
    while True:
        async with database.transaction(NATIONAL) as tx:
            progress = await lock(tx, reaction, {subject})
            known = progress[subject]
            row = await _first(tx, reaction, subject)
            if row is None:
                known.held, known.moved = None, True
                await advance(tx, reaction, progress)
                return None
            if row.version > known.version + 1:
                known.held, known.moved = GAP, True
                await advance(tx, reaction, progress)
                return GAP
            try:
                async with tx.begin_nested():
                    if row.version == known.version + 1:
                        message = Message(row.topic, str(subject), row.headers, row.value)
                        await reaction.react(tx, [open_envelope(message)])
            except Exception as error:
                if passes_by_itself(error):
                    raise
                row.reason, row.attempts = reason_of(error), row.attempts + failed(error)
                known.held, known.moved = row.reason, True
                await advance(tx, reaction, progress)
                await tx.flush()
                return row.reason
            known.version, known.moved = max(known.version, row.version), True
            await tx.delete(row)
            await tx.flush()
            await advance(tx, reaction, progress)


async def _first(tx: Transaction, reaction: Reacts, subject: UUID) -> ParkedRow | None:
    rows = select(ParkedRow).where(ParkedRow.reaction == reaction.id, ParkedRow.subject == subject)
    return (await tx.exec(rows.order_by(col(ParkedRow.version)).limit(1))).first()


async def _existing(tx: Transaction, reaction: Reacts, subject: UUID) -> ParkedRow:
    row = await _first(tx, reaction, subject)
    if row is None:
        raise NotFound()
    return row


def _decide(tx: Transaction, row: ParkedRow, decision: str, *, by: str, reason: str) -> None:
    tx.add(
        ParkedDecisionRow(
            reaction=row.reaction,
            subject=row.subject,
            version=row.version,
            event_id=row.event_id,
            decision=decision,
            reason=reason,
            actor=by,
            at=now(),
        )
    )
