"""Time that has passed: whoever acts finds what the days have made, whether the schedule has looked or not.

One mechanism for the schedule, for commands, which record what has come about before they decide, and for reads, which
show it. What is shown has the version that is recorded.
"""

from collections.abc import Iterable, Sequence, Set
from contextlib import nullcontext
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from services.agreements.agreement import Agreement
from services.agreements.agreement.amending import AMENDABLE
from services.agreements.amendment import OPEN, Amendment
from services.agreements.commands.families import lived_parent_of
from services.agreements.errors.texts import TextLost
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.text import get_content
from services.agreements.waiting import MAY_HAVE_MOVED
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.database import Transaction
from shared.events.base import DomainEvent

F = TypeVar("F", Agreement, Amendment)


async def let_pass(tx: Transaction, agreement: Agreement, day: date) -> Agreement:
    """The agreement, which is locked, with all that time has brought about up to a day recorded."""
    until = agreement.effective_until
    events = await _come_about(tx, agreement, day)
    if events:
        # It is no doing of whoever asks, who may not see all that it changes.
        async with tx.widened(NATIONAL):
            await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)
        if _moved(agreement, until):
            await move_bases(tx, agreement, by=SYSTEM)
    return agreement


async def let_both_pass(
    tx: Transaction, agreement: Agreement, amendment: Amendment, day: date
) -> tuple[Agreement, Amendment]:
    """The same of an agreement and its amendment, both locked."""
    version = agreement.version
    if (await let_pass(tx, agreement, day)).version != version:
        amendment = await AMENDMENTS.load(tx, amendment.id)  # its base may have moved
    return agreement, await AMENDMENTS.record(tx, amendment, amendment.pass_time(day), by=SYSTEM)


async def led_to(tx: Transaction, agreement: Agreement, day: date) -> Agreement:
    """The agreement as it is on a day, for who reads it: nothing is locked or recorded."""
    return _shown(agreement, await _come_about(tx, agreement, day, reading=True))


async def both_led_to(
    tx: Transaction, agreement: Agreement, amendment: Amendment, day: date
) -> tuple[Agreement, Amendment]:
    """The same of an agreement and its amendment."""
    agreement, (amendment,) = await branches_led_to(tx, agreement, [amendment], day)
    return agreement, amendment


async def branches_led_to(
    tx: Transaction, agreement: Agreement, amendments: Iterable[Amendment], day: date
) -> tuple[Agreement, list[Amendment]]:
    """The same of an agreement and several of its amendments."""
    until = agreement.effective_until
    agreement = await led_to(tx, agreement, day)
    moved = _moved(agreement, until)
    return agreement, [_shown(each, (moved and each.lose_base(None)) or each.pass_time(day)) for each in amendments]


async def page_led_to(tx: Transaction, agreements: Sequence[Agreement], day: date) -> list[Agreement]:
    """The same of the agreements of a list: only those of which time may have made something are looked at."""
    moved = await moved_among(tx, {each.id for each in agreements}, day)
    return [await led_to(tx, each, day) if each.id in moved else each for each in agreements]


async def moved_among(tx: Transaction, agreements: Set[UUID], day: date) -> Set[UUID]:
    """Those of the agreements of which time may have made something that is not recorded: none once the schedule has.

    Whoever sees an agreement need not see what it follows.
    """
    if not agreements:
        return agreements
    async with nullcontext() if "national" in tx.scope else tx.widened(NATIONAL):
        found = await (await tx.connection()).execute(MAY_HAVE_MOVED, {"agreements": [*agreements], "day": day})
    return frozenset(found.scalars())


async def move_bases(
    tx: Transaction, agreement: Agreement, *, applied: UUID | None = None, by: Actor, at: datetime | None = None
) -> None:
    """Tell the amendments of an agreement that are still open that it has changed; `applied` is what changed it."""
    row = AMENDMENTS.table.c
    others = select(row.id).where(row.agreement_id == agreement.id, row.status.in_(OPEN))
    async with tx.widened(NATIONAL):
        ids = (await tx.execute(others)).scalars().all()
        for other in await AMENDMENTS.load_many(tx, ids):
            try:
                base = (await get_content(tx, other.base_hash)).parties
            except TextLost:
                base = other.parties  # whom the branch adds is not known any more: then only who sees the agreement
            codes = agreement.branch_visible_to(base, other.parties)
            await AMENDMENTS.record(tx, other, other.lose_base(applied, codes), by=by, at=at)


async def _come_about(tx: Transaction, agreement: Agreement, day: date, *, reading: bool = False) -> list[DomainEvent]:
    follows = agreement.state in AMENDABLE
    return agreement.catch_up(day, await lived_parent_of(tx, agreement, day, reading=reading) if follows else None)


def _moved(agreement: Agreement, until: date) -> bool:
    """Whether its term ends on another day than it did, so that what amends it rests on another agreement."""
    return agreement.effective_until != until and agreement.state in AMENDABLE


def _shown(file: F, events: Iterable[DomainEvent]) -> F:
    version = file.version
    file.evolve(events).version = version
    return file
