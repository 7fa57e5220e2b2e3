"""The way of a text from the parties' hands to its freezing: turns, acceptances and approvals."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, ASSOCIATION, OPERATOR_PARTY, TEXT
from shared.events.base import DomainEvent


class AgreementTurnPassed(DomainEvent):
    """The text under negotiation is now in another party's hands."""

    type = "ma.mithaq.agreement.turn_passed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisations": [ASSOCIATION],
    }

    agreement_id: UUID
    party_id: UUID
    organisations: tuple[UUID, ...] = ()
    """The party's organisation: its people are told that the text is in their hands."""


class AgreementTextAccepted(DomainEvent):
    """A party accepts the negotiated text as it stands."""

    type = "ma.mithaq.agreement.text_accepted.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "party_id": OPERATOR_PARTY, "text_hash": TEXT}

    agreement_id: UUID
    party_id: UUID
    text_hash: str


class AgreementAcceptancesLapsed(DomainEvent):
    """What parties had accepted no longer stands: they are asked again."""

    type = "ma.mithaq.agreement.acceptances_lapsed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "because": "text_revised",
        "parties": [OPERATOR_PARTY],
        "organisations": [ASSOCIATION],
    }

    agreement_id: UUID
    because: Literal["text_revised", "terms_revised", "unlocked", "remarks", "reopened", "declined"]
    parties: tuple[UUID, ...]
    """Whose acceptance lapsed."""
    organisations: tuple[UUID, ...] = ()
    """Their organisations: their people are told that they are asked again."""


class AgreementStepApproved(DomainEvent):
    """One person approved the current step of the ladder; the last one's approval also freezes the text."""

    type = "ma.mithaq.agreement.step_approved.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "step": "legal_review",
        "lacking": 1,
        "in_place_of": None,
    }

    agreement_id: UUID
    step: str
    lacking: int
    """How many approvals this step still needs."""
    in_place_of: str | None = None
    """The person in whose place somebody approved, who is the event's actor."""


class AgreementApprovalsVoided(DomainEvent):
    """The text goes back to the parties: what was approved of it no longer stands."""

    type = "ma.mithaq.agreement.approvals_voided.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "because": "remarks",
        "steps": ["legal_review"],
        "approvals": 2,
    }

    agreement_id: UUID
    because: Literal["remarks", "reopened", "declined"]
    steps: tuple[str, ...]
    approvals: int


class AgreementApprovalOverdue(DomainEvent):
    """A step of the ladder has waited longer than its time; told once per level."""

    type = "ma.mithaq.agreement.approval_overdue.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "step": "legal_review",
        "level": 1,
        "since": "2024-07-01T09:00:00Z",
        "due": "2024-07-11T09:00:00Z",
        "roles": ["ministry_officer"],
    }

    agreement_id: UUID
    step: str
    level: int
    since: datetime
    due: datetime
    roles: tuple[str, ...] = ()
    """Those for whom the step waits; none was said before there was this field."""
