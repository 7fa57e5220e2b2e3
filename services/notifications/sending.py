"""Sending: due deliveries leave, each endpoint in a lane of its own, in order unless it asks for more at once.

A lane is leased under a token; results count only while the token is the lane's. What a killed sender had in hand is
sent again when its lease is over, under the same webhook-id.
"""

import asyncio
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from services.notifications.attempting import Attempts
from services.notifications.bounces import MOVED_AT
from services.notifications.claiming import Claims
from services.notifications.commands import disable_endpoint
from services.notifications.lanes import LOCK_LANE, Lane, Parcel
from services.notifications.outcome import LONGEST_WAIT, Outcome
from services.notifications.recording import Recorder
from services.notifications.settings import NotificationsSettings
from services.notifications.tables import ENDPOINTS
from services.notifications.waking import NEWS
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database, Transaction
from shared.messaging.crash import crash_point
from shared.messaging.retrying import passes_by_itself
from shared.refusals import NotAllowedNow

log = structlog.get_logger(__name__)

SHORTEST_PAUSE = 0.01
LONGEST_HOLD = 0.05
"""Seconds after which lanes in hand are looked at again: who disables an endpoint elsewhere waits no longer."""
LONGEST_FLOW = 0.025
"""The same while lanes are owed one thing after the other: they stay in hand, and what comes is fetched together."""
GATHER = 0.005
"""Seconds in which news gather before one looks: one look serves many lanes."""

RETURNED = text(f"""
    select count(*) = :most and bool_and(bounced) from (
        select bounced from attempt join delivery on delivery.id = delivery_id
        where attempt.endpoint_id = :endpoint and coalesce(delivered_at, next_attempt_at) > {MOVED_AT}
        order by attempt.id desc limit :most
    ) last
""")


