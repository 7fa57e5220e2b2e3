"""What is sent again: one delivery, what was missed, or part of the feed; each one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from services.notifications.arrival import await_tellings
from services.notifications.endpoint import Endpoint
from services.notifications.errors import PeriodEmpty
from services.notifications.kinds import kinds
from services.notifications.lanes import LOCK_LANE, SET_DUE
from services.notifications.permissions import PERMISSIONS
from services.notifications.tables import ENDPOINTS
from services.notifications.waking import NEWS
from shared.actor import NATIONAL, Actor
from shared.database import Database, Work
from shared.refusals import NotFound

PAGE = 5000
THIS_INSTANT = text("select clock_timestamp()")
OWED = text("select endpoint_id, event_id from delivery where id = :delivery")
AGAIN = text("""
    update delivery set state = 'waiting', attempts = 0, next_attempt_at = clock_timestamp(),
        replayed = replayed or state = 'delivered', again = 'resent'
    where id = :delivery
""")
FORGET = [
    text(f"""
        delete from {log} where id in (
            select id from (select id, at from {log} order by id limit :page) oldest where at < :before
        )
    """)
    for log in ("attempt", "letter_attempt")
]
# Tests of other endpoints are in the feed too; they are nobody else's business. What its subscriptions left out was
# not missed.
OWE = text("""
    insert into delivery as owed (endpoint_id, academy, event_id, sequence, previous, state, attempts,
        next_attempt_at, owed_by, again)
    select :endpoint, entry.academy, entry.event_id, entry.sequence,
        lag(entry.sequence) over (order by entry.sequence), 'waiting', 0, clock_timestamp(), :how, :how
    from feed_entry entry join notice using (event_id)
    where entry.academy = :academy and entry.told_at >= :since and entry.told_at < :until
        and (notice.type <> 'ma.mithaq.endpoint.tested.v1' or notice.subject = :endpoint)
        and notice.type <> all(cast(:unwritten as text[]))
        and (:everything or not exists (
            select 1 from telling where telling.event_id = entry.event_id and telling.jurisdiction = entry.academy
                and untold @> jsonb_build_array(jsonb_build_object(
                    'recipient', cast(:endpoint as text), 'why', 'no_rule_matches'))
        ))
    on conflict (event_id, endpoint_id) do update set
        state = 'waiting', attempts = 0, next_attempt_at = excluded.next_attempt_at,
        replayed = owed.replayed or owed.state = 'delivered', again = excluded.again
    where :everything or owed.state <> 'delivered'
""")


@dataclass(frozen=True, slots=True)
class Replay:
    """What was asked to be sent again, and how much that is."""

    endpoint: Endpoint
    deliveries: int

    @property
    def version(self) -> int:
        """The endpoint's."""
        return self.endpoint.version


async def redeliver(db: Work, id: UUID, *, by: Actor) -> UUID:
    """Send a delivery again, under the same webhook-id. Raises NotFound, NotAllowedNow at a disabled endpoint."""
    async with db.transaction(by.scope) as tx:
        owed = (await tx.execute(OWED, {"delivery": id})).first()
        if owed is None:
            raise NotFound()
        endpoint = await ENDPOINTS.load(tx, owed.endpoint_id)
        PERMISSIONS.allow(by, "redeliver", endpoint)
        events = endpoint.redeliver(owed.event_id)
        # The lane first, as everywhere: who locks them the other way round waits for who waits for them.
        await tx.execute(LOCK_LANE, {"endpoint": endpoint.id})
        await tx.execute(AGAIN, {"delivery": id})
        await ENDPOINTS.record(tx, endpoint, events, by=by)
        await tx.execute(SET_DUE, {"endpoint": endpoint.id})
        tx.after_commit(NEWS.ring)
        return id


async def recover_missed(db: Work, id: UUID, *, since: datetime, by: Actor, expected: int | None = None) -> Replay:
    """Send everything told since then that did not arrive, whether it was owed or not. Raises PeriodEmpty."""
    return await _replay(db, id, "missed", since, None, by, expected)


async def replay_feed(
    db: Work, id: UUID, *, since: datetime, until: datetime | None = None, by: Actor, expected: int | None = None
) -> Replay:
    """Send everything told between these instants, or up to now, marked as a replay where it had arrived.

    Raises PeriodEmpty.
    """
    return await _replay(db, id, "everything", since, until, by, expected)


async def forget_attempts(database: Database, *, before: datetime) -> int:
    """Let go of the attempts made before an instant, page by page; how many those were. Deliveries and feeds stay."""
    forgotten = 0
    for forget in FORGET:
        gone = PAGE
        while gone == PAGE:
            async with database.transaction(NATIONAL) as tx:
                page = await tx.execute(forget, {"before": before, "page": PAGE})
                gone = max(0, page.rowcount)  # type: ignore[attr-defined]
            forgotten += gone
    return forgotten


async def _replay(
    db: Work,
    id: UUID,
    what: Literal["missed", "everything"],
    since: datetime,
    until: datetime | None,
    by: Actor,
    expected: int | None,
) -> Replay:
    async with db.transaction(by.scope) as tx:
        endpoint = await ENDPOINTS.load(tx, id, expected=expected)
        action = "recover_missed" if what == "missed" else "replay_feed"
        PERMISSIONS.allow(by, action, endpoint)
        endpoint.require(action)
        # What is being told may have been decided before the endpoint was enabled: it is missed as well.
        await await_tellings(tx)
        # By the clock that says when something was told: this process's may be behind.
        until = until or (await tx.execute(THIS_INSTANT)).scalar_one()
        if since >= until:
            raise PeriodEmpty()
        await tx.execute(LOCK_LANE, {"endpoint": id})
        how = "recovered" if what == "missed" else "replayed"
        period = {"since": since, "until": until, "everything": what == "everything", "how": how}
        unwritten = kinds().unwritten if endpoint.channel == "email" else []
        owed = await tx.execute(OWE, {"endpoint": id, "academy": endpoint.academy, "unwritten": unwritten, **period})
        deliveries = max(0, owed.rowcount)  # type: ignore[attr-defined]
        events = endpoint.replay(what, since=since, until=until, deliveries=deliveries)
        await ENDPOINTS.record(tx, endpoint, events, by=by)
        await tx.execute(SET_DUE, {"endpoint": id})
        tx.after_commit(NEWS.ring)
        return Replay(endpoint, deliveries)
