"""The papers beside an agreement's text: what they are, never what they are called or say."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, TEXT
from shared.events.base import DomainEvent

DOCUMENT = "01920000-0000-7000-8000-0000000000d0"
ONE: dict[str, Any] = {"agreement_id": AGREEMENT, "document_id": DOCUMENT, "category": "insurance_certificate"}


class AgreementDocumentAttached(DomainEvent):
    """A paper was attached, in the place of another one or beside what there is."""

    type = "ma.mithaq.agreement.document_attached.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {
        "hash": TEXT,
        "size": 48213,
        "media_type": "application/pdf",
        "expires_on": "2025-08-31",
        "replaces": None,
    }

    agreement_id: UUID
    document_id: UUID
    category: str
    """As the kind of agreement calls it."""
    hash: str
    """SHA-256 of the file, in hex."""
    size: int
    """Bytes."""
    media_type: str
    expires_on: date | None = None
    """The last day on which it holds."""
    replaces: UUID | None = None
    """The document that it takes the place of."""


class AgreementDocumentWithdrawn(DomainEvent):
    """A paper was withdrawn, for a reason that stays with the agreement."""

    type = "ma.mithaq.agreement.document_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE

    agreement_id: UUID
    document_id: UUID
    category: str


class AgreementDocumentReminded(DomainEvent):
    """A paper will soon hold no more."""

    type = "ma.mithaq.agreement.document_reminded.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"expires_on": "2025-08-31", "days": 30}

    agreement_id: UUID
    document_id: UUID
    category: str
    expires_on: date
    days: int
    """Which reminder: days before its last day."""


class AgreementDocumentExpired(DomainEvent):
    """A paper holds no more: it counts as missing."""

    type = "ma.mithaq.agreement.document_expired.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = ONE | {"expires_on": "2025-08-31"}

    agreement_id: UUID
    document_id: UUID
    category: str
    expires_on: date
    """Its last day."""
