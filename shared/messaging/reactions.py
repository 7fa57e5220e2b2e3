"""Reactions: what a service does about events, each effect exactly once and in order per subject.

A row `progress(reaction, subject)` is locked in the effect's own transaction: an event at or below its version is
dropped, the next one is applied, a later one is held back. Broker offsets follow the commit.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from shared import telemetry
from shared.actor import NATIONAL
from shared.clock import now
from shared.context import acting
from shared.database import Database, Transaction
from shared.events import catalog
from shared.events.base import DomainEvent, Occurrence
from shared.messaging.broker import Broker, BrokerAway, Position, Rebalanced, Received, Subscription
from shared.messaging.crash import crash_point
from shared.messaging.envelope import BadEnvelope, Envelope, open_envelope
from shared.messaging.parked import release
from shared.messaging.progress import Letter, park, take
from shared.messaging.retrying import PAUSES, TooEarly, failed, is_hopeless, reason_of
from shared.messaging.tables import ParkedRow
from shared.supervision import wait

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=DomainEvent)
Function = Callable[[Transaction, Occurrence[E]], Awaitable[None]]
Fold = Callable[[Transaction, Sequence[Occurrence[DomainEvent]]], Awaitable[None]]

BATCH = 500
"""Most events that a projection folds in one transaction."""
ATTEMPTS = 4
"""Tries before an event is parked: with the pauses between them, well within five seconds."""
LOCK_SHARED = text("select pg_advisory_xact_lock_shared(hashtextextended('mithaq rebuild ' || :reaction, 0))")


class Reaction:
    """One thing a service does about events, with a group and a progress of its own.

    The id is stable for ever: renaming it would react to the whole past again.
    """

    def __init__(
        self,
        service: str,
        id: str,
        *,
        batch: int = 1,
        pace: float = 0.0,
        tables: tuple[type[SQLModel], ...] = (),
        events: tuple[type[DomainEvent], ...] = (),
    ) -> None:
        self.id = id
        self.group = f"{service}.{id}"
        self.batch_size = batch
        self.pace = pace
        """Seconds from one look for events to the next, at least: what comes meanwhile is taken together."""
        self.tables = tables
        """What a rebuild empties; only projections have them."""
        self.events = events
        self._functions: dict[type[DomainEvent], Function[Any]] = {}
        self._fold: Fold | None = None

    def on(self, *events: type[E]) -> Callable[[Function[E]], Function[E]]:
        """Register what to do about these events; `DomainEvent` stands for every type without its own function."""

        def register(function: Function[E]) -> Function[E]:
            for event in events:
                assert event not in self._functions, f"{self.group} already reacts to {event.__name__}"
                self._functions[event] = function
            return function

        return register

    def batch(self, fold: Fold) -> Fold:
        """Register one function for whole batches, in place of one per event."""
        self._fold = fold
        return fold

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics read: every event of them moves the progress, also of types that nothing is done about."""
        kinds = {*self.events, *self._functions}
        if DomainEvent in kinds:
            return catalog.TOPICS
        return tuple(topic for topic in catalog.TOPICS if topic in {event.topic for event in kinds})

    async def react(self, tx: Transaction, envelopes: Sequence[Envelope]) -> None:
        """Decode the events and do what is registered, inside the transaction."""
        if self._fold:
            wanted = [each.occurrence() for each in envelopes if self._concerns(each)]
            await self._fold(tx, wanted)
            return
        for envelope in envelopes:
            if not self._concerns(envelope):
                continue
            occurrence = envelope.occurrence()
            function = self._functions.get(type(occurrence.event)) or self._functions[DomainEvent]
            with acting(correlation_id=occurrence.correlation, causation_id=occurrence.id):
                await function(tx, occurrence)

    def _concerns(self, envelope: Envelope) -> bool:
        kinds = {*self.events, *self._functions}
        return DomainEvent in kinds or catalog.newest(envelope.type) in kinds


