"""Recording: how attempts went, written in batches; what comes while one is written forms the next."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import to_json
from sqlalchemy import text

from services.notifications.lanes import NEXT_DUE, Lane
from services.notifications.letters import give_up_deliveries
from shared import telemetry
from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.crash import crash_point

log = structlog.get_logger(__name__)

FULL = 1000
"""Results that wait to be written before senders wait too."""
LINGER = 0.02
"""Seconds in which a batch gathers: what a kill makes us repeat is what was sent in them."""
PAUSE = 0.5
"""Seconds before a batch is tried again when the database is away."""

# An attempt took place whoever holds the lane now; what it means for the delivery only the holder may say. When the
# lane was started over meanwhile, a failure of what was sent before says nothing about when or whether to try again:
# that is read from the locked row, since a statement that waits for a lock sees all others as they were before.
WRITE = text("""
    with result as (
        select * from jsonb_to_recordset(cast(:results as jsonb)) as result (
            delivery_id uuid, token uuid, result text, state text, delay float8, at timestamptz, milliseconds int,
            status int, reason text, excerpt text, language text, bounced bool, epoch int
        )
    ), held as (
        select endpoint_id, epoch from lane
        where lease_token in (select token from result where state <> 'delivered') order by endpoint_id for share
    ), logged as (
        insert into attempt
            (delivery_id, endpoint_id, academy, event_id, at, milliseconds, result, status, reason, excerpt, language,
            bounced)
        select id, endpoint_id, academy, event_id, at, milliseconds, result, result.status, reason, excerpt, language,
            bounced
        from result join delivery on delivery.id = delivery_id order by at
    )
    update delivery set
        state = case when result.state = 'delivered' or held.epoch = result.epoch
            then result.state else delivery.state end,
        attempts = attempts + 1,
        next_attempt_at = case when result.state = 'waiting' and held.epoch = result.epoch
            then clock_timestamp() + make_interval(secs => delay) else next_attempt_at end,
        delivered_at = case result.state when 'delivered' then clock_timestamp() else delivered_at end
    from result join lane on lane.lease_token = result.token left join held on held.endpoint_id = lane.endpoint_id
    where delivery.id = result.delivery_id and delivery.endpoint_id = lane.endpoint_id
""")
HELD = text("""
    select lease_token, epoch from lane
    where (endpoint_id, lease_token) in (select * from unnest(cast(:endpoints as uuid[]), cast(:tokens as uuid[])))
    order by endpoint_id for update
""")
# Who sent nothing has learnt nothing, nor has who sent before the lane was started over: its breaker stays as it is.
RELEASE = text(f"""
    update lane set lease_token = null, lease_until = null, due_at = {NEXT_DUE},
        failures = case when learnt then given.failures else lane.failures end,
        open_until = case when not learnt then open_until
            when rest > 0 then clock_timestamp() + make_interval(secs => rest) end,
        bucket_at = case when rate is not null then
            greatest(bucket_at, clock_timestamp() - make_interval(secs => greatest(1 / rate, 1)))
            + make_interval(secs => sent / rate) end
    from jsonb_to_recordset(cast(:lanes as jsonb)) as given (
        endpoint_id uuid, failures int, sent int, rest float8, learnt bool
    )
    where lane.endpoint_id = given.endpoint_id
""")


@dataclass(slots=True)
class Batch:
    """What is written together."""

    results: list[dict[str, Any]] = field(default_factory=list)
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    """Token -> lane that is given back."""
    written: asyncio.Event = field(default_factory=asyncio.Event)


class Recorder:
    """Writes results, then gives lanes back, for all lanes of one sender."""

    def __init__(self, database: Database, *, breaker_pause: float) -> None:
        self.database = database
        self.breaker_pause = breaker_pause
        self._next = Batch()
        self._some = asyncio.Event()

    async def add(self, result: dict[str, Any]) -> None:
        """Have a result written soon; waits only when very many are."""
        batch = self._next
        batch.results.append(result)
        self._some.set()
        if len(batch.results) >= FULL:
            await batch.written.wait()

    async def written(self) -> None:
        """Wait until what was added so far is written."""
        batch = self._next
        self._some.set()
        await batch.written.wait()

    async def release(self, lane: Lane) -> None:
        """Give a lane back once its results are written; waits for that."""
        batch = self._next
        batch.lanes[lane.token] = lane
        self._some.set()
        await batch.written.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(LINGER)
            self._some.clear()
            batch, self._next = self._next, Batch()
            while True:
                try:
                    await self._write(batch)
                    break
                except Exception as error:
                    log.warning("cannot record yet", results=len(batch.results), error=type(error).__name__)
                    await asyncio.sleep(PAUSE)
            batch.written.set()

    async def _write(self, batch: Batch) -> None:
        # Two transactions: a command that enables an endpoint locks its lane first and its deliveries then.
        if batch.results:
            async with self.database.transaction(NATIONAL) as tx:
                await (await tx.connection()).execute(WRITE, {"results": to_json(batch.results).decode()})
                if refused := [each["delivery_id"] for each in batch.results if each["state"] == "refused"]:
                    await give_up_deliveries(tx, refused, "refused")
            _count(batch.results)
            batch.results = []
            crash_point("notifier.recorded")
        if batch.lanes:
            async with self.database.transaction(NATIONAL) as tx:
                endpoints = [lane.endpoint.id for lane in batch.lanes.values()]
                connection = await tx.connection()
                held = await connection.execute(HELD, {"endpoints": endpoints, "tokens": list(batch.lanes)})
                lanes = [_given_back(batch.lanes[token], epoch, self.breaker_pause) for token, epoch in held]
                await connection.execute(RELEASE, {"lanes": json.dumps(lanes)})


def _given_back(lane: Lane, epoch: int, breaker_pause: float) -> dict[str, Any]:
    return {
        "endpoint_id": str(lane.endpoint.id),
        "failures": lane.failures,
        "sent": lane.sent,
        "rest": max(lane.rest, breaker_pause if lane.opens else 0.0),
        "learnt": lane.sent > 0 and epoch == lane.epoch,
    }


def _count(results: Sequence[Mapping[str, Any]]) -> None:
    for (channel, result), number in Counter((each["channel"], each["result"]) for each in results).items():
        telemetry.delivery_attempts.add(number, {"channel": channel, "result": result})
