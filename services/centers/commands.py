"""What people do with a center: one function per verb, each one transaction."""

from collections.abc import Callable, Sequence
from datetime import date
from uuid import UUID

from services.centers.center import Center
from services.centers.permissions import PERMISSIONS
from services.centers.tables import CENTERS, RestingCenterRow
from shared.actor import Actor
from shared.clock import today
from shared.database import Work
from shared.events.base import DomainEvent


async def start_fitting_out(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Center:
    """Begin to prepare a planned center's premises."""
    return await _change(db, id, "start_fitting_out", Center.start_fitting_out, by, expected)


async def grant_visa(
    db: Work, id: UUID, *, visa_number: str, granted_on: date, by: Actor, expected: int | None = None
) -> Center:
    """Record the directorate's opening visa."""

    def decide(center: Center) -> list[DomainEvent]:
        return center.grant_visa(visa_number=visa_number, granted_on=granted_on, today=today())

    return await _change(db, id, "grant_visa", decide, by, expected)


async def open_center(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Center:
    """Open a center that has its visa: it takes learners from today on."""

    def decide(center: Center, rests: bool) -> list[DomainEvent]:
        return center.open(on=today(), agreement_rests=rests)

    return await _change_unless_at_rest(db, id, "open_center", decide, by, expected)


async def suspend_center(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Center:
    """Let an open center take no new learner."""
    return await _change(db, id, "suspend_center", lambda center: center.suspend(reason=reason), by, expected)


async def resume_center(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Center:
    """Lift a suspension that was decided, not one that came with the agreement's."""

    def decide(center: Center, rests: bool) -> list[DomainEvent]:
        return center.resume(agreement_rests=rests)

    return await _change_unless_at_rest(db, id, "resume_center", decide, by, expected)


async def report_enrolled(
    db: Work,
    id: UUID,
    *,
    funded_enrolled: int,
    unfunded_enrolled: int,
    counted_on: date,
    by: Actor,
    expected: int | None = None,
) -> Center:
    """Tell how many learners are enrolled on a day, in number only."""

    def decide(center: Center) -> list[DomainEvent]:
        return center.report_enrolled(
            funded_enrolled=funded_enrolled, unfunded_enrolled=unfunded_enrolled, counted_on=counted_on, today=today()
        )

    return await _change(db, id, "report_enrolled", decide, by, expected)


async def close_center(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Center:
    """Close a center for good, today."""
    return await _change(db, id, "close_center", lambda center: center.close(on=today(), reason=reason), by, expected)


async def abandon_center(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Center:
    """Give up a center that never opened."""
    return await _change(db, id, "abandon_center", lambda center: center.abandon(reason=reason), by, expected)


async def _change_unless_at_rest(
    db: Work,
    id: UUID,
    action: str,
    decide: Callable[[Center, bool], Sequence[DomainEvent]],
    by: Actor,
    expected: int | None,
) -> Center:
    async with db.transaction(by.scope) as tx:
        # Read under the center's lock, which the reaction to the suspension takes first too.
        center = await CENTERS.load(tx, id, expected=expected)
        PERMISSIONS.allow(by, action, center)
        rests = await tx.get(RestingCenterRow, id) is not None
        return await CENTERS.record(tx, center, decide(center, rests), by=by)


async def _change(
    db: Work,
    id: UUID,
    action: str,
    decide: Callable[[Center], Sequence[DomainEvent]],
    by: Actor,
    expected: int | None,
) -> Center:
    async with db.transaction(by.scope) as tx:
        center = await CENTERS.load(tx, id, expected=expected)
        PERMISSIONS.allow(by, action, center)
        return await CENTERS.record(tx, center, decide(center), by=by)
