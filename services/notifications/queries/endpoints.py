"""What is read of endpoints, and of the attempts to deliver to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.notifications.endpoint import Endpoint, EndpointState
from services.notifications.permissions import PERMISSIONS
from services.notifications.schemas import AttemptAnswer
from services.notifications.tables import ENDPOINTS, AttemptRow
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest

ATTEMPT: Any = AttemptRow.__table__.c


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
