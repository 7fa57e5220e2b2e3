"""Claiming: which lanes a sender may have now, what comes next in those it has, and which are no longer its own.

A lane is leased under a token. It stays ours while the token is on it and its endpoint is as it was: whoever pauses,
disables, changes or rotates it takes it back.
"""

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.endpoint import Endpoint
from services.notifications.keys import Sealed
from services.notifications.lanes import Lane, Parcel
from services.notifications.notice import Notice
from services.notifications.settings import NotificationsSettings
from shared.actor import NATIONAL
from shared.database import Database

SLACK = 0.8
"""The part of its lease after which a lane begins no new attempt."""
REMEMBERED = 2048
"""How many notices and endpoints a sender keeps at hand."""

DUE = """
    enabled and not paused and due_at <= now() and (lease_until is null or lease_until < now())
    and (open_until is null or open_until <= now())
    and (rate is null or bucket_at is null or bucket_at + make_interval(secs => 1 / rate) <= now())
"""
# A lane takes as many slots as its endpoint takes messages at once, or what is left of its academy's share. Its epoch
# is read as of the same instant as its endpoint, though the lane may be locked as of a later one.
CLAIM = text(f"""
    with due as (
        select endpoint_id, academy, due_at as since, case when open_until is null then concurrency else 1 end as width
        from lane where {DUE}
    ), placed as (
        select endpoint_id, since, width, :share - coalesce(cast(busy.value as int), 0)
            - sum(width) over (partition by academy order by since, endpoint_id) + width as left_of_share
        from due left join jsonb_each_text(cast(:busy as jsonb)) busy on busy.key = academy
    ), fair as (
        select endpoint_id, since, least(width, left_of_share) as width from placed where left_of_share > 0
    ), fitting as (
        select endpoint_id, width, :free - sum(width) over (order by since, endpoint_id) + width as left_of_slots
        from fair
    ), chosen as (
        select lane.endpoint_id, cast(least(fitting.width, left_of_slots) as int) as width
        from lane join fitting on fitting.endpoint_id = lane.endpoint_id
        where left_of_slots > 0 and {DUE} order by lane.due_at for update of lane skip locked
    )
    update lane set lease_token = gen_random_uuid(), lease_until = clock_timestamp() + :lease
    from chosen join endpoint on endpoint.id = chosen.endpoint_id
        join (select endpoint_id as id, epoch from lane) seen on seen.id = endpoint.id
    where chosen.endpoint_id = lane.endpoint_id
    returning lane.endpoint_id, lease_token, width, failures, open_until is not null as half_open, endpoint.version,
        seen.epoch,
        case when rate is null then null when bucket_at is null then floor(greatest(rate, 1))
            else greatest(1, floor(least(greatest(rate, 1), extract(epoch from clock_timestamp() - bucket_at) * rate)))
            end as tokens, clock_timestamp() as at
""")
WAITING = text(f"select distinct academy from lane where {DUE}")
OURS = text("""
    select endpoint_id, lease_token, version from lane join endpoint on endpoint.id = endpoint_id
    where endpoint_id = any(cast(:endpoints as uuid[]))
""")
ENDPOINTS = text("select id, version, state from endpoint where id = any(cast(:ids as uuid[]))")
SECRETS = text("""
    select endpoint_id, key_id, kek_id, wrapped_key, ciphertext
    from endpoint_secret where key_id = any(cast(:named as uuid[]))
""")
# In order up to the first that must still wait, or where order does not matter, those that need not.
PARCELS = text("""
    select wanted.endpoint_id, next.* from
    unnest(cast(:endpoints as uuid[]), cast(:after as bigint[]), cast(:most as int[]), cast(:in_order as bool[]))
        wanted (endpoint_id, after, most, in_order)
    cross join lateral (
        select id as delivery_id, event_id, attempts, sequence, previous, replayed,
            next_attempt_at <= now() as due from delivery
        where delivery.endpoint_id = wanted.endpoint_id and state = 'waiting' and sequence > wanted.after
            and (wanted.in_order or next_attempt_at <= now())
        order by sequence limit wanted.most
    ) next
    order by wanted.endpoint_id, sequence
""")
NOTICES = text("""
    select event_id, type, subject, version, time, data, names, traceparent, summaries
    from notice where event_id = any(cast(:ids as uuid[]))
""")

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint as of one version, with its sealed secrets."""

    endpoint: Endpoint
    secrets: Mapping[UUID, Sealed]


class Recent(OrderedDict[Any, V], Generic[V]):
    """The values last used, no more than so many."""

    def keep(self, key: Any, value: V) -> None:
        """Remember, and forget what was not used for longest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class Claims:
    """What one sender has in hand."""

    def __init__(self, settings: NotificationsSettings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.held: dict[UUID, Lane] = {}
        """Endpoint -> lane."""
        self.busy: Counter[str] = Counter()
        """Academy -> slots that are taken for it."""
        self._share = max(1, settings.slots // 4)
        """Slots that one academy may have."""
        self._targets: Recent[Target] = Recent()
        self._notices: Recent[Notice] = Recent()

    @property
    def flows(self) -> bool:
        """Whether a lane in hand was brought all it is owed just now, and may soon be owed more."""
        return any(lane.idles for lane in self.held.values())

    async def look(self) -> list[Lane]:
        """Lease due lanes, as far as slots are free, at most a quarter of them for one academy.

        What comes next is fetched for the lanes that run low too; those that are no longer ours as they were halt.
        """
        free = self.settings.slots - self.busy.total()
        if free <= 0 and not self.held:
            return []
        async with self.database.transaction(NATIONAL) as tx:
            # Without the session's layers: one looks many times a second.
            connection = await tx.connection()
            await self._halt(connection)
            claimed = await self._lease(connection, free) if free > 0 else []
            await self._make_room(connection, claimed)
            low = [lane for lane in self.held.values() if lane.runs_low(self.settings.batch // 2)]
            await self._fetch(connection, [*claimed, *low])
        for lane in claimed:
            self.held[lane.endpoint.id] = lane
            self.busy[lane.endpoint.academy] += lane.width
        return claimed

    def give_back(self, lane: Lane) -> None:
        """Hold a lane no more."""
        if self.held.get(lane.endpoint.id) is lane:
            del self.held[lane.endpoint.id]
        self.busy[lane.endpoint.academy] -= lane.width

    async def _halt(self, db: AsyncConnection) -> None:
        if not self.held:
            return
        rows = await db.execute(OURS, {"endpoints": list(self.held)})
        ours = {(row.endpoint_id, row.lease_token, row.version) for row in rows}
        for lane in self.held.values():
            if (lane.endpoint.id, lane.token, lane.endpoint.version) not in ours:
                lane.halt()

    async def _make_room(self, db: AsyncConnection, claimed: Sequence[Lane]) -> None:
        """Have drained lanes given back while others wait for their slots, or for those of their academy's share."""
        busy = self.busy.copy()
        for lane in claimed:
            busy[lane.endpoint.academy] += lane.width
        none_left = busy.total() >= self.settings.slots
        full = {academy for academy, slots in busy.items() if slots >= self._share}
        waiting = {row.academy for row in await db.execute(WAITING)} if none_left or full else set()
        for lane in (*self.held.values(), *claimed):
            lane.awaited = lane.endpoint.academy in waiting & full or (none_left and not waiting <= full)
            if lane.awaited and not lane.more:
                lane.fetched.set()

    async def _lease(self, db: AsyncConnection, free: int) -> list[Lane]:
        until = time.monotonic() + self.settings.lease * SLACK - self.settings.deadline
        leases = await db.execute(
            CLAIM,
            {
                "busy": json.dumps(self.busy),
                "share": self._share,
                "free": free,
                "lease": timedelta(seconds=self.settings.lease),
            },
        )
        rows = leases.all()
        targets = await self._targets_of(db, [(row.endpoint_id, row.version) for row in rows])
        return [
            Lane(
                endpoint=targets[row.endpoint_id].endpoint,
                secrets=targets[row.endpoint_id].secrets,
                token=row.lease_token,
                epoch=row.epoch,
                width=row.width,
                until=until,
                failures=row.failures,
                leased=(row.at, time.monotonic()),
                quota=1 if row.half_open else None if row.tokens is None else int(row.tokens),
            )
            for row in rows
        ]

    async def _targets_of(self, db: AsyncConnection, wanted: Collection[tuple[UUID, int]]) -> dict[UUID, Target]:
        found = {id: self._targets[id, version] for id, version in wanted if (id, version) in self._targets}
        missing = {"ids": [id for id, _ in wanted if id not in found]}
        if missing["ids"]:
            rows = (await db.execute(ENDPOINTS, missing)).all()
            endpoints = [Endpoint.model_validate(row.state | {"id": row.id, "version": row.version}) for row in rows]
            # After the endpoints: a rotation may commit in between, and no endpoint may lack a secret that it names.
            named = {"named": [key_id for endpoint in endpoints for key_id in endpoint.secrets]}
            secrets = (await db.execute(SECRETS, named)).all()
            for endpoint in endpoints:
                sealed = {each.key_id: _sealed(each) for each in secrets if each.endpoint_id == endpoint.id}
                found[endpoint.id] = Target(endpoint, sealed)
                self._targets.keep((endpoint.id, endpoint.version), found[endpoint.id])
        return found

    async def _fetch(self, db: AsyncConnection, lanes: Sequence[Lane]) -> None:
        if not lanes:
            return
        most = {lane.endpoint.id: min(self.settings.batch, lane.quota or self.settings.batch) for lane in lanes}
        asked = await db.execute(
            PARCELS,
            {
                "endpoints": [lane.endpoint.id for lane in lanes],
                "after": [lane.last for lane in lanes],
                "most": [most[lane.endpoint.id] for lane in lanes],
                "in_order": [lane.in_order for lane in lanes],
            },
        )
        rows = asked.all()
        notices = await self._notices_of(db, {row.event_id for row in rows})
        by_endpoint: dict[UUID, list[Any]] = {lane.endpoint.id: [] for lane in lanes}
        for row in rows:
            by_endpoint[row.endpoint_id].append(row)
        for lane in lanes:
            found = by_endpoint[lane.endpoint.id]
            due = _until_one_waits(found)
            lane.more, lane.flows = len(due) == most[lane.endpoint.id], bool(due)
            for row in due:
                lane.parcels.append(
                    Parcel(
                        row.delivery_id, row.attempts, row.sequence, row.previous, row.replayed, notices[row.event_id]
                    )
                )
                lane.last = row.sequence
            lane.fetched.set()

    async def _notices_of(self, db: AsyncConnection, wanted: Collection[UUID]) -> dict[UUID, Notice]:
        found = {id: self._notices[id] for id in wanted if id in self._notices}
        missing = [id for id in wanted if id not in found]
        if missing:
            for row in (await db.execute(NOTICES, {"ids": missing})).all():
                found[row.event_id] = Notice.of(row)
                self._notices.keep(row.event_id, found[row.event_id])
        return found


def _sealed(row: Any) -> Sealed:
    return Sealed(row.kek_id, row.wrapped_key, row.ciphertext)


def _until_one_waits(rows: Sequence[Any]) -> list[Any]:
    """The rows up to the first that is not due: nothing overtakes it."""
    due = []
    for row in rows:
        if not row.due:
            break
        due.append(row)
    return due
