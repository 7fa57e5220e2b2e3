"""An agreement's yearly editions, and how one follows the other."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, ASSOCIATION, CENTER, CenterSeats, CenterToOpen
from shared.events.base import DomainEvent
from shared.money import Money


class AgreementEditionOpened(DomainEvent):
    """An edition runs: the agreement is in force and the edition's start date is reached."""

    type = "ma.mithaq.agreement.edition_opened.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "edition": 1,
        "school_year": "2024/2025",
        "budget_year": 2024,
        "starts_on": "2024-09-02",
        "ends_on": "2025-09-01",
        "funded_seats": 60,
        "unfunded_seats": 20,
        "amount": {"amount": "125000.00", "currency": "MAD"},
        "centers": [
            {
                "center_id": CENTER,
                "province": "MA-CAS",
                "operator_id": ASSOCIATION,
                "name_ar": "مركز (مثال)",
                "name_fr": "Centre (exemple)",
                "funded_seats": 60,
                "unfunded_seats": 20,
            }
        ],
    }

    agreement_id: UUID
    academy: str | None
    edition: int
    school_year: str
    budget_year: int
    starts_on: date
    ends_on: date
    funded_seats: int
    unfunded_seats: int
    amount: Money
    centers: tuple[CenterToOpen, ...] = ()
    """The centers with the seats that the edition grants each; none where that was not told yet."""


class AgreementEditionEnded(DomainEvent):
    """An edition's last day has passed: it is under review."""

    type = "ma.mithaq.agreement.edition_ended.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "edition": 1, "ended_on": "2025-09-01"}

    agreement_id: UUID
    edition: int
    ended_on: date
    """Its last day."""


class AgreementEditionClosed(DomainEvent):
    """An edition's review is over; what was due in it and not met has failed."""

    type = "ma.mithaq.agreement.edition_closed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "edition": 1,
        "closed_on": "2025-09-30",
        "failed": 1,
    }

    agreement_id: UUID
    edition: int
    closed_on: date
    failed: int
    """How many obligations."""


class AgreementRenewalFellDue(DomainEvent):
    """Whether the agreement goes on after this edition is to be decided before the deadline."""

    type = "ma.mithaq.agreement.renewal_fell_due.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "edition": 1,
        "due_on": "2025-06-03",
        "deadline_on": "2025-09-01",
    }

    agreement_id: UUID
    edition: int
    due_on: date
    deadline_on: date
    """The edition's last day, included."""


class AgreementRenewalEvaluated(DomainEvent):
    """The edition is evaluated; the reasons stay with the agreement."""

    type = "ma.mithaq.agreement.renewal_evaluated.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "edition": 1, "outcome": "favourable"}

    agreement_id: UUID
    edition: int
    outcome: Literal["favourable", "unfavourable"]


class AgreementRenewalReturned(DomainEvent):
    """The evaluation is to be done again."""

    type = "ma.mithaq.agreement.renewal_returned.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "edition": 1}

    agreement_id: UUID
    edition: int


class AgreementRenewed(DomainEvent):
    """The agreement goes on: its next edition is planned, on the same centers."""

    type = "ma.mithaq.agreement.renewed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "edition": 2,
        "school_year": "2025/2026",
        "budget_year": 2025,
        "starts_on": "2025-09-02",
        "ends_on": "2026-09-01",
        "funded_seats": 60,
        "unfunded_seats": 20,
        "amount": {"amount": "125000.00", "currency": "MAD"},
        "centers": [CENTER],
        "tacit": False,
        "seats": [],
    }

    agreement_id: UUID
    academy: str | None
    edition: int
    """The next one's number."""
    school_year: str
    budget_year: int
    starts_on: date
    ends_on: date
    funded_seats: int
    unfunded_seats: int
    amount: Money
    centers: tuple[UUID, ...]
    tacit: bool
    """Whether the deadline renewed it, as its kind says, and nobody's decision."""
    seats: tuple[CenterSeats, ...] | None = None
    """Where the edition grants a center other seats than agreed; null where that was not told yet."""


class AgreementNotRenewed(DomainEvent):
    """The agreement ends with this edition, by decision or because nobody decided in time."""

    type = "ma.mithaq.agreement.not_renewed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "edition": 1,
        "effective_until": "2025-09-01",
        "how": "decided",
    }

    agreement_id: UUID
    academy: str | None
    edition: int
    effective_until: date
    """The agreement's last day: the edition's."""
    how: Literal["decided", "lapsed"]
