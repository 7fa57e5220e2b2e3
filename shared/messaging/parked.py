"""Parked events: what an operator sees of them, and decides about them; each decision is kept."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database, Transaction
from shared.messaging.reactions import Reaction, advance, lock, release
from shared.messaging.tables import ParkedDecisionRow, ParkedRow
from shared.refusals import NotFound


async def parked(tx: Transaction, reaction: str | None = None) -> Sequence[ParkedRow]:
    """Every parked event and those that wait behind one (they have no reason), by reaction and subject, in order."""
    rows = select(ParkedRow).order_by(col(ParkedRow.reaction), col(ParkedRow.subject), col(ParkedRow.version))
    if reaction:
        rows = rows.where(ParkedRow.reaction == reaction)
    return (await tx.exec(rows)).all()


async def retry(reaction: Reaction, database: Database, subject: UUID, *, by: str, reason: str = "") -> str | None:
    """Try again what is parked for a subject, then what waits behind it; gives why it still waits, or None.

    Raises NotFound if nothing of the subject is parked.
    """
    async with database.transaction(NATIONAL) as tx:
        _decide(tx, await _first(tx, reaction, subject), "retry", by=by, reason=reason)
    return await release(reaction, database, subject)


async def drop(reaction: Reaction, database: Database, subject: UUID, *, by: str, reason: str) -> str | None:
    """Give up the first parked event of a subject, for a written reason, and go on with what waits behind it.

    Gives why the subject still waits, or None. Raises NotFound, and ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("dropping an event needs a written reason")
    async with database.transaction(NATIONAL) as tx:
        progress = await lock(tx, reaction, {subject})
        row = await _first(tx, reaction, subject)
        _decide(tx, row, "drop", by=by, reason=reason)
        await tx.delete(row)
        if row.type:
            known = progress[subject]
            known.version, known.moved = max(known.version, row.version), True
            await advance(tx, reaction, progress)
    return await release(reaction, database, subject)


async def _first(tx: Transaction, reaction: Reaction, subject: UUID) -> ParkedRow:
    rows = select(ParkedRow).where(ParkedRow.reaction == reaction.id, ParkedRow.subject == subject)
    row = (await tx.exec(rows.order_by(col(ParkedRow.version)).limit(1))).first()
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
