"""What becomes of receipts: asked with the notice, given by the academy, escalated once when they are late."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from services.notifications.permissions import PERMISSIONS
from services.notifications.receipt import Receipt
from services.notifications.tables import RECEIPTS
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.database import Database, Transaction, Work
from shared.messaging.retrying import passes_by_itself
from shared.refusals import ConcurrentChange, NotAllowedNow

log = structlog.get_logger(__name__)

LATE = text("select id from receipt where status = 'asked' and due_at <= :at order by due_at limit 100")


async def ask_receipts(
    tx: Transaction, academies: Iterable[str], event_id: UUID, event_type: str, *, at: datetime, days: int
) -> None:
    """Ask these academies to acknowledge an event, within so many days."""
    for academy in sorted(set(academies)):
        receipt = Receipt(id=Receipt.id_of(event_id, academy))
        due_at = at + timedelta(days=days)
        asked = receipt.ask(academy=academy, event_id=event_id, event_type=event_type, due_at=due_at)
        await RECEIPTS.record(tx, receipt, asked, by=SYSTEM, at=at)


async def acknowledge_receipt(db: Work, id: UUID, *, by: Actor) -> Receipt:
    """Acknowledge in the academy's name; late too. Raises NotFound, NotAllowedNow when it was."""
    async with db.transaction(by.scope) as tx:
        receipt = await RECEIPTS.load(tx, id)
        PERMISSIONS.allow(by, "acknowledge_receipt", receipt)
        return await RECEIPTS.record(tx, receipt, receipt.acknowledge(by=by.person), by=by)


async def escalate_receipts(database: Database, at: datetime) -> int:
    """Escalate every receipt whose deadline has passed, each once; gives how many."""
    async with database.transaction(NATIONAL) as tx:
        late = (await tx.execute(LATE, {"at": at})).scalars().all()
    escalated = 0
    for id in late:
        try:
            async with database.transaction(NATIONAL) as tx:
                receipt = await RECEIPTS.load(tx, id)
                await RECEIPTS.record(tx, receipt, receipt.escalate(at), by=SYSTEM, at=at)
                escalated += 1
        except (NotAllowedNow, ConcurrentChange):
            continue
        except Exception as error:
            if passes_by_itself(error):
                raise
            # One in trouble must not keep the others waiting.
            log.exception("cannot escalate", receipt_id=str(id))
    return escalated
