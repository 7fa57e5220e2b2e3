"""How the signatures of an amendment are asked for, given, also by others or on paper, and doubted."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import (
    AGREEMENT,
    AMENDMENT,
    ASSOCIATION,
    OPERATOR_PARTY,
    PERSON,
    SCAN,
    TEXT,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent


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
        "delegated_on": "2025-03-01",
    }

    amendment_id: UUID
    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str
    mandate_id: UUID
    """The delegator's, which the signature will rest on."""
    valid_until: date
    delegated_on: date | None = None
    """From this day on the delegate signs; what was delegated before this was told does not say."""


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
        "on_behalf_of": None,
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
    on_behalf_of: str | None = None
    """The mandated person, when a delegate signed."""


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
