"""Children and their parents: a child looks at its parent under the same lock as its own change."""

from datetime import date
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.errors.families import ParentUnknown
from services.agreements.tables import AGREEMENTS
from shared.actor import NATIONAL, SYSTEM
from shared.database import Transaction, Work
from shared.refusals import NotFound


async def parent_of(tx: Transaction, child: Agreement) -> Agreement:
    """The agreement that this one follows, which stays as it is until we commit. Refuses ParentUnknown.

    Whoever ends a parent holds its row alone and touches no child, and children wait for their parent, never the other
    way round: nobody waits in a circle. The parent is looked at whoever asks: that it allows the child is the rule.
    """
    assert child.parent_id is not None, "it follows none"
    async with tx.widened(NATIONAL):
        try:
            return await AGREEMENTS.share(tx, child.parent_id)
        except NotFound as unknown:
            raise ParentUnknown(parent=child.parent_id) from unknown


async def require_parent_signed(tx: Transaction, agreement: Agreement) -> None:
    """Refuse a signature under a child whose parent is not signed, has ended or became shorter than it meanwhile."""
    if agreement.parent_id is not None:
        (await parent_of(tx, agreement)).require_signed(agreement)


async def end_with_parent(db: Work, id: UUID, *, on: date) -> Agreement:
    """End an agreement whose parent has ended. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        events = agreement.end_with(await parent_of(tx, agreement), today=on)
        return await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)
