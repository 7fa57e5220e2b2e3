"""What academies and operators do with endpoints: one function per verb, each one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, text

from services.notifications.addresses import check_address
from services.notifications.commands.deliveries import THIS_INSTANT
from services.notifications.commands.keeping import keep, new_key
from services.notifications.endpoint import Endpoint, Pace, Scheme
from services.notifications.guard import Guard
from services.notifications.identity import Credentials
from services.notifications.keys import KeyRing
from services.notifications.lanes import LOCK_LANE, NEXT_DUE
from services.notifications.permissions import PERMISSIONS
from services.notifications.tables import ENDPOINTS, LaneRow
from services.notifications.waking import NEWS
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.events.notifications import Channel
from shared.ids import new_id

SET_PACE = text("update lane set concurrency = :concurrency, rate = :rate where endpoint_id = :endpoint")
PAUSE = text("update lane set paused = true where endpoint_id = :endpoint")
DISABLE = text("update lane set enabled = false, paused = false where endpoint_id = :endpoint")
START_OVER = text("""
    update delivery set attempts = 0, next_attempt_at = clock_timestamp()
    where endpoint_id = :endpoint and state = 'waiting' and attempts > 0
""")
MOVE = text(f"""
    update lane set epoch = epoch + 1, failures = 0, open_until = null, due_at = {NEXT_DUE}
    where endpoint_id = :endpoint
""")
RESUME = text(f"""
    update lane set enabled = true, paused = false, epoch = epoch + 1, failures = 0, open_until = null,
        due_at = {NEXT_DUE}
    where endpoint_id = :endpoint
""")


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint with its new secret, which is never shown again; none for e-mail, and none for `v1a`."""

    endpoint: Endpoint
    secret: str | None

    @property
    def version(self) -> int:
        """The endpoint's."""
        return self.endpoint.version


async def register_endpoint(
    db: Work,
    *,
    academy: str,
    channel: Channel,
    address: str,
    language: str,
    concurrency: int = 1,
    rate: float | None = None,
    scheme: Scheme = "v1",
    keys: KeyRing,
    guard: Guard,
    by: Actor,
) -> Issued:
    """Tell an academy at this address from now on.

    Raises AddressRefused.
    """
    address = check_address(channel, address, guard.of(academy))
    async with db.transaction(by.scope) as tx:
        endpoint = Endpoint(id=new_id())
        key, secret = new_key(scheme) if channel == "webhook" else (None, None)
        pace = Pace(address=address, language=language, concurrency=concurrency, rate=rate)
        events = endpoint.register(academy=academy, channel=channel, pace=pace, key=key)
        PERMISSIONS.allow(by, "register_endpoint", Endpoint.fold(endpoint.id, events))
        await ENDPOINTS.record(tx, endpoint, events, by=by)
        lane = {"endpoint_id": endpoint.id, "academy": academy, "concurrency": concurrency, "rate": rate}
        await tx.execute(insert(LaneRow).values(enabled=True, **lane))
        if key and secret:
            await keep(tx, endpoint, key.key_id, secret.bytes, keys)
        return Issued(endpoint, secret.shown if secret else None)


async def change_endpoint(
    db: Work, id: UUID, *, pace: Pace, guard: Guard, by: Actor, expected: int | None = None
) -> Endpoint:
    """Tell it elsewhere, in another language, faster or slower. Raises AddressRefused."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "change_endpoint", by, expected)
        address = check_address(endpoint.channel, pace.address, guard.of(endpoint.academy))
        pace = pace.model_copy(update={"address": address})
        moves = pace.address != endpoint.address
        await ENDPOINTS.record(tx, endpoint, endpoint.change(pace), by=by)
        await tx.execute(SET_PACE, {"endpoint": id, "concurrency": pace.concurrency, "rate": pace.rate})
        if moves:
            # What the old address answered is nothing against the new one.
            await tx.execute(START_OVER, {"endpoint": id})
            await tx.execute(MOVE, {"endpoint": id})
            tx.after_commit(NEWS.ring)
        return endpoint


async def secure_endpoint(
    db: Work, id: UUID, *, credentials: Credentials, keys: KeyRing, by: Actor, expected: int | None = None
) -> Endpoint:
    """Show this client certificate and trust this authority from now on; empty credentials end that.

    Raises CertificateRefused.
    """
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "secure_endpoint", by, expected)
        identity = credentials.described(new_id()) if credentials != Credentials() else None
        await ENDPOINTS.record(tx, endpoint, endpoint.secure(identity), by=by)
        if identity:
            await keep(tx, endpoint, identity.key_id, credentials.sealed_form(), keys)
        return endpoint


async def rotate_secret(
    db: Work,
    id: UUID,
    *,
    keys: KeyRing,
    overlap: timedelta,
    scheme: Scheme | None = None,
    by: Actor,
    expected: int | None = None,
) -> Issued:
    """Sign with a new secret, by another scheme if one is named; the old one signs beside it for the overlap."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "rotate_secret", by, expected)
        key, secret = new_key(scheme or (endpoint.keys[0].scheme if endpoint.keys else "v1"))
        # By the clock that signs: this process's may be wrong.
        at = (await tx.execute(THIS_INSTANT)).scalar_one()
        await ENDPOINTS.record(tx, endpoint, endpoint.rotate(key=key, at=at, overlap_until=at + overlap), by=by)
        await keep(tx, endpoint, key.key_id, secret.bytes, keys)
        return Issued(endpoint, secret.shown)


async def pause_endpoint(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Endpoint:
    """Send nothing for now; everything stays owed."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "pause_endpoint", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.pause(), by=by)
        await tx.execute(PAUSE, {"endpoint": id})
        tx.after_commit(NEWS.ring)
        return endpoint


async def resume_endpoint(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Endpoint:
    """Send again after a pause, at once."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "resume_endpoint", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.resume(), by=by)
        await _send_again(tx, id)
        return endpoint


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
        await tx.execute(DISABLE, {"endpoint": id})
        tx.after_commit(NEWS.ring)
        return endpoint


async def enable_endpoint(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Endpoint:
    """Send to an endpoint again, at once and from the beginning of the schedule."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "enable_endpoint", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.enable(), by=by)
        await _send_again(tx, id)
        return endpoint


async def send_test(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Endpoint:
    """Send a message that means nothing, to this endpoint only, on the way that everything takes."""
    async with db.transaction(by.scope) as tx:
        endpoint = await _endpoint(tx, id, "send_test", by, expected)
        await ENDPOINTS.record(tx, endpoint, endpoint.test(), by=by)
        return endpoint


async def _endpoint(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None) -> Endpoint:
    endpoint = await ENDPOINTS.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, endpoint)
    return endpoint


async def _send_again(tx: Transaction, id: UUID) -> None:
    await tx.execute(LOCK_LANE, {"endpoint": id})
    await tx.execute(START_OVER, {"endpoint": id})
    await tx.execute(RESUME, {"endpoint": id})
    tx.after_commit(NEWS.ring)
