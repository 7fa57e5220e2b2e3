"""What people read about centers: within their scope, and explicitly so."""

from collections.abc import Sequence
from uuid import UUID

from services.centers.center import Center, CenterState
from services.centers.permissions import PERMISSIONS
from services.centers.tables import CENTERS
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest
from shared.web.history import HistoryEntry, history


async def centers(
    db: Work,
    *,
    state: CenterState | None,
    academy: str | None,
    province: str | None,
    agreement_id: UUID | None,
    page: PageRequest,
    by: Actor,
) -> tuple[Sequence[Center], str | None]:
    """One page of centers, oldest first, and the cursor of the next."""
    PERMISSIONS.allow(by, "read_centers")
    row = CENTERS.table.c
    wanted = {row.status: state, row.academy: academy, row.province: province, row.agreement_id: agreement_id}
    where = [column == value for column, value in wanted.items() if value is not None]
    async with db.transaction(by.scope) as tx:
        return await CENTERS.find(tx, *where, page=page)


async def center(db: Work, id: UUID, *, by: Actor) -> Center:
    """One center. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await CENTERS.read(tx, id)
    PERMISSIONS.allow(by, "read_center", found)
    return found


async def center_history(
    db: Work, id: UUID, *, page: PageRequest, by: Actor
) -> tuple[Sequence[HistoryEntry], str | None]:
    """A page of what happened to a center, oldest first, and the next one's cursor. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_center_history", await CENTERS.read(tx, id))
        return await history(tx, id, page=page)
