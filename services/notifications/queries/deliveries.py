"""What is read of deliveries."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries.academies import within
from services.notifications.schemas import DeliveryAnswer, DeliveryAttemptAnswer
from services.notifications.tables import ENDPOINTS, AttemptRow, DeliveryRow, NoticeRow
from shared.actor import Actor
from shared.database import Work
from shared.refusals import NotFound
from shared.web import PageRequest

ATTEMPT: Any = AttemptRow.__table__.c
DELIVERY: Any = DeliveryRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c

LAST: Any = select(ATTEMPT.reason).where(ATTEMPT.delivery_id == DELIVERY.id).order_by(ATTEMPT.id.desc()).limit(1)
DELIVERIES: Select[Any] = select(*DELIVERY, NOTICE.type, LAST.scalar_subquery().label("reason")).join_from(
    DeliveryRow, NoticeRow, DELIVERY.event_id == NOTICE.event_id
)
TOLD: Select[Any] = select(*(NOTICE[field] for field in Notice.__slots__))


async def deliveries(
    db: Work,
    *,
    endpoint_id: UUID | None,
    state: str | None,
    academy: str | None,
    language: str,
    page: PageRequest,
    by: Actor,
) -> tuple[list[DeliveryAnswer], str | None]:
    """Deliveries within one's jurisdiction, newest first."""
    PERMISSIONS.allow(by, "read_deliveries")
    asked = ((DELIVERY.endpoint_id, endpoint_id), (DELIVERY.state, state), (DELIVERY.academy, academy))
    where = [column == wanted for column, wanted in asked if wanted]
    query = page.select(
        DELIVERIES.where(*where, *within(DELIVERY.academy, by)), DELIVERY.created_at, DELIVERY.id, newest_first=True
    )
    async with db.transaction(by.scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.created_at, row.id))
    return [DeliveryAnswer.of(row, language) for row in rows], next


async def delivery(db: Work, id: UUID, *, language: str, by: Actor) -> DeliveryAnswer:
    """One delivery. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        row = (await tx.execute(DELIVERIES.where(DELIVERY.id == id, *within(DELIVERY.academy, by)))).first()
        if row is None:
            raise NotFound()
    PERMISSIONS.allow(by, "read_delivery")
    return DeliveryAnswer.of(row, language)


async def delivery_attempts(
    db: Work, id: UUID, *, language: str, page: PageRequest, by: Actor
) -> tuple[list[DeliveryAttemptAnswer], str | None]:
    """The attempts of one delivery, newest first, with what was sent, told in this language. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(DELIVERIES.where(DELIVERY.id == id, *within(DELIVERY.academy, by)))).first()
        if found is None:
            raise NotFound()
        PERMISSIONS.allow(by, "read_delivery_attempts")
        endpoint = await ENDPOINTS.read(tx, found.endpoint_id)
        told = (await tx.execute(TOLD.where(NOTICE.event_id == found.event_id))).one()
        query = page.select(select(*ATTEMPT).where(ATTEMPT.delivery_id == id), ATTEMPT.id, newest_first=True)
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.id,))

    def sent(row: Any) -> str | None:
        if endpoint.channel == "email" or row.language is None:
            return None
        place = {"academy": found.academy, "sequence": found.sequence, "language": row.language}
        return Notice.of(told).body(**place, previous=found.previous).decode()

    def answered(row: Any) -> DeliveryAttemptAnswer:
        signed_at = None if endpoint.channel == "email" else int(row.at.timestamp())
        more = {"id": id, "message_id": row.event_id, "timestamp": signed_at, "body": sent(row)}
        return DeliveryAttemptAnswer.of(row, language, **more)

    return [answered(row) for row in rows], next
