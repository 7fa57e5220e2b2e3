"""The broker port: what the relay and the reactions ask of whoever carries the events.

At least once, in order per key, replayable from an offset or a time. Two adapters keep it: `kafka` and `embedded`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.settings import PlatformSettings, database_on

Position = tuple[str, int]
"""A topic and one of its partitions."""
PARTITIONS = 6
"""Partitions of a topic. Never changed on a live one: it would move keys, and with them the order."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: bytes with text headers, under a key that decides the partition."""

    topic: str
    key: str
    headers: dict[str, str]
    value: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message where the broker keeps it: its place, and when the broker took it (UTC)."""

    message: Message
    partition: int
    offset: int
    at: datetime


class BrokerAway(Exception):
    """The broker cannot be reached, or did not answer in time: what was asked may or may not have happened. Retry."""


class Rebalanced(Exception):
    """Partitions moved within the group: drop the batch and fetch on, from what is committed."""


class GroupBusy(Exception):
    """The group has members: stop them before moving it."""


class Subscription(Protocol):
    """One member of a group, with the partitions that are its to read."""

    @property
    def assigned(self) -> frozenset[Position]:
        """The partitions this member reads now."""

    async def fetch(self, most: int, *, wait: float = 1.0) -> list[Received]:
        """Up to `most` new messages, in order per partition; none after `wait` seconds.

        May raise Rebalanced or BrokerAway.
        """

    async def commit(self, next_offsets: Mapping[Position, int]) -> None:
        """Remember per partition the offset to go on from. May raise Rebalanced or BrokerAway; then nothing is sure."""


class Publisher(Protocol):
    """Whoever takes the events: all that a relay needs."""

    async def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> None:
        """Return when all messages are durable; raise BrokerAway if that is not so after `timeout` seconds.

        The messages of one key arrive in the order given.
        """


class Broker(Publisher, Protocol):
    """Whoever carries the events."""

    async def ensure_topics(self, topics: Iterable[str], *, partitions: int = PARTITIONS) -> None:
        """Create the topics that are missing; existing ones stay as they are."""

    def subscribe(self, group: str, topics: Sequence[str]) -> AbstractAsyncContextManager[Subscription]:
        """Join a group for as long as the block lasts. A group that never committed starts at the beginning."""

    def read(self, topic: str, *, start: Mapping[int, int] | datetime | None = None) -> AsyncIterator[Received]:
        """A topic without a group, to its end as it was at the call.

        From the beginning, from an offset for each of the named partitions, or from a time.
        """

    async def move_group(self, group: str, topic: str, *, to: Mapping[int, int] | datetime | None) -> None:
        """Let an idle group go on from the beginning, from offsets by partition, or from a time.

        Raises GroupBusy while the group has members.
        """

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Position, int]:
        """How many messages the group has not committed yet, by partition."""

    async def check(self) -> None:
        """Whether the broker answers; raises BrokerAway if not."""

    async def close(self) -> None:
        """Give every connection back."""


def open_broker(settings: PlatformSettings, *, name: str) -> Broker:
    """The broker of this installation, on behalf of `name`. Nothing connects before it is used.

    The embedded broker needs `database_url`; its tables come from `migrate_broker`.
    """
    if settings.broker == "kafka":
        from shared.messaging.kafka import KafkaBroker

        return KafkaBroker.of(settings, name=name)
    from shared.messaging.embedded import EmbeddedBroker

    if not settings.database_url:
        raise ValueError("no database for the embedded broker: set MITHAQ_DATABASE_URL, or start with `mithaq up`")
    url = database_on(settings.database_url.get_secret_value(), "broker")
    return EmbeddedBroker(url, name=name, session_timeout=settings.kafka_session_timeout)
