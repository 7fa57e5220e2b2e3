"""What is sent again: one delivery, what was missed, or part of the feed; each one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text

from services.notifications.arrival import await_tellings
from services.notifications.endpoint import Endpoint
from services.notifications.errors import PeriodEmpty
from services.notifications.lanes import LOCK_LANE, SET_DUE
from services.notifications.permissions import PERMISSIONS
from services.notifications.recipients import rule_of
from services.notifications.tables import ENDPOINTS
from services.notifications.telling import EndpointTold, Happening, Why, told
from services.notifications.waking import NEWS
from shared.actor import NATIONAL, Actor
from shared.database import Database, Transaction, Work
from shared.refusals import NotFound

PAGE = 5000
STEP = 500
"""Entries of the feed that are looked at together: deciding about them holds up nobody who asks something else."""
LEFT_OUT: frozenset[Why] = frozenset({"no_rule_matches", "not_theirs", "outside_jurisdiction", "no_letters"})
"""Why something was not told that was not missed either."""
RULES = text("select * from rule where endpoint_id = :id and ended_at is null order by made_at, id")
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
# The page first: what stands in it is then looked up by its keys.
TOLD = text("""
    select entry.sequence, delivery.state, decided.why as decided, notice.event_id, notice.type, notice.subject,
        notice.audience, notice.data, notice.reach, notice.provinces, notice.agreement_type, notice.actor
    from (
        select event_id, sequence from feed_entry
        where academy = :academy and sequence > :after and told_at >= :since and told_at < :until
        order by sequence limit :most
    ) entry
    join lateral (select * from notice where notice.event_id = entry.event_id) notice on true
    left join lateral (
        select state from delivery where delivery.event_id = entry.event_id and endpoint_id = :endpoint
    ) delivery on true
    left join lateral (
        select each ->> 'why' as why from telling, jsonb_array_elements(told || untold) each
        where telling.event_id = entry.event_id and telling.jurisdiction = :academy
            and each ->> 'recipient' = cast(:endpoint as text)
    ) decided on true
    order by entry.sequence
""")
OWE = text("""
    insert into delivery (endpoint_id, academy, event_id, sequence, previous, state, attempts, next_attempt_at, owed_by,
        again)
    select :endpoint, :academy, event_id, sequence, previous, 'waiting', 0, clock_timestamp(), :how, :how
    from jsonb_to_recordset(cast(:owed as jsonb)) each (event_id uuid, sequence bigint, previous bigint)
""")
SEND_AGAIN = text("""
    update delivery set state = 'waiting', attempts = 0, next_attempt_at = clock_timestamp(),
        replayed = replayed or state = 'delivered', again = :how
    where endpoint_id = :endpoint and event_id = any(cast(:ended as uuid[])) and state <> 'waiting'
""")
START_OVER = text("""
    update delivery set attempts = 0, next_attempt_at = clock_timestamp(), again = :how
    where endpoint_id = :endpoint and state = 'waiting' and attempts > 0 and sequence between :first and :last
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
        how = "recovered" if what == "missed" else "replayed"
        part = {"since": since, "until": until, "everything": what == "everything", "how": how}
        deliveries, first, last = await _owe(tx, endpoint, part)
        events = endpoint.replay(what, since=since, until=until, deliveries=deliveries)
        await ENDPOINTS.record(tx, endpoint, events, by=by)
        # Last, because whoever tells waits for it: only what waits already is in anybody's hands, and is started over.
        await tx.execute(LOCK_LANE, {"endpoint": id})
        await tx.execute(START_OVER, {"endpoint": id, "first": first, "last": last, "how": how})
        await tx.execute(SET_DUE, {"endpoint": id})
        tx.after_commit(NEWS.ring)
        return Replay(endpoint, deliveries)


async def _owe(tx: Transaction, endpoint: Endpoint, part: Mapping[str, Any]) -> tuple[int, int, int]:
    """Owe part of the feed, page by page; how many deliveries that is, and its first and last number.

    What waits anyway counts and is left alone. Nobody else touches the rest: who sends an endpoint something again
    locks the endpoint.
    """
    # A replay is of all that there was, whatever it subscribes to.
    rules = (
        [] if part["everything"] else [rule_of(row._mapping) for row in await tx.execute(RULES, {"id": endpoint.id})]
    )
    one = EndpointTold(endpoint.id, endpoint.academy, endpoint.channel, endpoint.language, True, rules)
    asked = {"endpoint": endpoint.id, "academy": endpoint.academy, "most": STEP, **part}
    deliveries, first, last = 0, None, 0
    previous = None
    more = True
    while more:
        page = (await tx.execute(TOLD, asked | {"after": last})).all()
        more = len(page) == STEP
        owed, ended = [], []
        for row in page:
            first, last = first or row.sequence, row.sequence
            if not _is_theirs(row, one, part):
                continue
            if row.state is None:
                owed.append({"event_id": str(row.event_id), "sequence": row.sequence, "previous": previous})
            elif row.state == "refused" or (row.state == "delivered" and part["everything"]):
                ended.append(row.event_id)
            deliveries += row.state != "delivered" or part["everything"]
            previous = row.sequence
        if owed:
            await tx.execute(OWE, asked | {"owed": to_json(owed).decode()})
        if ended:
            await tx.execute(SEND_AGAIN, asked | {"ended": ended})
    return deliveries, first or 0, last


def _is_theirs(row: Any, one: EndpointTold, part: Mapping[str, Any]) -> bool:
    """Whether an entry of the feed is for an endpoint: as it was decided, or else, as it would be today."""
    if row.decided and not part["everything"]:
        return row.decided not in LEFT_OUT
    return all(each.told for each in told(Happening.of(row), one, part["until"]))
