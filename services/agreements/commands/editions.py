"""Editions and their renewal: evaluated, decided, closed."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.agreements.agreement import Agreement, Outcome
from services.agreements.commands.loading import load_for
from services.agreements.commands.passing import move_bases
from services.agreements.tables import AGREEMENTS
from shared.actor import Actor
from shared.clock import today
from shared.database import Work
from shared.events.agreements import CenterSeats
from shared.money import Money


async def evaluate_renewal(
    db: Work, id: UUID, *, outcome: Outcome, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Say what the edition was worth, and why."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "evaluate_renewal", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.evaluate(outcome=outcome, reason=reason), by=by)


async def return_renewal(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Have the edition evaluated again."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "return_renewal", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.return_evaluation(reason=reason), by=by)


async def renew_agreement(
    db: Work,
    id: UUID,
    *,
    school_year: str,
    budget_year: int,
    ends_on: date,
    funded_seats: int,
    unfunded_seats: int,
    amount: Money,
    parties: Sequence[UUID],
    obligations: Sequence[UUID],
    seats: Sequence[CenterSeats] = (),
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Plan the next edition; what it takes over is named, and the centers are kept."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "renew_agreement", by, expected)
        events = agreement.renew(
            school_year=school_year,
            budget_year=budget_year,
            ends_on=ends_on,
            funded_seats=funded_seats,
            unfunded_seats=unfunded_seats,
            amount=amount,
            parties=parties,
            obligations=obligations,
            seats=seats,
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def decline_renewal(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Let the agreement end with its running edition."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "decline_renewal", by, expected)
        await AGREEMENTS.record(tx, agreement, agreement.decline_renewal(reason=reason), by=by)
        await move_bases(tx, agreement, by=by)
        return agreement


async def close_edition(db: Work, id: UUID, number: int, *, by: Actor, expected: int | None = None) -> Agreement:
    """End an edition's review: what was due in it and is not met has failed."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "close_edition", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.close_edition(number, today=today()), by=by)