class Reactions:
    """All reactions of one service."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.all: list[Reaction] = []

    def reaction(
        self, id: str, *, batch: int = 1, pace: float = 0.0, events: tuple[type[DomainEvent], ...] = ()
    ) -> Reaction:
        """A reaction that commands: one event, one transaction, or where many wait, up to `batch` of them.

        When one of a batch fails, all of it goes one by one. With a `pace` it looks no more often than once in so many
        seconds: an event alone is taken at once, many in a row share transactions. `events` are the types for a
        function registered with `batch`.
        """
        return self._add(Reaction(self.service, id, batch=batch, pace=pace, events=events))

    def projection(
        self, id: str, *, tables: tuple[type[SQLModel], ...], events: tuple[type[DomainEvent], ...] = ()
    ) -> Reaction:
        """A projection: batches in one transaction, and its tables can be rebuilt from the topics.

        `events` are the types for a function registered with `batch`.
        """
        return self._add(Reaction(self.service, id, batch=BATCH, tables=tables, events=events))

    def named(self, id: str) -> Reaction:
        """The reaction of this id. KeyError if there is none."""
        return {reaction.id: reaction for reaction in self.all}[id]

    def _add(self, reaction: Reaction) -> Reaction:
        assert reaction.id not in {other.id for other in self.all}, f"two reactions are called {reaction.id}"
        self.all.append(reaction)
        return reaction


class ReactionRunner:
    """Reads a reaction's topics in its group and applies what comes."""

    def __init__(self, reaction: Reaction, database: Database, broker: Broker) -> None:
        self.reaction = reaction
        self.database = database
        self.broker = broker
        self.group = reaction.group
        self.assigned: frozenset[Position] = frozenset()
        self.last_progress = time.monotonic()
        """When a record was last taken care of, on the monotonic clock (seconds)."""
        self._taken = -math.inf
        """When the last records were taken, on the same clock."""

    async def run(self, stop: asyncio.Event) -> None:
        """React until told to stop; then finish the event in hand, commit and leave the group."""
        failures = 0
        while not stop.is_set():
            try:
                async with self.broker.subscribe(self.group, self.reaction.topics) as subscription:
                    while not stop.is_set():
                        await self._turn(subscription, stop)
                        failures = 0
            except BrokerAway as away:
                log.warning("broker away", group=self.group, error=str(away))
                await wait(stop, PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
            finally:
                self.assigned = frozenset()

    async def _turn(self, subscription: Subscription, stop: asyncio.Event) -> None:
        try:
            await asyncio.sleep(self._taken + self.reaction.pace - time.monotonic())
            received = await subscription.fetch(BATCH)
            self._taken = time.monotonic()
            self.assigned = subscription.assigned
            size = self.reaction.batch_size
            done: dict[Position, int] = {}
            for start in range(0, len(received), size):
                if stop.is_set():
                    break
                chunk = received[start : start + size]
                if not await self._apply(chunk, stop):
                    break
                done.update({(each.message.topic, each.partition): each.offset + 1 for each in chunk})
                self.last_progress = time.monotonic()
            if done:
                crash_point("consumer.after-commit", self.group)
                await subscription.commit(done)
        except Rebalanced:
            # Whoever owns the partitions now repeats what was not committed; the progress rows drop it.
            log.info("rebalanced", group=self.group)

    async def _apply(self, chunk: Sequence[Received], stop: asyncio.Event) -> bool:
        """Apply a chunk whole, or else one event at a time; whether all of it was taken care of."""
        letters = await self._open(chunk)
        if not letters:
            return True
        if len(letters) > 1:
            try:
                await self._in_one_transaction(letters)
                return True
            except Exception as error:
                say = log.info if isinstance(error, TooEarly) else log.warning
                say("batch fails, going one by one", group=self.group, error=repr(error))
        for letter in letters:
            if not await self._with_retries(letter, stop):
                return False
        return True

    async def _open(self, chunk: Sequence[Received]) -> list[Letter]:
        letters = []
        for received in chunk:
            try:
                letters.append(Letter(received.message, open_envelope(received.message)))
            except BadEnvelope as error:
                await self._park_stranger(received, str(error))
        return letters

    async def _in_one_transaction(self, letters: Sequence[Letter]) -> None:
        started = time.monotonic()
        traceparent = letters[0].envelope.traceparent if len(letters) == 1 else None
        name = f"react {self.reaction.id}"
        with telemetry.continued(traceparent, name, kind=SpanKind.CONSUMER, **self._facts(letters)):
            async with self.database.transaction(NATIONAL) as tx:
                await tx.execute(LOCK_SHARED, {"reaction": self.reaction.id})
                refilled = await take(tx, self.reaction, letters)
                crash_point("consumer.before-commit", self.group)
        telemetry.reaction_duration.record(time.monotonic() - started, {"group": self.group})
        for subject in refilled:
            await release(self.reaction, self.database, subject)

    async def _with_retries(self, letter: Letter, stop: asyncio.Event) -> bool:
        attempts = tries = 0
        while not stop.is_set():
            try:
                await self._in_one_transaction([letter])
                return True
            except Exception as error:
                early = isinstance(error, TooEarly)
                if not early:
                    telemetry.reaction_failures.add(1, {"group": self.group})
                attempts += failed(error)
                over = early or attempts >= ATTEMPTS or is_hopeless(error)
                if over and await self._parked(letter, error, attempts):
                    return True
                log.warning("reaction fails", group=self.group, event_id=str(letter.envelope.id), error=repr(error))
                await wait(stop, PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
        return False

    async def _parked(self, letter: Letter, error: Exception, attempts: int) -> bool:
        try:
            async with self.database.transaction(NATIONAL) as tx:
                await park(tx, self.reaction, letter, reason_of(error), attempts)
        except Exception as problem:
            log.warning("cannot park yet", group=self.group, event_id=str(letter.envelope.id), error=repr(problem))
            return False
        if isinstance(error, TooEarly):
            log.info("too early, waits", group=self.group, event_id=str(letter.envelope.id), error=repr(error))
            return True
        telemetry.reaction_parked.add(1, {"group": self.group})
        log.error(
            "parked", group=self.group, event_id=str(letter.envelope.id), type=letter.envelope.type, error=repr(error)
        )
        return True

    async def _park_stranger(self, received: Received, why: str) -> None:
        """Keep a record that is no event of ours: it has no subject that could wait, so it is named by its place."""
        message = received.message
        async with self.database.transaction(NATIONAL) as tx:
            await tx.execute(
                insert(ParkedRow)
                .values(
                    reaction=self.reaction.id,
                    subject=uuid5(NAMESPACE_URL, f"{message.topic}/{received.partition}"),
                    version=received.offset,
                    event_id=uuid5(NAMESPACE_URL, f"{message.topic}/{received.partition}/{received.offset}"),
                    type="",
                    topic=message.topic,
                    headers=message.headers,
                    value=message.value,
                    reason=f"not an event: {why}",
                    attempts=1,
                    first_failed_at=now(),
                )
                .on_conflict_do_nothing()
            )
        telemetry.reaction_parked.add(1, {"group": self.group})
        log.error("parked a record that is no event", group=self.group, topic=message.topic, reason=why)

    def _facts(self, letters: Sequence[Letter]) -> dict[str, str | int]:
        facts: dict[str, str | int] = {
            "messaging.system": "mithaq",
            "messaging.operation.type": "process",
            "messaging.consumer.group.name": self.group,
            "messaging.batch.message_count": len(letters),
        }
        if len(letters) == 1:
            facts |= {
                "messaging.message.id": str(letters[0].envelope.id),
                "cloudevents.event_type": letters[0].envelope.type,
            }
        return facts
