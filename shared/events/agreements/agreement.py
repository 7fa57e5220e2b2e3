"""An agreement as it is drafted, revised, amended or given up."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import (
    ACADEMY,
    ACADEMY_PARTY,
    AGREEMENT,
    AMENDMENT,
    ASSOCIATION,
    CENTER,
    OPERATOR_PARTY,
    TEXT,
    AgreementParty,
    AgreementType,
    AmendmentType,
    CenterToOpen,
    LanguageHashes,
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


class AgreementAmended(DomainEvent):
    """An amendment was applied: the agreement says something else from this day on."""

    type = "ma.mithaq.agreement.amended.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "amendment_id": AMENDMENT,
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


class AgreementCancelled(DomainEvent):
    """The agreement is given up before it was signed by all."""

    type = "ma.mithaq.agreement.cancelled.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT}

    agreement_id: UUID
