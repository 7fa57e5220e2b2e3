"""What must hold after any fault, decided from tables, topics and receivers' logs alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.territory import ACADEMY_CODES

PAGE = 1500
"""Most events that one fault may repeat in a topic: the relay's page."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A row of the journal."""

    event_id: UUID
    subject: UUID
    version: int
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A record of the topic."""

    event_id: UUID
    subject: UUID
    version: int
    audience: tuple[str, ...]
    partition: int


@dataclass(slots=True)
class Truth:
    """All there is to see of a system at rest."""

    acknowledged: set[tuple[UUID, int]]
    """Subjects and versions that a command gave back."""
    journal: list[Committed]
    topic: list[Published]
    """In order within each partition."""
    progress: dict[str, dict[UUID, tuple[int, str | None]]]
    """By reaction and subject: the version, and why it is held."""
    parked: list[str]
    """Reactions with a parked event."""
    told: dict[str, list[tuple[int, UUID]]]
    """By academy: its feed, in order."""
    received: dict[str, list[UUID]]
    """By academy: the webhooks that arrived, in order."""
    unverified: int
    """Webhooks whose signature did not verify."""
    projections: dict[str, tuple[list[str], list[str]]]
    """By table: its rows as they were, and after a rebuild."""
    states: dict[UUID, tuple[Any, Any]]
    """By agreement: its row, and the fold of its journal."""
    faults: int
    """Faults that may each have repeated a page in the topic."""


def violations(truth: Truth) -> list[str]:
    """What does not hold, each with the invariant's name; empty when all is well."""
    return [what for check in CHECKS for what in check(truth)]


def nothing_is_lost(truth: Truth) -> Iterator[str]:
    """I1: what was acknowledged is committed, what is committed is published, and every reaction is through with it."""
    yield from _some("I1: acknowledged, not in the journal", truth.acknowledged - _latest_and_before(truth))
    committed, published = _ids(truth.journal), _ids(truth.topic)
    yield from _some("I1: committed, in no topic", committed - published)
    yield from _some("I1: published, never committed", published - committed)
    latest = _latest(truth)
    for reaction, progress in truth.progress.items():
        behind = {subject for subject, version in latest.items() if progress.get(subject, (0, None))[0] != version}
        yield from _some(f"I1: subjects that {reaction} is not through with", behind)
        yield from _some(f"I1: subjects that {reaction} holds", {each for each, (_, held) in progress.items() if held})
    yield from _some("I1: parked", truth.parked)


def nothing_is_done_twice(truth: Truth) -> Iterator[str]:
    """I2: no academy is told an event twice; a topic repeats no more than what was in flight at the faults."""
    told = Counter((academy, event) for academy, feed in truth.told.items() for _, event in feed)
    yield from _some("I2: told twice", [each for each, times in told.items() if times > 1])
    repeated = len(truth.topic) - len(_ids(truth.topic))
    if repeated > truth.faults * PAGE:
        yield f"I2: {repeated} repetitions in the topic, after {truth.faults} faults"


def order_is_kept(truth: Truth) -> Iterator[str]:
    """I3: per subject, versions 1..n in one partition; per academy, webhooks in the order of its feed."""
    versions: dict[UUID, list[int]] = defaultdict(list)
    partitions: dict[UUID, set[int]] = defaultdict(set)
    for record in dict.fromkeys(truth.topic):
        versions[record.subject].append(record.version)
        partitions[record.subject].add(record.partition)
    yield from _some("I3: subjects in several partitions", {each for each, all in partitions.items() if len(all) > 1})
    yield from _some("I3: subjects out of order", {each for each, all in versions.items() if all != _counted(all)})
    for academy, feed in truth.told.items():
        if [number for number, _ in feed] != _counted(feed):
            yield f"I3: the feed of {academy} has gaps"
        arrived = dict.fromkeys(truth.received.get(academy, ()))
        if list(arrived) != [event for _, event in feed if event in arrived]:
            yield f"I3: webhooks of {academy} overtook one another"


def state_is_what_the_log_says(truth: Truth) -> Iterator[str]:
    """I4: a projection equals its rebuild, an aggregate the fold of its journal."""
    changed = {table for table, (live, rebuilt) in truth.projections.items() if live != rebuilt}
    yield from _some("I4: projections that a rebuild changes", changed)
    unlike = {id for id, (row, fold) in truth.states.items() if row != fold}
    yield from _some("I4: rows that are not the fold of their journal", unlike)
    yield from _some("I4: journals without a row", {each.subject for each in truth.journal} - truth.states.keys())


def every_academy_is_told(truth: Truth) -> Iterator[str]:
    """I5: each academy gets what concerns it, in its feed and by webhook; I6: every webhook verified."""
    due, told, received = _due(truth), _told(truth), _received(truth)
    yield from _some("I5: academies that nothing concerned", set(ACADEMY_CODES) - {academy for academy, _ in due})
    yield from _some("I5: notices missing in feeds", due - told)
    yield from _some("I5: webhooks that never arrived", due - received)
    if truth.unverified:
        yield f"I6: {truth.unverified} webhooks did not verify"


def nobody_else_is_told(truth: Truth) -> Iterator[str]:
    """I8: no academy is told what does not concern it."""
    due = _due(truth)
    yield from _some("I8: notices in a foreign feed", _told(truth) - due)
    yield from _some("I8: webhooks at a foreign academy", _received(truth) - due)
    audience = {row.event_id: row.audience for row in truth.journal}
    published = {record.event_id: record.audience for record in truth.topic}
    yield from _some(
        "I8: published for another audience",
        {event for event, codes in published.items() if audience.get(event, codes) != codes},
    )


CHECKS: tuple[Callable[[Truth], Iterator[str]], ...] = (
    nothing_is_lost,
    nothing_is_done_twice,
    order_is_kept,
    state_is_what_the_log_says,
    every_academy_is_told,
    nobody_else_is_told,
)


def _some(what: str, found: Any) -> Iterator[str]:
    if found:
        yield f"{what}: {len(found)}, such as {next(iter(found))}"


def _ids(rows: list[Any]) -> set[UUID]:
    return {row.event_id for row in rows}


def _latest(truth: Truth) -> dict[UUID, int]:
    latest: dict[UUID, int] = defaultdict(int)
    for row in truth.journal:
        latest[row.subject] = max(latest[row.subject], row.version)
    return latest


def _latest_and_before(truth: Truth) -> set[tuple[UUID, int]]:
    return {(row.subject, row.version) for row in truth.journal}


def _due(truth: Truth) -> set[tuple[str, UUID]]:
    return {(academy, row.event_id) for row in truth.journal for academy in row.audience}


def _told(truth: Truth) -> set[tuple[str, UUID]]:
    return {(academy, event) for academy, feed in truth.told.items() for _, event in feed}


def _received(truth: Truth) -> set[tuple[str, UUID]]:
    return {(academy, event) for academy, events in truth.received.items() for event in events}


def _counted(rows: Any) -> list[int]:
    return list(range(1, len(rows) + 1))
