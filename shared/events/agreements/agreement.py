"""The life of an agreement: its text, its signatures, its force and its end."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import (
    ACADEMY,
    ACADEMY_PARTY,
    AGREEMENT,
    ASSOCIATION,
    CENTER,
    CEREMONY,
    OPERATOR_PARTY,
    PERSON,
    TEXT,
    AgreementParty,
    AgreementType,
    AmendmentType,
    CenterToOpen,
    LanguageHashes,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent


class AgreementDrafted(DomainEvent):
    """An agreement exists as a draft between its parties."""

    type = "ma.mithaq.agreement.drafted.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "agreement_kind": "academy-association",
        "agreement_type": "regional",
        "academy": "MA-06",
        "parties": [
            {"party_id": ACADEMY_PARTY, "organisation_id": ACADEMY, "roles": ["granting_authority"]},
            {"party_id": OPERATOR_PARTY, "organisation_id": ASSOCIATION, "roles": ["operator"]},
        ],
        "school_year": "2024/2025",
        "effective_from": "2024-09-02",
        "effective_until": "2027-08-31",
        "framework_id": None,
    }

    agreement_id: UUID
    agreement_kind: str
    """The kind's id: what is asked of its parties, text, papers, approval and signing."""
    agreement_type: AgreementType
    academy: str | None
    """The academy concerned; none for a national agreement."""
    parties: tuple[AgreementParty, ...]
    school_year: str
    effective_from: date
    effective_until: date
    framework_id: UUID | None = None
    """The framework agreement that this one follows."""


class AgreementTextRevised(DomainEvent):
    """The Arabic and French texts changed together."""

    type = "ma.mithaq.agreement.text_revised.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "text_hash": TEXT}

    agreement_id: UUID
    text_hash: str
    """SHA-256 in hex over both languages' clauses: what signatures name once the text is frozen."""


class AgreementTermsRevised(DomainEvent):
    """What the parties set out to agree changed while they discuss it."""

    type = "ma.mithaq.agreement.terms_revised.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "parties": [
            {"party_id": ACADEMY_PARTY, "organisation_id": ACADEMY, "roles": ["granting_authority"]},
            {"party_id": OPERATOR_PARTY, "organisation_id": ASSOCIATION, "roles": ["operator"]},
        ],
        "school_year": "2024/2025",
        "effective_from": "2024-09-02",
        "effective_until": "2027-08-31",
        "framework_id": None,
    }

    agreement_id: UUID
    academy: str | None
    parties: tuple[AgreementParty, ...]
    school_year: str
    effective_from: date
    effective_until: date
    framework_id: UUID | None = None


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


class AgreementSubmittedForReview(DomainEvent):
    """The text is with legal review."""

    type = "ma.mithaq.agreement.submitted_for_review.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT}

    agreement_id: UUID


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


class AgreementPartySigned(DomainEvent):
    """A party signed the frozen text through a mandated person, or through whom that person let sign."""

    type = "ma.mithaq.agreement.party_signed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisation_id": ASSOCIATION,
        "person": PERSON,
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "ceremony_id": CEREMONY,
        "text_hash": TEXT,
        "level": "advanced",
        "on_behalf_of": None,
        "file_hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "signed_on": None,
        "witness": None,
        "certificate": {"holder": "Association (exemple)", "identifier": None, "fingerprint": TEXT},
    }

    agreement_id: UUID
    party_id: UUID
    organisation_id: UUID
    person: str
    mandate_id: UUID
    ceremony_id: UUID | None
    text_hash: str
    level: SignatureLevel
    on_behalf_of: str | None = None
    """The mandated person, when another signed by delegation."""
    file_hash: str | None = None
    """SHA-256 in hex of the PDF that carries the signature, or of the scan of one on paper."""
    signed_on: date | None = None
    """The day on the paper."""
    witness: str | None = None
    """Who attests a signature on paper."""
    certificate: SealingCertificate | None = None
    """With which an advanced or qualified signature was sealed."""


class AgreementPartyDeclined(DomainEvent):
    """A party refused to sign: the signatures given so far are void."""

    type = "ma.mithaq.agreement.party_declined.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "party_id": OPERATOR_PARTY}

    agreement_id: UUID
    party_id: UUID


class AgreementSigned(DomainEvent):
    """Every party that must sign has signed."""

    type = "ma.mithaq.agreement.signed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "agreement_type": "regional",
        "academy": "MA-06",
        "reference": "AREF-06/2024-0001",
        "signed_on": "2024-08-30",
        "effective_from": "2024-09-02",
        "effective_until": "2027-08-31",
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
    agreement_type: AgreementType
    academy: str | None
    reference: str
    signed_on: date
    effective_from: date
    effective_until: date
    centers: tuple[CenterToOpen, ...]


