"""What people read of obligations, across agreements: within their scope, and explicitly so."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import ObligationState
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries.searches import found_by, sees_many
from services.agreements.tables import ObligationRow
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest


async def obligations(
    db: Work,
    *,
    late: bool | None,
    state: ObligationState | None,
    party: UUID | None,
    today: date,
    page: PageRequest,
    by: Actor,
) -> tuple[Sequence[ObligationRow], str | None]:
    """A page of obligations, those due first, and the next one's cursor. `party` is the organisation that owes."""
    PERMISSIONS.allow(by, "read_obligations")
    row = ObligationRow
    query = select(row)
    if late is not None:
        # The state first: it is what the index of what is owed holds.
        is_late = col(row.state).in_(["pending", "due"]) & (col(row.due_on) < today)
        query = query.where(is_late if late else ~is_late)
    if state is not None:
        query = query.where(col(row.state) == state)
    if party is not None:
        query = query.where(col(row.debtor_id) == party)
    async with db.transaction(by.scope) as tx:
        if "national" not in tx.scope:
            query = query.where(col(row.visible_to).overlap(sorted(tx.scope)))  # type: ignore[attr-defined]
        if not sees_many(by.jurisdiction):
            # One party's agreements are few among all: found by the index, which no array is under row security.
            query = query.where(found_by(by.jurisdiction, col(row.agreement_id)))  # type: ignore[arg-type]
        this_page = page.select(query, row.due_on, row.obligation_id, row.occurrence)
        found = (await tx.execute(this_page)).scalars().all()
    return page.cut(found, lambda each: [each.due_on, each.obligation_id, each.occurrence])
