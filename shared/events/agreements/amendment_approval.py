"""The way of an amendment up the ladder of its type, until its branch is frozen under its number."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, AMENDMENT, TEXT
from shared.events.base import DomainEvent


class AmendmentSubmitted(DomainEvent):
    """The branch is with its approvers."""

    type = "ma.mithaq.amendment.submitted.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {"amendment_id": AMENDMENT, "agreement_id": AGREEMENT}

    amendment_id: UUID
    agreement_id: UUID


class AmendmentStepApproved(DomainEvent):
    """One person approved the current step of the amendment's ladder."""

    type = "ma.mithaq.amendment.step_approved.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "step": "legal_review",
        "lacking": 0,
        "in_place_of": None,
    }

    amendment_id: UUID
    agreement_id: UUID
    step: str
    lacking: int
    """How many approvals this step still needs."""
    in_place_of: str | None = None
    """The person in whose place somebody approved, who is the event's actor."""


class AmendmentApprovalOverdue(DomainEvent):
    """A step of the amendment's ladder has waited longer than its time; told once per level."""

    type = "ma.mithaq.amendment.approval_overdue.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "step": "legal_review",
        "level": 1,
        "since": "2025-03-03T09:00:00Z",
        "due": "2025-03-13T09:00:00Z",
        "roles": ["ministry_officer"],
    }

    amendment_id: UUID
    agreement_id: UUID
    step: str
    level: int
    since: datetime
    due: datetime
    roles: tuple[str, ...] = ()
    """Those for whom the step waits; none was said before there was this field."""


class AmendmentAgreed(DomainEvent):
    """The branch is approved and frozen; from here on it has its number."""

    type = "ma.mithaq.amendment.agreed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "reference": "AREF-06/2024-0001/A1",
        "content_hash": TEXT,
        "offered_until": "2025-05-02",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    """Per agreement, without gaps."""
    reference: str
    content_hash: str
    offered_until: date | None = None
    """The last day to sign; none if there is no limit."""


class AmendmentReturned(DomainEvent):
    """The branch goes back to who proposed it, to be changed; the approvals so far are void."""

    type = "ma.mithaq.amendment.returned.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {"amendment_id": AMENDMENT, "agreement_id": AGREEMENT, "in_place_of": None}

    amendment_id: UUID
    agreement_id: UUID
    in_place_of: str | None = None
    """The person in whose place somebody returned it, who is the event's actor."""


class AmendmentApprovalsVoided(DomainEvent):
    """The branch is to be changed: what was approved of it no longer stands."""

    type = "ma.mithaq.amendment.approvals_voided.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "because": "returned",
        "steps": ["academy_review"],
        "approvals": 2,
    }

    amendment_id: UUID
    agreement_id: UUID
    because: Literal["returned", "rebase_needed"]
    steps: tuple[str, ...]
    approvals: int


class AmendmentRefused(DomainEvent):
    """The amendment will not be: its approvers refuse it, or a party declines to sign."""

    type = "ma.mithaq.amendment.refused.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "because": "review",
        "in_place_of": None,
    }

    amendment_id: UUID
    agreement_id: UUID
    because: Literal["review", "declined"]
    in_place_of: str | None = None
    """The person in whose place somebody refused it, who is the event's actor."""
