"""What is read of receipts."""

from collections.abc import Sequence

from services.notifications.permissions import PERMISSIONS
from services.notifications.receipt import Receipt, ReceiptState
from services.notifications.tables import RECEIPTS
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest


async def receipts(
    db: Work, *, academy: str | None, state: ReceiptState | None, page: PageRequest, by: Actor
) -> tuple[Sequence[Receipt], str | None]:
    """Receipts within one's jurisdiction, by deadline."""
    PERMISSIONS.allow(by, "read_receipts")
    row = RECEIPTS.table.c
    where = [column == wanted for column, wanted in ((row.academy, academy), (row.status, state)) if wanted]
    async with db.transaction(by.scope) as tx:
        return await RECEIPTS.find(tx, *where, page=page)
