"""Children and their parents: a child looks at its parent under the same lock as its own change."""

from datetime import date

from sqlalchemy import select

from services.agreements.agreement import Agreement
from services.agreements.agreement.amending import AMENDABLE
from services.agreements.agreement.family import Parent
from services.agreements.content import Content
from services.agreements.errors.amendments import ChildrenBeyondTerm
from services.agreements.errors.families import ParentUnknown
from services.agreements.tables import AGREEMENTS
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Transaction
from shared.messaging import journal
from shared.refusals import NotFound, Refusal


async def parent_of(tx: Transaction, child: Agreement, *, reading: bool = False) -> Agreement:
    """The agreement that this one follows, which stays as it is until we commit, unless one only reads.

    Refuses ParentUnknown.
    Whoever ends a parent holds its row alone and touches no child, and children wait for their parent, never the other
    way round: nobody waits in a circle. The parent is looked at whoever asks: that it allows the child is the rule.
    """
    async with tx.widened(NATIONAL):
        return await _parent(tx, child, reading=reading)


async def lived_parent_of(tx: Transaction, child: Agreement, until: date, *, reading: bool = False) -> Parent | None:
    """What the agreement follows, as `parent_of` gives it; None if it follows nothing.

    With its life where that makes a difference up to a day: where it has ended, or may have let the child bind before.
    """
    if child.parent_id is None:
        return None
    parent = await parent_of(tx, child, reading=reading)
    if not (parent.ending or (parent.in_force_on and child.ready_by(until))):
        return Parent(parent)
    async with tx.widened(NATIONAL):
        return Parent(parent, await journal.past(tx, parent.id))


async def require_child(tx: Transaction, child: Agreement) -> None:
    """Refuse a draft that names an agreement which it cannot follow, or which whoever drafts may not read.

    Refuses ParentUnknown, and what Agreement.require_child refuses.
    """
    if child.parent_id is not None:
        (await _parent(tx, child)).require_child(child)


async def parent_refusal(tx: Transaction, child: Agreement) -> Refusal | None:
    """Why it cannot follow its parent any more, without a lock; None if it can, or follows none."""
    if child.parent_id is None:
        return None
    try:
        (await parent_of(tx, child, reading=True)).require_within(child)
    except Refusal as refusal:
        return refusal
    return None


async def require_parent(tx: Transaction, child: Agreement) -> None:
    """Refuse to submit or freeze what cannot follow its parent any more, which stays as it is until we commit.

    Refuses ParentUnknown, and what Agreement.require_within refuses.
    """
    if child.parent_id is not None:
        (await parent_of(tx, child)).require_within(child)


async def require_parent_signed(tx: Transaction, agreement: Agreement, *, reading: bool = False) -> None:
    """Refuse a signature under a child or its amendment if the parent is not signed, rests, has ended or is shorter."""
    if agreement.parent_id is not None:
        (await parent_of(tx, agreement, reading=reading)).require_signed(agreement)


async def require_family(tx: Transaction, agreement: Agreement, content: Content) -> None:
    """Refuse a content with which the agreement would outrun its parent, or end before a child that is signed.

    Refuses what Agreement.require_within refuses, ParentUnknown, ChildrenBeyondTerm.
    """
    amended = agreement.model_copy(update=content.model_dump(include={"effective_from", "effective_until"}))
    if agreement.parent_id is not None:
        (await parent_of(tx, amended)).require_within(amended)
    row = AGREEMENTS.table.c
    children = select(row.id, row.reference).where(row.parent_id == agreement.id, row.status.in_(AMENDABLE))
    async with tx.widened(NATIONAL):
        beyond = children.where(row.effective_until > content.effective_until).order_by(row.id)
        left_out = (await tx.execute(beyond)).all()
    if left_out:
        raise ChildrenBeyondTerm(
            children=[each.id for each in left_out],
            references=[each.reference for each in left_out],
            effective_until=content.effective_until,
        )


async def _parent(tx: Transaction, child: Agreement, *, reading: bool = False) -> Agreement:
    assert child.parent_id is not None, "it follows none"
    try:
        look = AGREEMENTS.read if reading else AGREEMENTS.share
        parent = await look(tx, child.parent_id)
    except NotFound as unknown:
        raise ParentUnknown(parent=child.parent_id) from unknown
    # Its day may have come before the schedule looked.
    return parent.evolve(parent.catch_up(today()))
