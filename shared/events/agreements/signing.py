"""How the signatures of an agreement are asked for, given by others or on paper, and doubted."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, ASSOCIATION, OPERATOR_PARTY, PERSON, TEXT
from shared.events.base import DomainEvent

MANDATE = "01920000-0000-7000-8000-000000000002"
DELEGATE = "https://identity.example/realms/mithaq#vice-president-1"
SCAN = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


class AgreementSignatureReminded(DomainEvent):
    """Those whose turn it is to sign are reminded of it, some days before the offer ends."""

    type = "ma.mithaq.agreement.signature_reminded.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "parties": [OPERATOR_PARTY],
        "offered_until": "2024-10-29",
        "days": 7,
        "awaited": [ASSOCIATION],
    }

    agreement_id: UUID
    parties: tuple[UUID, ...]
    offered_until: date
    days: int
    """Which of the kind's reminders it is: this many days before the end."""
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AgreementSignatureOfferExpired(DomainEvent):
    """The time to sign is over: nobody signs until the offer is renewed."""

    type = "ma.mithaq.agreement.signature_offer_expired.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "parties": [OPERATOR_PARTY],
        "offered_until": "2024-10-29",
    }

    agreement_id: UUID
    parties: tuple[UUID, ...]
    """Those that have not signed."""
    offered_until: date


class AgreementSignatureOfferRenewed(DomainEvent):
    """The same text may be signed again, until another day; the signatures given before stand."""

    type = "ma.mithaq.agreement.signature_offer_renewed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "offered_until": "2024-12-31",
        "awaited": [ASSOCIATION],
    }

    agreement_id: UUID
    offered_until: date
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AgreementSigningDelegated(DomainEvent):
    """A mandated person lets another sign for one party of this agreement, for as long as the mandate lasts."""

    type = "ma.mithaq.agreement.signing_delegated.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "delegator": PERSON,
        "delegate": DELEGATE,
        "mandate_id": MANDATE,
        "valid_until": "2024-09-30",
    }

    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str
    mandate_id: UUID
    """The delegator's, which the signature will rest on."""
    valid_until: date


class AgreementDelegationWithdrawn(DomainEvent):
    """Who let another sign for one party takes that back: the party signs through its mandated people again."""

    type = "ma.mithaq.agreement.delegation_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "delegator": PERSON,
        "delegate": DELEGATE,
    }

    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str


class AgreementSignatureScanned(DomainEvent):
    """The scan of a signature on paper is brought, attested by a witness; it counts once another person checked it."""

    type = "ma.mithaq.agreement.signature_scanned.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "person": PERSON,
        "mandate_id": MANDATE,
        "ceremony_id": None,
        "file_hash": SCAN,
        "signed_on": "2024-08-30",
        "witness": "https://identity.example/realms/mithaq#officer-6",
    }

    agreement_id: UUID
    party_id: UUID
    person: str
    """Who signed on paper."""
    mandate_id: UUID
    ceremony_id: UUID | None
    file_hash: str
    """SHA-256 of the scan, in hex."""
    signed_on: date
    witness: str
    """Who saw it and brings the scan."""


class AgreementScanReturned(DomainEvent):
    """The scan does not show the signature it should: the party is asked to sign again."""

    type = "ma.mithaq.agreement.scan_returned.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "file_hash": SCAN,
        "awaited": [ASSOCIATION],
    }

    agreement_id: UUID
    party_id: UUID
    file_hash: str
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""


class AgreementSignatureConfirmed(DomainEvent):
    """A party whose signature is contested confirmed it under a mandate that holds, once all had signed."""

    type = "ma.mithaq.agreement.signature_confirmed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "organisation_id": ASSOCIATION,
        "person": PERSON,
        "mandate_id": MANDATE,
        "text_hash": TEXT,
        "confirmed_at": "2024-10-02T09:00:00Z",
        "file_hash": None,
    }

    agreement_id: UUID
    party_id: UUID
    organisation_id: UUID
    person: str
    """Who confirmed it."""
    mandate_id: UUID
    """Under which it was confirmed."""
    text_hash: str
    """Of what had been signed."""
    confirmed_at: datetime
    file_hash: str | None = None
    """SHA-256 in hex of the document that shows the confirmation, if it was given on paper."""


class AgreementSignatureContested(DomainEvent):
    """It became known that the mandate under which a party signed had ended by then.

    While signatures are awaited it does not count, and the party may sign again; once all have signed the agreement
    stands as it is. A signature on paper that waits for its check does not count under that mandate any more.
    """

    type = "ma.mithaq.agreement.signature_contested.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "mandate_id": MANDATE,
        "ended_on": "2024-08-26",
    }

    agreement_id: UUID
    party_id: UUID
    mandate_id: UUID
    ended_on: date
    """From this day on the person could not sign any more."""
