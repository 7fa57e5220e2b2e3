"""The life of an amendment: a branch of an agreement's content, until it is applied."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import (
    ACADEMY,
    AGREEMENT,
    ASSOCIATION,
    OPERATOR_PARTY,
    PERSON,
    TEXT,
    AmendmentType,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent

AMENDMENT = "01920000-0000-7000-8000-0000000000a1"
SCAN = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


class AmendmentProposed(DomainEvent):
    """Somebody proposes to change an agreement that all have signed."""

    type = "ma.mithaq.amendment.proposed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "amendment_type": "budget",
        "academy": "MA-06",
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    amendment_type: AmendmentType
    academy: str | None
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


class AmendmentRevised(DomainEvent):
    """The branch has another content."""

    type = "ma.mithaq.amendment.revised.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "content_hash": TEXT,
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    content_hash: str
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


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


class AmendmentRebaseNeeded(DomainEvent):
    """The agreement has changed since the branch began: approvals and signatures are void, it is rebased first."""

    type = "ma.mithaq.amendment.rebase_needed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "applied": "01920000-0000-7000-8000-0000000000a2",
    }

    amendment_id: UUID
    agreement_id: UUID
    applied: UUID | None
    """The amendment that was applied; none if the agreement ends earlier without a renewal, or could not take this
    one."""


class AmendmentRebased(DomainEvent):
    """The branch is on the agreement as it is now, and is proposed again."""

    type = "ma.mithaq.amendment.rebased.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "content_hash": TEXT,
        "resolved": 1,
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    content_hash: str
    resolved: int
    """How many conflicts somebody decided."""
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


class AmendmentPartySigned(DomainEvent):
    """A party that the amendment touches signed it."""

    type = "ma.mithaq.amendment.party_signed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisation_id": ASSOCIATION,
        "person": PERSON,
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "content_hash": TEXT,
        "level": "simple",
        "signed_at": "2025-03-03T10:00:00Z",
        "on_behalf_of": None,
        "file_hash": None,
        "signed_on": None,
        "witness": None,
        "certificate": None,
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    organisation_id: UUID
    person: str
    mandate_id: UUID
    content_hash: str
    level: SignatureLevel
    signed_at: datetime
    on_behalf_of: str | None = None
    """The mandated person, when a delegate signed."""
    file_hash: str | None = None
    """SHA-256 in hex of the sealed PDF, or of the scan of one on paper."""
    signed_on: date | None = None
    """The day on the paper."""
    witness: str | None = None
    """Who attests one on paper."""
    certificate: SealingCertificate | None = None
    """With which an advanced or qualified one was sealed."""


class AmendmentSignatureScanned(DomainEvent):
    """The scan of a signature on paper is brought, attested by a witness; it counts once another person checked it."""

    type = "ma.mithaq.amendment.signature_scanned.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "person": PERSON,
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "file_hash": SCAN,
        "signed_on": "2025-03-03",
        "witness": "https://identity.example/realms/mithaq#officer-6",
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    person: str
    """Who signed on paper."""
    mandate_id: UUID
    file_hash: str
    """SHA-256 of the scan, in hex."""
    signed_on: date
    witness: str
    """Who saw it and brings the scan."""


class AmendmentScanReturned(DomainEvent):
    """The scan does not show the signature it should: the party is asked to sign again."""

    type = "ma.mithaq.amendment.scan_returned.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "file_hash": SCAN,
        "awaited": [ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    file_hash: str
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AmendmentSigningDelegated(DomainEvent):
    """A mandated person lets another sign for one party of this amendment, for as long as the mandate lasts."""

    type = "ma.mithaq.amendment.signing_delegated.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "delegator": PERSON,
        "delegate": "https://identity.example/realms/mithaq#treasurer-1",
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "valid_until": "2025-03-31",
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str
    mandate_id: UUID
    """The delegator's, which the signature will rest on."""
    valid_until: date


