"""Deliveries over HTTP."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.notifications import commands, queries
from services.notifications.schemas import DeliveryAnswer, DeliveryAttemptAnswer
from shared.database import Transaction
from shared.territory import AcademyCode
from shared.web import CurrentActor, Db, Language, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1", tags=["notifications"])


@router.get("/deliveries", response_model=Listing[DeliveryAnswer])
async def read_deliveries(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    language: Language,
    endpoint_id: UUID | None = None,
    academy: AcademyCode | None = None,
    state: Literal["waiting", "delivered", "refused"] | None = None,
) -> Response:
    """What was sent and what waits, newest first."""
    found, next = await queries.deliveries(
        db, endpoint_id=endpoint_id, academy=academy, state=state, language=language, page=wanted, by=by
    )
    return page(wanted, found, next)


@router.get("/deliveries/{id}", response_model=DeliveryAnswer)
async def read_delivery(id: UUID, by: CurrentActor, db: Db, language: Language) -> Response:
    """One delivery."""
    return answer(await queries.delivery(db, id, language=language, by=by))


@router.get("/deliveries/{id}/attempts", response_model=Listing[DeliveryAttemptAnswer])
async def read_delivery_attempts(id: UUID, by: CurrentActor, db: Db, wanted: Page, language: Language) -> Response:
    """How sending it went, newest first, with what was sent."""
    found, next = await queries.delivery_attempts(db, id, language=language, page=wanted, by=by)
    return page(wanted, found, next)


@router.post("/deliveries/{id}/redelivery", response_model=DeliveryAnswer)
async def redeliver(id: UUID, by: CurrentActor, once: Once, language: Language) -> Response:
    """Send it again, under the same webhook-id."""

    async def again(tx: Transaction) -> DeliveryAnswer:
        await commands.redeliver(tx, id, by=by)
        return await queries.delivery(tx, id, language=language, by=by)

    return await once(again, answer=lambda found: found)
