"""What is done about obligations: claimed, returned, met, waived; by people and by events."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.loading import load_for
from services.agreements.commands.passing import let_pass
from services.agreements.conditions import concerned
from services.agreements.errors.obligations import NotYourObligation
from services.agreements.tables import AGREEMENTS, CENTER_DAYS, CenterFactRow
from services.agreements.touched import DONE
from shared.actor import SYSTEM, Actor
from shared.clock import today
from shared.database import Transaction, Work


async def claim_obligation(
    db: Work,
    id: UUID,
    obligation_id: UUID,
    *,
    occurrence: int = 1,
    evidence: str,
    documents: Sequence[str] = (),
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Say for the debtor that an obligation is met; `documents` are the SHA-256 of attached ones that show it.

    Refuses FileUnknown.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "claim_obligation", obligation_id, occurrence, by, expected)
        for each in documents:
            agreement.require_file(each)
        events = agreement.claim(obligation_id, occurrence, evidence=evidence, documents=documents, today=today())
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def return_obligation(
    db: Work,
    id: UUID,
    obligation_id: UUID,
    *,
    occurrence: int = 1,
    reason: str,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Send the evidence back for a creditor: the obligation is due again."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "return_obligation", obligation_id, occurrence, by, expected)
        events = agreement.return_claim(obligation_id, occurrence, reason=reason)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def confirm_obligation(
    db: Work, id: UUID, obligation_id: UUID, *, occurrence: int = 1, by: Actor, expected: int | None = None
) -> Agreement:
    """Take the evidence, for a creditor or as keeper of the agreement: the obligation is met."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "confirm_obligation", obligation_id, occurrence, by, expected)
        events = agreement.confirm(obligation_id, occurrence, today=today())
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def waive_obligation(
    db: Work,
    id: UUID,
    obligation_id: UUID,
    *,
    occurrence: int = 1,
    reason: str,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Give an obligation up for its creditor."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "waive_obligation", obligation_id, occurrence, by, expected)
        events = agreement.waive(obligation_id, occurrence, reason=reason, today=today())
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def follow_center(db: Work, id: UUID, center_id: UUID, *, on: date) -> Agreement:
    """Let what is known of a center on this day fulfil what waits for it. Reactions to its events and the schedule ask.

    What it was lasts no more once it is given up or handed over.
    """
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await let_pass(tx, await AGREEMENTS.load(tx, id), on)
        center = await tx.get(CenterFactRow, center_id, populate_existing=True)
        lasts = center is not None and center.state not in DONE
        days = {what: getattr(center, column) for what, column in CENTER_DAYS.items()}
        happened = {what: day for what, day in days.items() if day is not None}
        events = agreement.follow_center(center_id, happened, lasts=lasts, today=on)
        return await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)


async def _agreement(
    tx: Transaction, id: UUID, action: str, obligation_id: UUID, occurrence: int, by: Actor, expected: int | None
) -> Agreement:
    agreement = await load_for(tx, id, action, by, expected)
    if not concerned(by, action, agreement, agreement.obligation(obligation_id, occurrence)):
        raise NotYourObligation(obligation=obligation_id, action=action)
    return agreement
