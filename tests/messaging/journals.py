"""A journal to publish from: events of one tiny aggregate, written the way a command writes them."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from shared.actor import NATIONAL, SYSTEM
from shared.aggregate import Aggregate
from shared.clock import now
from shared.database import Database, Transaction
from shared.events.agreements import AgreementSubmittedForReview
from shared.events.base import DomainEvent
from shared.messaging import journal


class Tally(Aggregate):
    """Counts its events."""

    kind: ClassVar[str] = "agreement"
    _audience: tuple[str, ...] = ("MA-06",)

    def apply(self, event: DomainEvent) -> None: ...

    def audience(self) -> tuple[str, ...]:
        return self._audience


async def append(tx: Transaction, subject: UUID, count: int = 1) -> None:
    """Record the next events of a subject, under its lock."""
    await tx.execute(text("select pg_advisory_xact_lock(hashtextextended(:id, 1))"), {"id": str(subject)})
    known = await tx.execute(
        text("select coalesce(max(aggregate_version), 0) from journal where aggregate_id = :id"), {"id": subject}
    )
    tally = Tally(id=subject, version=known.scalar_one())
    events = [AgreementSubmittedForReview(agreement_id=subject) for _ in range(count)]
    await journal.append(tx, journal.rows_of(tally, events, head=b"", by=SYSTEM, at=now()))


async def commit(database: Database, subject: UUID, count: int = 1) -> None:
    """One command: its events are committed together."""
    async with database.transaction(NATIONAL) as tx:
        await append(tx, subject, count)