class AmendmentDelegationWithdrawn(DomainEvent):
    """Who let another sign for one party takes that back: the party signs through its mandated people again."""

    type = "ma.mithaq.amendment.delegation_withdrawn.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "delegator": PERSON,
        "delegate": "https://identity.example/realms/mithaq#treasurer-1",
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str


class AmendmentSignatureReminded(DomainEvent):
    """Those whose turn it is to sign the amendment are reminded of it, some days before the offer ends."""

    type = "ma.mithaq.amendment.signature_reminded.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "parties": [OPERATOR_PARTY],
        "offered_until": "2025-05-02",
        "days": 7,
        "awaited": [ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    parties: tuple[UUID, ...]
    offered_until: date
    days: int
    """Which of the kind's reminders it is: this many days before the end."""
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AmendmentSignatureOfferExpired(DomainEvent):
    """The time to sign the amendment is over: nobody signs until the offer is renewed."""

    type = "ma.mithaq.amendment.signature_offer_expired.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "parties": [OPERATOR_PARTY],
        "offered_until": "2025-05-02",
    }

    amendment_id: UUID
    agreement_id: UUID
    parties: tuple[UUID, ...]
    """Those that have not signed."""
    offered_until: date


class AmendmentSignatureOfferRenewed(DomainEvent):
    """The same branch may be signed again, until another day; the signatures given before stand."""

    type = "ma.mithaq.amendment.signature_offer_renewed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "offered_until": "2025-07-01",
        "awaited": [ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    offered_until: date
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AmendmentSigned(DomainEvent):
    """All whom it touches have signed; it is applied at once, or when the agreement comes into force."""

    type = "ma.mithaq.amendment.signed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "signed_on": "2025-03-03",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    signed_on: date


class AmendmentSignatureConfirmed(DomainEvent):
    """A party whose signature is contested confirmed it under a mandate that holds, once all had signed."""

    type = "ma.mithaq.amendment.signature_confirmed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisation_id": ASSOCIATION,
        "person": PERSON,
        "mandate_id": "01920000-0000-7000-8000-000000000003",
        "content_hash": TEXT,
        "confirmed_at": "2025-04-02T09:00:00Z",
        "file_hash": None,
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    organisation_id: UUID
    person: str
    """Who confirmed it."""
    mandate_id: UUID
    """Under which it was confirmed."""
    content_hash: str
    confirmed_at: datetime
    file_hash: str | None = None
    """SHA-256 in hex of the document that shows the confirmation, if it was given on paper."""


class AmendmentSignatureContested(DomainEvent):
    """A mandate had ended when it was signed under, as became known only later: the signature is contested.

    While signatures are awaited it does not count, and the party may sign again; once all have signed the amendment
    stands. A signature on paper that waits for its check does not count under that mandate any more.
    """

    type = "ma.mithaq.amendment.signature_contested.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "ended_on": "2025-02-01",
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    mandate_id: UUID
    ended_on: date


class AmendmentApplied(DomainEvent):
    """The agreement is what the amendment says."""

    type = "ma.mithaq.amendment.applied.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "applied_on": "2025-03-03",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    applied_on: date


class AmendmentHindered(DomainEvent):
    """All have signed, and a rule forbids that the agreement becomes so: told once for each reason.

    It is applied as soon as the reason is gone; until then it can be withdrawn, or put on a new base and revised.
    """

    type = "ma.mithaq.amendment.hindered.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "refusal": "children-beyond-term",
        "hindered_on": "2025-03-03",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    refusal: str
    """The reason, as the end of a problem's type."""
    hindered_on: date


class AmendmentWithdrawn(DomainEvent):
    """Who keeps the agreement takes it back, or the agreement ended before it was applied."""

    type = "ma.mithaq.amendment.withdrawn.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "because": "decision",
    }

    amendment_id: UUID
    agreement_id: UUID
    because: Literal["decision", "agreement_ended"]
