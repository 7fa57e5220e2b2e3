"""Sending: due deliveries leave, each endpoint in a lane of its own, in order, one at a time.

A lane is leased under a token; results count only while the token is the lane's. What a killed sender had in hand is
sent again when its lease is over, under the same webhook-id.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from services.notifications import signing
from services.notifications.commands import disable_endpoint
from services.notifications.endpoint import Endpoint
from services.notifications.keys import KeyRing, Sealed
from services.notifications.mail import MailClient, compose
from services.notifications.notice import Notice
from services.notifications.outcome import LONGEST_WAIT, Outcome
from services.notifications.recording import Recorder
from services.notifications.settings import NotificationsSettings
from services.notifications.waking import NEWS
from services.notifications.webhooks import WebhookClient
from shared import telemetry
from shared.actor import NATIONAL, SYSTEM
from shared.clock import now
from shared.database import Database
from shared.messaging.crash import crash_point
from shared.messaging.retrying import passes_by_itself
from shared.refusals import NotAllowedNow

log = structlog.get_logger(__name__)

SHORTEST_PAUSE = 0.01
SLACK = 0.8
"""The part of its lease after which a lane begins no new attempt."""

DUE = "enabled and due_at <= now() and (lease_until is null or lease_until < now())"
CLAIM = text(f"""
    with due as (
        select endpoint_id, academy, row_number() over (partition by academy order by due_at) as place
        from lane where {DUE}
    ), chosen as (
        select lane.endpoint_id
        from lane join due on due.endpoint_id = lane.endpoint_id
        left join jsonb_each_text(cast(:busy as jsonb)) busy on busy.key = lane.academy
        where place <= :share - coalesce(cast(busy.value as int), 0) and {DUE}
        order by lane.due_at limit :free for update of lane skip locked
    )
    update lane set lease_token = gen_random_uuid(), lease_until = clock_timestamp() + :lease
    from chosen where chosen.endpoint_id = lane.endpoint_id
    returning lane.endpoint_id, lease_token
""")
ENDPOINTS = text("select id, version, state from endpoint where id = any(cast(:endpoints as uuid[]))")
SECRETS = text("""
    select key_id, endpoint_id, kek_id, wrapped_key, ciphertext
    from endpoint_secret where endpoint_id = any(cast(:endpoints as uuid[]))
""")
PARCELS = text("""
    select lane.endpoint_id, first.*, type, subject, version, time, data, names, traceparent
    from unnest(cast(:endpoints as uuid[])) lane (endpoint_id) cross join lateral (
        select id as delivery_id, event_id, attempts, sequence, next_attempt_at <= now() as due from delivery
        where delivery.endpoint_id = lane.endpoint_id and state = 'waiting' order by sequence limit :batch
    ) first join notice on notice.event_id = first.event_id
    order by lane.endpoint_id, sequence
""")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery in hand."""

    delivery_id: UUID
    attempts: int
    sequence: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class Lane:
    """An endpoint that is ours to send to, with the next parcels in order."""

    endpoint: Endpoint
    token: UUID
    secrets: dict[UUID, Sealed]
    parcels: Sequence[Parcel]
    until: float
    """On the monotonic clock: when to begin no new attempt."""