class AgreementVisaAwaited(DomainEvent):
    """All have signed, and it binds nobody before the visa that its kind asks for is recorded."""

    type = "ma.mithaq.agreement.visa_awaited.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "awaited": [ACADEMY]}

    agreement_id: UUID
    awaited: tuple[UUID, ...] = ()
    """The organisation whose desk records it."""


class AgreementVisaRecorded(DomainEvent):
    """The visa for which the signed agreement waited is recorded."""

    type = "ma.mithaq.agreement.visa_recorded.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "visa_number": "VISA-EXEMPLE-2",
        "granted_on": "2024-09-03",
        "recorded_on": "2024-09-05",
    }

    agreement_id: UUID
    visa_number: str
    granted_on: date
    recorded_on: date
    """It binds nobody before this day."""


class AgreementVisaWithdrawn(DomainEvent):
    """The visa was recorded by mistake and is taken back before anything bound by it: it is waited for again."""

    type = "ma.mithaq.agreement.visa_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "visa_number": "VISA-EXEMPLE-2",
        "awaited": [ACADEMY],
    }

    agreement_id: UUID
    visa_number: str
    awaited: tuple[UUID, ...] = ()
    """As of the visa that is awaited."""


class AgreementCameIntoForce(DomainEvent):
    """The start date is reached, and any visa recorded: the agreement binds."""

    type = "ma.mithaq.agreement.came_into_force.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "academy": "MA-06", "in_force_on": "2024-09-02"}

    agreement_id: UUID
    academy: str | None
    in_force_on: date


class AgreementAmended(DomainEvent):
    """An amendment was applied: the agreement says something else from this day on."""

    type = "ma.mithaq.agreement.amended.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "amendment_id": "01920000-0000-7000-8000-0000000000a1",
        "number": 1,
        "amendment_type": "seats",
        "academy": "MA-06",
        "amended_on": "2025-03-03",
        "text_hash": TEXT,
        "content_hash": TEXT,
        "language_hashes": {"ar": TEXT, "fr": TEXT},
        "parties": [
            {"party_id": ACADEMY_PARTY, "organisation_id": ACADEMY, "roles": ["granting_authority"]},
            {"party_id": OPERATOR_PARTY, "organisation_id": ASSOCIATION, "roles": ["operator"]},
        ],
        "school_year": "2024/2025",
        "effective_from": "2024-09-02",
        "effective_until": "2027-08-31",
        "centers": [
            {
                "center_id": CENTER,
                "province": "MA-CAS",
                "operator_id": ASSOCIATION,
                "name_ar": "مركز (مثال)",
                "name_fr": "Centre (exemple)",
                "funded_seats": 80,
                "unfunded_seats": 20,
            }
        ],
        "granted": None,
        "resting": [],
    }

    agreement_id: UUID
    amendment_id: UUID
    number: int
    amendment_type: AmendmentType
    academy: str | None
    amended_on: date
    text_hash: str
    content_hash: str
    language_hashes: LanguageHashes
    parties: tuple[AgreementParty, ...]
    school_year: str
    effective_from: date
    effective_until: date
    centers: tuple[CenterToOpen, ...]
    """All of them, with the seats they have now."""
    granted: tuple[CenterToOpen, ...] | None = None
    """The same with the seats that the edition under way grants, where a renewal set others; null: those agreed."""
    resting: tuple[UUID, ...] = ()
    """Those that are new while all the others rest: they rest with them."""


class AgreementSuspended(DomainEvent):
    """The agreement rests: its money only, or the centers named here too."""

    type = "ma.mithaq.agreement.suspended.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "effective_on": "2025-01-13",
        "scope": "centers",
        "centers": [CENTER],
    }

    agreement_id: UUID
    effective_on: date
    scope: Literal["money", "centers"]
    centers: tuple[UUID, ...]


class AgreementResumed(DomainEvent):
    """The suspension is lifted."""

    type = "ma.mithaq.agreement.resumed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "effective_on": "2025-02-03", "centers": [CENTER]}

    agreement_id: UUID
    effective_on: date
    centers: tuple[UUID, ...]
    """Those that the suspension had named."""


class AgreementTerminated(DomainEvent):
    """The agreement ended before its time."""

    type = "ma.mithaq.agreement.terminated.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "effective_on": "2025-06-30",
        "because": "decision",
    }

    agreement_id: UUID
    academy: str | None
    effective_on: date
    because: Literal["decision", "parent_ended"] = "decision"
    """Whether somebody decided it, or the framework agreement that it followed was terminated."""


class AgreementExpired(DomainEvent):
    """The end date has passed."""

    type = "ma.mithaq.agreement.expired.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "expired_on": "2027-09-01",
        "because": "term_over",
    }

    agreement_id: UUID
    academy: str | None
    expired_on: date
    because: Literal["term_over", "never_bound"] = "term_over"
    """Whether it had bound until then, or all had signed and what it waited for never came."""


class AgreementCancelled(DomainEvent):
    """The agreement is given up before it was signed by all."""

    type = "ma.mithaq.agreement.cancelled.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT}

    agreement_id: UUID
