"""Lanes: an endpoint's turn to be sent to. Its row says when something is due, and how fast it goes."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from services.notifications.endpoint import Endpoint
from services.notifications.keys import Sealed
from services.notifications.notice import Notice
from services.notifications.outcome import Outcome

NEXT_DUE = """
    case when lane.concurrency = 1 then
        (select next_attempt_at from delivery where delivery.endpoint_id = lane.endpoint_id and state = 'waiting'
         order by sequence limit 1)
    else
        (select next_attempt_at from delivery where delivery.endpoint_id = lane.endpoint_id and state = 'waiting'
         order by next_attempt_at limit 1)
    end
"""
"""When a lane has something to send: its first waiting delivery in order, or where order does not matter, whichever is
due first. Lock the lane in an earlier statement than the one that uses this."""
LOCK_LANE = text("select epoch from lane where endpoint_id = :endpoint for update")
SET_DUE = text(f"update lane set due_at = {NEXT_DUE} where endpoint_id = :endpoint")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery in hand."""

    delivery_id: UUID
    attempts: int
    sequence: int
    previous: int | None
    replayed: bool
    notice: Notice


@dataclass(slots=True, eq=False)
class Lane:
    """An endpoint that is ours to send to, with the next parcels in order."""

    endpoint: Endpoint
    secrets: Mapping[UUID, Sealed]
    token: UUID
    epoch: int
    """Which start of the lane its answers speak for: a change of address, a resumption or an enabling begins the next.
    """
    width: int
    """How many attempts may be under way at once."""
    until: float
    """On the monotonic clock: when to begin no new attempt."""
    leased: tuple[datetime, float]
    """When it was leased: by the database's clock, and on the monotonic one."""
    failures: int = 0
    """How many attempts failed in a row."""
    quota: int | None = None
    """How many attempts the bucket, or a half-open breaker, allows; None for any number."""
    parcels: deque[Parcel] = field(default_factory=deque)
    last: int = 0
    """The number of the last parcel that was fetched."""
    more: bool = True
    """Whether there are parcels behind the last, as far as was seen."""
    flows: bool = True
    """Whether the last look brought some: others may be told meanwhile."""
    awaited: bool = False
    """Whether others wait for its slots: drained it is given back at once."""
    halted: bool = False
    """Nothing more is begun: the head failed, the breaker opened, or the lane is not ours as it was."""
    sent: int = 0
    opens: bool = False
    """Whether its breaker opens when it is given back."""
    rest: float = 0.0
    """Seconds that the receiver asked to be left alone: all that is for it waits, not only what was refused."""
    end: Outcome | None = None
    """What ends the endpoint: its receiver is gone, or the schedule is exhausted."""
    bounced: bool = False
    """Whether an e-mail came back because of the address."""
    fetched: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """This instant by the database's clock: receivers refuse what a sender with a wrong clock would sign."""
        at, since = self.leased
        return at + timedelta(seconds=time.monotonic() - since)

    @property
    def in_order(self) -> bool:
        """Whether nothing may overtake."""
        return self.endpoint.concurrency == 1

    @property
    def idles(self) -> bool:
        """Whether it was brought all it is owed, and stays in hand for what may come."""
        return self.flows and not self.more and not self.awaited

    def runs_low(self, level: int) -> bool:
        """Whether more parcels should be fetched while the last ones are under way."""
        wanted = self.more or self.idles
        return wanted and not self.halted and len(self.parcels) <= level and self.quota is None

    def halt(self) -> None:
        """Begin nothing more."""
        self.halted = True
        self.fetched.set()

    def failed(self, threshold: int, wait: float | None) -> None:
        """Note a failure: it blocks a lane in order; so many in a row open the breaker, and a Retry-After does."""
        self.failures += 1
        self.opens = self.failures >= threshold
        self.rest = max(self.rest, wait or 0.0)
        if self.in_order or self.opens or self.rest:
            self.halt()
