"""How the signatures of an agreement are asked for, given, also by others or on paper, and doubted."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import (
    AGREEMENT,
    ASSOCIATION,
    CENTER,
    CEREMONY,
    OPERATOR_PARTY,
    PERSON,
    SCAN,
    TEXT,
    AgreementType,
    CenterToOpen,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent

MANDATE = "01920000-0000-7000-8000-000000000002"
DELEGATE = "https://identity.example/realms/mithaq#vice-president-1"


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
        "delegated_on": "2024-08-28",
    }

    agreement_id: UUID
    party_id: UUID
    delegator: str
    delegate: str
    mandate_id: UUID
    """The delegator's, which the signature will rest on."""
    valid_until: date
    delegated_on: date | None = None
    """From this day on the delegate signs; what was delegated before this was told does not say."""


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
        "file_hash": SCAN,
        "signed_on": None,
        "witness": None,
        "certificate": {"holder": "Association (exemple)", "identifier": None, "fingerprint": TEXT, "purpose": "seal"},
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
        "on_behalf_of": None,
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
    on_behalf_of: str | None = None
    """The mandated person, when another signed by delegation."""


class AgreementScanReturned(DomainEvent):
    """The scan does not show the signature it should: the party is asked to sign again."""

    type = "ma.mithaq.agreement.scan_returned.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "party_id": OPERATOR_PARTY,
        "file_hash": SCAN,
        "awaited": [ASSOCIATION],
        "delegated": False,
    }

    agreement_id: UUID
    party_id: UUID
    file_hash: str
    awaited: tuple[UUID, ...] = ()
    """The organisations that are asked to sign, and no other."""
    delegated: bool = False
    """Whether a delegate may sign for the party still."""


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
