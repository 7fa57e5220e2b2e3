"""The ledger of who owes what under an agreement."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT, ASSOCIATION, OBLIGATION
from shared.events.base import DomainEvent

ONE: dict[str, Any] = {
    "agreement_id": AGREEMENT,
    "obligation_id": OBLIGATION,
    "occurrence": 1,
    "debtor_id": ASSOCIATION,
    "due_on": "2024-10-08",
}


class AgreementObligationFellDue(DomainEvent):
    """An obligation is to be met now: its day has come, or its debtor meets it before its day."""

    type = "ma.mithaq.agreement.obligation_fell_due.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"awaited": [ASSOCIATION]}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    """1, 2, 3 … for an obligation that comes back."""
    debtor_id: UUID
    """The organisation that owes."""
    due_on: date
    awaited: tuple[UUID, ...] = ()
    """The organisations whose work it is, and no other's: the debtor."""


class AgreementObligationReminded(DomainEvent):
    """An open obligation is recalled, before its day or after it."""

    type = "ma.mithaq.agreement.obligation_reminded.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"days": -7, "awaited": [ASSOCIATION]}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    days: int
    """Which reminder: days after the due date, negative before it."""
    awaited: tuple[UUID, ...] = ()
    """The debtor up to the due date; nobody by name after it, as all parties are to see who is late."""


class AgreementObligationClaimed(DomainEvent):
    """The debtor says that it met an obligation, or an event shows it; the evidence stays with the agreement."""

    type = "ma.mithaq.agreement.obligation_claimed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"claimed_on": "2024-10-08", "awaited": [ACADEMY]}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    claimed_on: date
    awaited: tuple[UUID, ...] = ()
    """Those who are owed, and look at the evidence."""


class AgreementObligationReturned(DomainEvent):
    """The evidence does not do, or is of what an amendment has changed: the obligation is due again."""

    type = "ma.mithaq.agreement.obligation_returned.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"because": "decision", "awaited": [ASSOCIATION]}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    because: Literal["decision", "amended"] = "decision"
    """Whether a creditor sent it back, or an amendment makes something else of the obligation."""
    awaited: tuple[UUID, ...] = ()
    """The debtor."""


class AgreementObligationFulfilled(DomainEvent):
    """An obligation is met."""

    type = "ma.mithaq.agreement.obligation_fulfilled.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"fulfilled_on": "2024-10-08"}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    fulfilled_on: date


class AgreementObligationWaived(DomainEvent):
    """The creditor gives an obligation up, for a reason that stays with the agreement."""

    type = "ma.mithaq.agreement.obligation_waived.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"waived_on": "2024-10-08"}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    waived_on: date


class AgreementObligationFailed(DomainEvent):
    """The edition closed before an obligation was met."""

    type = "ma.mithaq.agreement.obligation_failed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"failed_on": "2025-09-30"}

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date
    failed_on: date