class Sender:
    """Sends what is due until told to stop."""

    def __init__(self, settings: NotificationsSettings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.keys: KeyRing = settings.key_ring
        self.webhooks = WebhookClient(settings.guard, deadline=settings.deadline)
        self.mail = MailClient(settings)
        self.recorder = Recorder(database)
        self._busy: Counter[str] = Counter()
        self._heard = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Send; when told to stop, finish the attempts under way and write down how they went."""
        self._heard = NEWS.listen()
        lanes: set[asyncio.Task[None]] = set()
        recording = asyncio.create_task(self.recorder.run())
        pause = SHORTEST_PAUSE
        try:
            async with self.webhooks:
                while not stop.is_set():
                    self._heard.clear()
                    claimed = await self._claim()
                    for lane in claimed:
                        self._busy[lane.endpoint.academy] += 1
                        lanes.add(task := asyncio.create_task(self._work(lane, stop)))
                        task.add_done_callback(lanes.discard)
                    pause = SHORTEST_PAUSE if claimed else min(2 * pause, self.settings.idle_poll)
                    if await self._rest(pause, stop):
                        pause = SHORTEST_PAUSE
                if lanes:
                    await asyncio.wait(lanes)
        finally:
            NEWS.leave(self._heard)
            for task in (*lanes, recording):
                task.cancel()
            await asyncio.gather(*lanes, recording, return_exceptions=True)

    async def _rest(self, pause: float, stop: asyncio.Event) -> bool:
        """Wait for news, a lane that is done, the stop, or the pause's end; whether there was news."""
        waits = [asyncio.create_task(event.wait()) for event in (self._heard, stop)]
        await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._heard.is_set()

    async def _claim(self) -> list[Lane]:
        """Lease due lanes, as many as there are free slots, at most a quarter of all slots for one academy."""
        free = self.settings.slots - self._busy.total()
        if free <= 0:
            return []
        try:
            async with self.database.transaction(NATIONAL) as tx:
                until = time.monotonic() + self.settings.lease * SLACK - self.settings.deadline
                leases = await tx.execute(
                    CLAIM,
                    {
                        "busy": json.dumps(self._busy),
                        "share": max(1, self.settings.slots // 4),
                        "free": free,
                        "lease": timedelta(seconds=self.settings.lease),
                    },
                )
                tokens = {row.endpoint_id: row.lease_token for row in leases}
                if not tokens:
                    return []
                these = {"endpoints": list(tokens)}
                endpoints = (await tx.execute(ENDPOINTS, these)).all()
                secrets = (await tx.execute(SECRETS, these)).all()
                parcels = (await tx.execute(PARCELS, these | {"batch": self.settings.batch})).all()
        except Exception as error:
            if not passes_by_itself(error):
                raise
            log.warning("cannot look for deliveries", error=type(error).__name__)
            return []
        crash_point("notifier.claimed")
        return [
            Lane(
                endpoint=Endpoint.model_validate(row.state | {"id": row.id, "version": row.version}),
                token=tokens[row.id],
                secrets={each.key_id: _sealed(each) for each in secrets if each.endpoint_id == row.id},
                parcels=_in_order([each for each in parcels if each.endpoint_id == row.id]),
                until=until,
            )
            for row in endpoints
        ]

    async def _work(self, lane: Lane, stop: asyncio.Event) -> None:
        """Send the lane's parcels in order until one fails or the lease wears out, then give the lane back."""
        end: Outcome | None = None
        try:
            for parcel in lane.parcels:
                at, started = now(), time.monotonic()
                outcome = await self._attempt(lane, parcel, at)
                crash_point("notifier.posted")
                milliseconds = round((time.monotonic() - started) * 1000)
                exhausted = await self._note(lane, parcel, outcome, at, milliseconds)
                if outcome.result in ("failed", "gone"):
                    end = outcome if outcome.result == "gone" or exhausted else None
                    break
                if stop.is_set() or time.monotonic() > lane.until:
                    break
            await self.recorder.release(lane.endpoint.id, lane.token)
            if end:
                await self._disable(lane.endpoint, end)
        finally:
            self._busy[lane.endpoint.academy] -= 1
            self._heard.set()

    async def _attempt(self, lane: Lane, parcel: Parcel, at: datetime) -> Outcome:
        endpoint, notice = lane.endpoint, parcel.notice
        place: dict[str, Any] = {
            "academy": endpoint.academy,
            "sequence": parcel.sequence,
            "language": endpoint.language,
        }
        facts: dict[str, str | int] = {
            "messaging.message.id": str(notice.event_id),
            "mithaq.endpoint": str(endpoint.id),
            "mithaq.attempt": parcel.attempts + 1,
        }
        name = f"notify {endpoint.channel}"
        with telemetry.continued(notice.traceparent, name, kind=SpanKind.CLIENT, **facts) as span:
            try:
                if endpoint.channel == "email":
                    outcome = await self.mail.send(
                        compose(
                            notice,
                            sender=self.settings.mail_from,
                            recipient=endpoint.address,
                            endpoint_id=endpoint.id,
                            **place,
                        )
                    )
                else:
                    body = notice.body(**place)
                    live = [self.keys.open(lane.secrets[key.key_id], key.key_id) for key in endpoint.live_keys(at)]
                    headers = signing.headers(notice.event_id, at, body, live)
                    if traceparent := telemetry.current_traceparent():
                        headers["traceparent"] = traceparent
                    outcome = await self.webhooks.post(endpoint.address, body, headers)
            except Exception as error:
                # Ours, not the receiver's: it must neither lose the delivery nor stop other lanes.
                log.exception("cannot send", delivery_id=str(parcel.delivery_id))
                outcome = Outcome("failed", f"our own fault: {type(error).__name__}")
            span.set_attribute("mithaq.result", outcome.result)
            if outcome.status:
                span.set_attribute("http.response.status_code", outcome.status)
        telemetry.delivery_attempts.add(1, {"channel": endpoint.channel, "result": outcome.result})
        return outcome

    async def _note(self, lane: Lane, parcel: Parcel, outcome: Outcome, at: datetime, milliseconds: int) -> bool:
        """Hand the outcome to be written down; whether the schedule is exhausted."""
        delay = outcome.delay(parcel.attempts + 1, self.settings.retries)
        await self.recorder.add(
            {
                "delivery_id": str(parcel.delivery_id),
                "token": str(lane.token),
                "result": outcome.result,
                "state": {"delivered": "delivered", "refused": "refused"}.get(outcome.result, "waiting"),
                "delay": LONGEST_WAIT if delay is None else delay,
                "at": at.isoformat(),
                "milliseconds": milliseconds,
                "status": outcome.status,
                "reason": outcome.reason,
                "excerpt": outcome.excerpt,
            }
        )
        return delay is None

    async def _disable(self, endpoint: Endpoint, outcome: Outcome) -> None:
        because: Any = "gone" if outcome.result == "gone" else "failing"
        try:
            await disable_endpoint(self.database, endpoint.id, because=because, by=SYSTEM)
        except NotAllowedNow:
            return
        except Exception as error:
            # The lane is due again later, and its next failure brings us back here.
            log.warning("cannot disable yet", endpoint_id=str(endpoint.id), error=type(error).__name__)
            return
        log.warning("endpoint disabled", endpoint_id=str(endpoint.id), academy=endpoint.academy, because=because)


def _sealed(row: Any) -> Sealed:
    return Sealed(row.kek_id, row.wrapped_key, row.ciphertext)


def _in_order(rows: Sequence[Any]) -> list[Parcel]:
    """The parcels up to the first one that must still wait: nothing overtakes in a lane."""
    parcels = []
    for row in rows:
        if not row.due:
            break
        parcels.append(Parcel(row.delivery_id, row.attempts, row.sequence, Notice.of(row)))
    return parcels
