"""An agreement's rest and its end: announced with notice, acknowledged with all it touches, taken back, settled."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NotRequired, TypedDict, Unpack
from uuid import UUID

from services.agreements.agreement import Agreement, Confirmation, Scope
from services.agreements.commands.loading import load_for
from services.agreements.errors.force import ImpactChanged
from services.agreements.foresight import foresee
from services.agreements.tables import AGREEMENTS
from shared.actor import Actor
from shared.clock import now, today
from shared.database import Transaction, Work
from shared.events.base import DomainEvent


class Grounds(TypedDict):
    """What a decision stands on, and when it takes effect."""

    reason: str
    document: NotRequired[str | None]
    document_hash: NotRequired[str | None]
    notified_on: NotRequired[date | None]
    effective_on: NotRequired[date | None]


async def record_visa(
    db: Work,
    id: UUID,
    *,
    visa_number: str,
    granted_on: date,
    document_hash: str | None = None,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Take down the visa without which the signed agreement binds nobody.

    Refuses FileUnknown, and what Agreement.record_visa refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "record_visa", by, expected)
        if document_hash is not None:
            agreement.require_file(document_hash)
        recorded = agreement.record_visa(
            visa_number=visa_number, granted_on=granted_on, document_hash=document_hash, today=today(), at=now()
        )
        return await AGREEMENTS.record(tx, agreement, recorded, by=by)


async def withdraw_visa(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Take back a visa that was recorded by mistake. Refuses NoVisaRecorded."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_visa", by, expected)
        withdrawn = agreement.withdraw_visa(reason=reason, today=today())
        return await AGREEMENTS.record(tx, agreement, withdrawn, by=by)


async def suspend_agreement(
    db: Work,
    id: UUID,
    *,
    scope: Scope,
    centers: Sequence[UUID] = (),
    acknowledgement: str,
    by: Actor,
    expected: int | None = None,
    **grounds: Unpack[Grounds],
) -> Agreement:
    """Let the agreement rest, as the legal document says, from its day on.

    `acknowledgement` stands for the impact that was looked at. Refuses ImpactChanged if it is another by now.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "suspend_agreement", by, expected)
        grounds["document_hash"] = _paper(agreement, "suspend_agreement", grounds.get("document_hash"))
        decided = agreement.suspend(scope=scope, centers=centers, **grounds, today=today())
        return await _acknowledged(tx, agreement, decided, acknowledgement, by)


async def resume_agreement(
    db: Work,
    id: UUID,
    *,
    reason: str | None = None,
    document: str | None = None,
    effective_on: date | None = None,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Lift the suspension, for a reason. Refuses ResumptionWithoutReason, and what Agreement.resume refuses."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "resume_agreement", by, expected)
        day = today()
        resumed = agreement.resume(effective_on=effective_on or day, reason=reason, document=document, today=day)
        return await AGREEMENTS.record(tx, agreement, resumed, by=by)


async def terminate_agreement(
    db: Work, id: UUID, *, acknowledgement: str, by: Actor, expected: int | None = None, **grounds: Unpack[Grounds]
) -> Agreement:
    """End the agreement before its time, as the legal document says, on its day.

    `acknowledgement` stands for the impact that was looked at. Refuses ImpactChanged if it is another by now.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "terminate_agreement", by, expected)
        grounds["document_hash"] = _paper(agreement, "terminate_agreement", grounds.get("document_hash"))
        decided = agreement.terminate(**grounds, today=today())
        return await _acknowledged(tx, agreement, decided, acknowledgement, by)


async def withdraw_announcement(
    db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Take an announced suspension or termination back before its day."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_announcement", by, expected)
        withdrawn = agreement.withdraw_announcement(reason=reason, today=today())
        return await AGREEMENTS.record(tx, agreement, withdrawn, by=by)


async def close_agreement(
    db: Work,
    id: UUID,
    *,
    confirmed: Collection[Confirmation],
    document: str | None = None,
    document_hash: str | None = None,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Close the file of an agreement that has ended. Refuses CentersNotHandedOver, and what is not settled."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "close_agreement", by, expected)
        document_hash = _paper(agreement, "close_agreement", document_hash)
        closed = agreement.close(confirmed=confirmed, document=document, document_hash=document_hash, today=today())
        return await AGREEMENTS.record(tx, agreement, closed, by=by)


async def _acknowledged(
    tx: Transaction, agreement: Agreement, decided: Sequence[DomainEvent], acknowledgement: str, by: Actor
) -> Agreement:
    impact = await foresee(tx, agreement, decided[0])
    if changed := impact.changed_since(acknowledgement):
        raise ImpactChanged(changed=changed)
    return await AGREEMENTS.record(tx, agreement, decided, by=by)


def _paper(agreement: Agreement, action: str, named: str | None) -> str | None:
    """The file that the action stands on: the one named, else the last one attached for it."""
    if named is not None:
        agreement.require_file(named)
        return named
    categories = {rule.category for rule in agreement.rules.documents if rule.before == action}
    there = [each.hash for each in agreement.documents if each.state == "current" and each.category in categories]
    return there[-1] if there else None
