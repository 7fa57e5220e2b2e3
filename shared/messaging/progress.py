"""Progress: one row per reaction and subject drops duplicates, keeps order, finds gaps and holds a subject back."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, insert

from shared.clock import now
from shared.database import Transaction
from shared.messaging.broker import Message
from shared.messaging.crash import crash_point
from shared.messaging.envelope import Envelope
from shared.messaging.tables import ParkedRow

log = structlog.get_logger(__name__)

GAP = "gap: an earlier event of this subject is missing"

SUBJECTS = bindparam("subjects", type_=ARRAY(Uuid))
LOCK = text("""
    select subject, version, held from progress
    where reaction = :reaction and subject = any(:subjects) order by subject for update
""").bindparams(SUBJECTS)
BEGIN = text("""
    insert into progress (reaction, subject, version)
    select :reaction, subject, 0 from unnest(:subjects) subject order by subject
    on conflict do nothing
""").bindparams(SUBJECTS)
ADVANCE = text("""
    update progress set version = moved.version, held = moved.held
    from unnest(:subjects, cast(:versions as int[]), cast(:helds as text[])) moved (subject, version, held)
    where reaction = :reaction and progress.subject = moved.subject
""").bindparams(SUBJECTS)


class Reacts(Protocol):
    """What progress needs of a reaction."""

    id: str
    group: str

    async def react(self, tx: Transaction, envelopes: Sequence[Envelope]) -> None:
        """Do what is registered about the events, inside the transaction."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A record with its envelope opened."""

    message: Message
    envelope: Envelope


@dataclass(slots=True)
class Progress:
    """How far a reaction is with a subject, and why it waits."""

    version: int
    held: str | None
    moved: bool = False


async def take(tx: Transaction, reaction: Reacts, letters: Sequence[Letter]) -> set[UUID]:
    """Apply what comes next for each subject, drop what is known, put aside what must wait.

    Gives the subjects whose gap may be filled by now: what waits behind it can then be released.
    """
    progress = await lock(tx, reaction, {letter.envelope.subject for letter in letters})
    following: list[Envelope] = []
    waiting: list[Letter] = []
    refilled: set[UUID] = set()
    for letter in letters:
        envelope = letter.envelope
        known = progress[envelope.subject]
        if envelope.version <= known.version:
            if known.held == GAP:  # a crash may have come between the filling of the gap and the release
                refilled.add(envelope.subject)
            continue
        if envelope.version == known.version + 1 and known.held in (None, GAP):
            following.append(envelope)
            known.version, known.moved = envelope.version, True
            if known.held:
                refilled.add(envelope.subject)
            continue
        if known.held is None:
            known.held, known.moved = GAP, True
            log.error(
                "gap", group=reaction.group, subject=str(envelope.subject), known=known.version, got=envelope.version
            )
        waiting.append(letter)
    if following:
        await reaction.react(tx, following)
    if waiting:
        await set_aside(tx, reaction, waiting)
    await advance(tx, reaction, progress)
    return refilled


async def lock(tx: Transaction, reaction: Reacts, subjects: Collection[UUID]) -> dict[UUID, Progress]:
    """The progress rows of these subjects, locked in one order; those never met begin at version 0."""
    found = await _lock(tx, reaction, sorted(subjects))
    if missing := sorted(set(subjects) - found.keys()):
        await tx.execute(BEGIN, {"reaction": reaction.id, "subjects": missing})
        found |= await _lock(tx, reaction, missing)
    return found


async def _lock(tx: Transaction, reaction: Reacts, subjects: list[UUID]) -> dict[UUID, Progress]:
    rows = await tx.execute(LOCK, {"reaction": reaction.id, "subjects": subjects})
    return {row.subject: Progress(row.version, row.held) for row in rows}


async def advance(tx: Transaction, reaction: Reacts, progress: dict[UUID, Progress]) -> None:
    """Write the progress rows that moved."""
    moved = {subject: each for subject, each in progress.items() if each.moved}
    if moved:
        await tx.execute(
            ADVANCE,
            {
                "reaction": reaction.id,
                "subjects": list(moved),
                "versions": [each.version for each in moved.values()],
                "helds": [each.held for each in moved.values()],
            },
        )


async def set_aside(
    tx: Transaction, reaction: Reacts, letters: Iterable[Letter], *, reason: str | None = None, attempts: int = 0
) -> None:
    """Keep events whole, each once; without a reason they only wait for an earlier one."""
    rows = [
        {
            "reaction": reaction.id,
            "subject": letter.envelope.subject,
            "version": letter.envelope.version,
            "event_id": letter.envelope.id,
            "type": letter.envelope.type,
            "topic": letter.message.topic,
            "headers": letter.message.headers,
            "value": letter.message.value,
            "reason": reason,
            "attempts": attempts,
            "first_failed_at": now(),
        }
        for letter in letters
    ]
    await tx.execute(insert(ParkedRow).values(rows).on_conflict_do_nothing())


async def park(tx: Transaction, reaction: Reacts, letter: Letter, reason: str, attempts: int) -> None:
    """Put a failed event aside with its reason and hold its subject back."""
    progress = await lock(tx, reaction, {letter.envelope.subject})
    known = progress[letter.envelope.subject]
    if letter.envelope.version <= known.version:
        return
    known.held, known.moved = reason, True
    crash_point("consumer.parking")
    await set_aside(tx, reaction, [letter], reason=reason, attempts=attempts)
    await advance(tx, reaction, progress)
