"""What academies and operators do with endpoints: one function per verb, each one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, text

from services.notifications.addresses import check_address
from services.notifications.endpoint import Endpoint
from services.notifications.guard import Guard
from services.notifications.keys import KeyRing, new_secret, shown
from services.notifications.lanes import LOCK_LANE, NEXT_DUE
from services.notifications.permissions import PERMISSIONS
from services.notifications.tables import ENDPOINTS, LaneRow, SecretRow
from services.notifications.waking import NEWS
from shared.actor import Actor
from shared.clock import now
from shared.database import Transaction, Work
from shared.events.notifications import Channel
from shared.ids import new_id

PAUSE = text("update lane set enabled = false where endpoint_id = :endpoint")
START_OVER = text("""
    update delivery set attempts = 0, next_attempt_at = clock_timestamp()
    where endpoint_id = :endpoint and state = 'waiting' and attempts > 0
""")
RESUME = text(f"update lane set enabled = true, due_at = {NEXT_DUE} where endpoint_id = :endpoint")


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint with its new secret, which is never shown again; none for e-mail."""

    endpoint: Endpoint
    secret: str | None

    @property
    def version(self) -> int:
        """The endpoint's."""
        return self.endpoint.version


async def register_endpoint(
    db: Work, *, academy: str, channel: Channel, address: str, language: str, keys: KeyRing, guard: Guard, by: Actor
) -> Issued:
    """Tell an academy at this address from now on.

    Raises AddressRefused.
    """
    address = check_address(channel, address, guard)
    async with db.transaction(by.scope) as tx:
        endpoint = Endpoint(id=new_id())
        key_id = new_id()
        events = endpoint.register(academy=academy, channel=channel, address=address, language=language, key_id=key_id)
        PERMISSIONS.allow(by, "register_endpoint", Endpoint.fold(endpoint.id, events))
        await ENDPOINTS.record(tx, endpoint, events, by=by)
        await tx.execute(insert(LaneRow).values(endpoint_id=endpoint.id, academy=academy, enabled=True))
        secret = await _keep_secret(tx, endpoint, key_id, keys) if channel == "webhook" else None
        return Issued(endpoint, secret)


async def rotate_secret(
    db: Work, id: UUID, *, keys: KeyRing, overlap: timedelta, by: Actor, expected: int | None = None
) -> Issued:
    """Sign with a new secret; the old one signs beside it for the overlap (a duration)."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "rotate_secret", by, expected)
        key_id, at = new_id(), now()
        await ENDPOINTS.record(tx, endpoint, endpoint.rotate(key_id=key_id, at=at, overlap_until=at + overlap), by=by)
        return Issued(endpoint, await _keep_secret(tx, endpoint, key_id, keys))


async def disable_endpoint(
    db: Work,
    id: UUID,
    *,
    because: Literal["gone", "failing", "decision"] = "decision",
    by: Actor,
    expected: int | None = None,
) -> Endpoint:
    """Send nothing more to an endpoint; what waits keeps waiting."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "disable_endpoint", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.disable(because), by=by)
        await tx.execute(PAUSE, {"endpoint": id})
        return endpoint


async def enable_endpoint(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Endpoint:
    """Send to an endpoint again, at once and from the beginning of the schedule."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "enable_endpoint", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.enable(), by=by)
        await tx.execute(LOCK_LANE, {"endpoint": id})
        await tx.execute(START_OVER, {"endpoint": id})
        await tx.execute(RESUME, {"endpoint": id})
        tx.after_commit(NEWS.ring)
        return endpoint


async def _endpoint(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None) -> Endpoint:
    endpoint = await ENDPOINTS.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, endpoint)
    return endpoint


async def _keep_secret(tx: Transaction, endpoint: Endpoint, key_id: UUID, keys: KeyRing) -> str:
    secret = new_secret()
    sealed = keys.seal(secret, key_id)
    await tx.execute(
        insert(SecretRow).values(
            key_id=key_id,
            endpoint_id=endpoint.id,
            academy=endpoint.academy,
            kek_id=sealed.kek_id,
            wrapped_key=sealed.wrapped_key,
            ciphertext=sealed.ciphertext,
        )
    )
    return shown(secret)
