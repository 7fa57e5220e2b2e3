"""What is done again with deliveries: one function per verb, each one transaction."""

from uuid import UUID

from sqlalchemy import text

from services.notifications.lanes import LOCK_LANE, SET_DUE
from services.notifications.permissions import PERMISSIONS
from services.notifications.tables import ENDPOINTS
from services.notifications.waking import NEWS
from shared.actor import Actor
from shared.database import Work
from shared.refusals import NotFound

AGAIN = text("""
    update delivery set state = 'waiting', attempts = 0, next_attempt_at = clock_timestamp()
    where id = :delivery returning endpoint_id, academy
""")


async def redeliver(db: Work, id: UUID, *, by: Actor) -> UUID:
    """Send a delivery again, under the same webhook-id. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        again = (await tx.execute(AGAIN, {"delivery": id})).first()
        if again is None:
            raise NotFound()
        PERMISSIONS.allow(by, "redeliver", await ENDPOINTS.read(tx, again.endpoint_id))
        await tx.execute(LOCK_LANE, {"endpoint": again.endpoint_id})
        await tx.execute(SET_DUE, {"endpoint": again.endpoint_id})
        tx.after_commit(NEWS.ring)
        return id
