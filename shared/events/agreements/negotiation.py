"""The way of a text from the parties' hands to its freezing: turns, acceptances and approvals."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT, ASSOCIATION, OPERATOR_PARTY, TEXT, LanguageHashes
from shared.events.base import DomainEvent


class AgreementNegotiationOpened(DomainEvent):
    """The parties discuss the text: from a draft, or again after review, a refusal to sign or a reopening."""

    type = "ma.mithaq.agreement.negotiation_opened.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "because": "drafted",
        "organisations": [ACADEMY, ASSOCIATION],
        "in_place_of": None,
    }

    agreement_id: UUID
    because: Literal["drafted", "remarks", "reopened", "declined"]
    in_place_of: str | None = None
    """The person in whose place somebody sent it back, who is the event's actor."""
    organisations: tuple[UUID, ...] = ()
    """The organisations of the parties that sign: their people are told that they are asked to agree."""


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


class AgreementAcceptanceWithdrawn(DomainEvent):
    """A party takes back that it accepts the negotiated text, while not all have accepted it."""

    type = "ma.mithaq.agreement.acceptance_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisations": [ACADEMY],
    }

    agreement_id: UUID
    party_id: UUID
    organisations: tuple[UUID, ...] = ()
    """Those of the other parties that sign: their people are told that the text is not settled."""


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


class AgreementSubmittedForReview(DomainEvent):
    """The text is with legal review."""

    type = "ma.mithaq.agreement.submitted_for_review.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT}

    agreement_id: UUID


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


class AgreementApproved(DomainEvent):
    """The text is frozen and may be signed; from here on it has its reference."""

    type = "ma.mithaq.agreement.approved.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "reference": "AREF-06/2024-0001",
        "text_hash": TEXT,
        "content_hash": TEXT,
        "language_hashes": {"ar": TEXT, "fr": TEXT},
        "offered_until": "2024-10-29",
        "kind_version": 1,
    }

    agreement_id: UUID
    reference: str
    """Readable number, per academy and year, without gaps."""
    text_hash: str
    content_hash: str | None = None
    """SHA-256 in hex over all that is agreed: text, parties, centers, obligations, budget, dates."""
    language_hashes: LanguageHashes | None = None
    offered_until: date | None = None
    """The last day to sign; none if the kind sets no limit."""
    kind_version: int | None = None
    """The version of the kind whose rules the agreement keeps from here on; none before rules were kept."""