class Sender:
    """Sends what is due until told to stop."""

    def __init__(self, settings: NotificationsSettings, database: Database) -> None:
        self.settings = settings
        self.claims = Claims(settings, database)
        self.attempts = Attempts(settings)
        self.recorder = Recorder(database, breaker_pause=settings.breaker_pause)
        self.database = database
        self._heard = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Send; when told to stop, finish the attempts under way and write down how they went."""
        self._heard = NEWS.listen()
        lanes: set[asyncio.Task[None]] = set()
        recording = asyncio.create_task(self.recorder.run())
        pause = SHORTEST_PAUSE
        try:
            async with self.attempts:
                while not stop.is_set():
                    self._heard.clear()
                    claimed = await self._look()
                    for lane in claimed:
                        lanes.add(task := asyncio.create_task(self._work(lane, stop)))
                        task.add_done_callback(lanes.discard)
                    pause = SHORTEST_PAUSE if claimed else min(2 * pause, self.settings.idle_poll)
                    longest = LONGEST_FLOW if self.claims.flows else LONGEST_HOLD if lanes else pause
                    if await self._rest(min(pause, longest), stop):
                        pause = SHORTEST_PAUSE
                for lane in self.claims.held.values():
                    lane.halt()
                if lanes:
                    await asyncio.wait(lanes)
        finally:
            NEWS.leave(self._heard)
            for task in (*lanes, recording):
                task.cancel()
            await asyncio.gather(*lanes, recording, return_exceptions=True)

    async def _rest(self, pause: float, stop: asyncio.Event) -> bool:
        """Wait for news, a lane that wants something, the stop, or the pause's end; whether there was news."""
        waits = [asyncio.create_task(event.wait()) for event in (self._heard, stop)]
        await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.sleep(GATHER)
        return self._heard.is_set()

    async def _look(self) -> list[Lane]:
        try:
            claimed = await self.claims.look()
        except Exception as error:
            if not passes_by_itself(error):
                raise
            log.warning("cannot look for deliveries", error=type(error).__name__)
            return []
        if claimed:
            crash_point("notifier.claimed")
        return claimed

    async def _work(self, lane: Lane, stop: asyncio.Event) -> None:
        """Send what the lane holds and what follows, until it halts or the lease wears out, then give it back."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(lane.width):
                    group.create_task(self._serve(lane, stop))
            if lane.end or lane.bounced:
                # Before it is given back: nobody sends to what is about to be disabled.
                await self.recorder.written()
                await self._disable(lane, lane.end)
            await self.recorder.release(lane)
        finally:
            self.claims.give_back(lane)
            self._heard.set()

    async def _serve(self, lane: Lane, stop: asyncio.Event) -> None:
        while (parcel := await self._next(lane, stop)) is not None:
            at, started = lane.now(), time.monotonic()
            lane.sent += 1
            outcome = await self.attempts.make(lane, parcel, at)
            crash_point("notifier.posted")
            milliseconds = round((time.monotonic() - started) * 1000)
            exhausted = await self._note(lane, parcel, outcome, at, milliseconds)
            if outcome.result == "gone" or (outcome.result == "failed" and exhausted and not outcome.ours):
                lane.end = outcome
                lane.halt()
            elif outcome.result == "failed":
                lane.failed(self.settings.breaker_failures, outcome.wait)
            else:
                lane.failures = 0
                if outcome.bounced:
                    lane.bounced = True
                    lane.halt()

    async def _next(self, lane: Lane, stop: asyncio.Event) -> Parcel | None:
        """The lane's next parcel; None when it has none left, or must begin no more."""
        while not lane.halted and not lane.parcels and lane.runs_low(0):
            lane.fetched.clear()
            if lane.more:
                self._heard.set()
            await lane.fetched.wait()
        if lane.halted or not lane.parcels or stop.is_set() or time.monotonic() > lane.until:
            return None
        parcel = lane.parcels.popleft()
        if lane.more and lane.runs_low(self.settings.batch // 2):
            self._heard.set()
        return parcel

    async def _note(self, lane: Lane, parcel: Parcel, outcome: Outcome, at: datetime, milliseconds: int) -> bool:
        """Hand the outcome to be written down; whether the schedule is exhausted."""
        delay = outcome.delay(parcel.attempts + 1, self.settings.retries)
        ended = "refused" if outcome.result == "refused" or (delay is None and outcome.ours) else "waiting"
        await self.recorder.add(
            {
                "delivery_id": parcel.delivery_id,
                "token": lane.token,
                "epoch": lane.epoch,
                "result": outcome.result,
                "state": "delivered" if outcome.result == "delivered" else ended,
                "delay": LONGEST_WAIT if delay is None else delay,
                "at": at,
                "milliseconds": milliseconds,
                "status": outcome.status,
                "reason": outcome.reason,
                "excerpt": outcome.excerpt,
                "language": lane.endpoint.language,
                "bounced": outcome.bounced,
                "channel": lane.endpoint.channel,
            }
        )
        return delay is None

    async def _disable(self, lane: Lane, outcome: Outcome | None) -> None:
        """Disable an endpoint that has ended, or whose last e-mails all came back, unless it was started over since."""
        endpoint = lane.endpoint
        because: Any = "gone" if outcome and outcome.result == "gone" else "failing"
        try:
            async with self.database.transaction(NATIONAL) as tx:
                # Who starts a lane over locks its endpoint first.
                await ENDPOINTS.load(tx, endpoint.id)
                if (await tx.execute(LOCK_LANE, {"endpoint": endpoint.id})).scalar_one() != lane.epoch:
                    return
                if outcome is None and not await self._returns_all(tx, endpoint.id):
                    return
                await disable_endpoint(tx, endpoint.id, because=because, by=SYSTEM)
        except NotAllowedNow:
            return
        except Exception as error:
            # The lane is due again later, and its next failure brings us back here.
            log.warning("cannot disable yet", endpoint_id=str(endpoint.id), error=type(error).__name__)
            return
        log.warning("endpoint disabled", endpoint_id=str(endpoint.id), academy=endpoint.academy, because=because)

    async def _returns_all(self, tx: Transaction, endpoint_id: UUID) -> bool:
        last = {"endpoint": endpoint_id, "most": self.settings.most_bounces}
        return bool((await tx.execute(RETURNED, last)).scalar_one())
