"""Receipts over HTTP."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.notifications import commands, queries
from services.notifications.receipt import ReceiptState
from services.notifications.schemas.receipts import ReceiptAnswer
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, Listing, Once, Page, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])


@router.get("/receipts", response_model=Listing[ReceiptAnswer])
async def read_receipts(
    by: CurrentActor, db: Db, wanted: Page, academy: AcademyCode | None = None, state: ReceiptState | None = None
) -> Response:
    """What academies were asked to acknowledge, and whether they did."""
    found, next = await queries.receipts(db, academy=academy, state=state, page=wanted, by=by)
    return page(wanted, [ReceiptAnswer.of(each, by) for each in found], next)


@router.post("/receipts/{id}/acknowledgement", response_model=ReceiptAnswer)
async def acknowledge_receipt(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Acknowledge that the academy was told; late too."""
    return await once(
        lambda tx: commands.acknowledge_receipt(tx, id, by=by), answer=lambda found: ReceiptAnswer.of(found, by)
    )
