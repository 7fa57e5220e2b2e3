"""What people and systems read of notifications: each within their jurisdiction, and explicitly so."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from services.notifications.endpoint import Endpoint, EndpointState
from services.notifications.errors import AcademyNotNamed
from services.notifications.notice import Notice
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import AttemptAnswer, DeliveryAnswer, NoticeAnswer
from services.notifications.tables import ENDPOINTS, AttemptRow, DeliveryRow, FeedEntryRow, NoticeRow
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.refusals import Forbidden, NotFound
from shared.territory import ACADEMIES
from shared.web import PageRequest

ATTEMPT: Any = AttemptRow.__table__.c
DELIVERY: Any = DeliveryRow.__table__.c
ENTRY: Any = FeedEntryRow.__table__.c
NOTICE: Any = NoticeRow.__table__.c

FEED: Select[Any] = select(ENTRY.academy, ENTRY.sequence, *(NOTICE[field] for field in Notice.__slots__)).join_from(
    FeedEntryRow, NoticeRow, ENTRY.event_id == NOTICE.event_id
)
DELIVERIES: Select[Any] = select(*DELIVERY, NOTICE.type).join_from(
    DeliveryRow, NoticeRow, DELIVERY.event_id == NOTICE.event_id
)


def academy_meant(academy: str | None, by: Actor) -> str:
    """The academy an actor asks about: its own, or the one a national actor names.

    Raises NotFound for another academy, AcademyNotNamed, and Forbidden for who belongs to none.
    """
    if by.jurisdiction == "national":
        if academy is None:
            raise AcademyNotNamed()
        return academy
    if by.jurisdiction not in ACADEMIES:
        raise Forbidden()
    if academy not in (None, by.jurisdiction):
        raise NotFound()
    return by.jurisdiction


async def endpoints(
    db: Work, *, academy: str | None, state: EndpointState | None, page: PageRequest, by: Actor
) -> tuple[Sequence[Endpoint], str | None]:
    """Endpoints, oldest first."""
    PERMISSIONS.allow(by, "read_endpoints")
    row = ENDPOINTS.table.c
    where = [column == wanted for column, wanted in ((row.academy, academy), (row.status, state)) if wanted]
    async with db.transaction(by.scope) as tx:
        return await ENDPOINTS.find(tx, *where, page=page)


async def endpoint(db: Work, id: UUID, *, by: Actor) -> Endpoint:
    """One endpoint. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await ENDPOINTS.read(tx, id)
    PERMISSIONS.allow(by, "read_endpoint", found)
    return found


async def attempts(
    db: Work, endpoint_id: UUID, *, page: PageRequest, by: Actor
) -> tuple[list[AttemptAnswer], str | None]:
    """The attempts to deliver to an endpoint, newest first. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_attempts", await ENDPOINTS.read(tx, endpoint_id))
        query = page.select(
            select(*ATTEMPT).where(ATTEMPT.endpoint_id == endpoint_id), ATTEMPT.at, ATTEMPT.id, newest_first=True
        )
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.at, row.id))
    return [AttemptAnswer.model_validate(row, from_attributes=True) for row in rows], next


async def deliveries(
    db: Work, *, endpoint_id: UUID | None, state: str | None, academy: str | None, page: PageRequest, by: Actor
) -> tuple[list[DeliveryAnswer], str | None]:
    """Deliveries within one's jurisdiction, newest first."""
    PERMISSIONS.allow(by, "read_deliveries")
    asked = ((DELIVERY.endpoint_id, endpoint_id), (DELIVERY.state, state), (DELIVERY.academy, academy))
    where = [column == wanted for column, wanted in asked if wanted]
    query = page.select(
        DELIVERIES.where(*where, *_within(DELIVERY.academy, by)), DELIVERY.created_at, DELIVERY.id, newest_first=True
    )
    async with db.transaction(by.scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.created_at, row.id))
    return [_delivery(row) for row in rows], next


async def delivery(db: Work, id: UUID, *, by: Actor) -> DeliveryAnswer:
    """One delivery. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        row = (await tx.execute(DELIVERIES.where(DELIVERY.id == id, *_within(DELIVERY.academy, by)))).first()
        if row is None:
            raise NotFound()
    PERMISSIONS.allow(by, "read_delivery")
    return _delivery(row)


async def feed(
    db: Work, *, academy: str, after: int, language: str, page: PageRequest, by: Actor
) -> tuple[list[NoticeAnswer], str | None]:
    """An academy's feed in its order, from behind a number on."""
    PERMISSIONS.allow(by, "read_feed")
    query = page.select(FEED.where(ENTRY.academy == academy, ENTRY.sequence > after), ENTRY.academy, ENTRY.sequence)
    async with db.transaction(by.scope) as tx:
        rows, next = page.cut((await tx.execute(query)).all(), lambda row: (row.academy, row.sequence))
    place = {"academy": academy, "language": language}
    found = (Notice.of(row).payload(sequence=row.sequence, **place) for row in rows)
    return [NoticeAnswer(**each) for each in found], next


async def entries(tx: Transaction, academy: str, *, after: int, most: int) -> list[tuple[int, Notice]]:
    """The next notices of an academy's feed with their numbers, for the live stream."""
    query = FEED.where(ENTRY.academy == academy, ENTRY.sequence > after).order_by(ENTRY.sequence).limit(most)
    return [(row.sequence, Notice.of(row)) for row in (await tx.execute(query)).all()]


def _within(column: Any, by: Actor) -> list[ColumnElement[bool]]:
    return [] if by.jurisdiction == "national" else [column == by.jurisdiction]


def _delivery(row: Any) -> DeliveryAnswer:
    found = DeliveryAnswer.model_validate(row, from_attributes=True)
    return found if found.state == "waiting" else found.model_copy(update={"next_attempt_at": None})
