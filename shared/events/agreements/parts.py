"""The words that the events of agreements share."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

AgreementType = Literal["central", "regional", "local", "network", "framework"]
AmendmentType = Literal["correction", "seats", "budget", "duration", "parties", "scope"]
PartyRole = Literal[
    "granting_authority",
    "supervising_ministry",
    "territorial_supervisor",
    "operator",
    "funder",
    "premises_host",
    "training_partner",
    "integration_partner",
    "witness",
]
"""What a party is in an agreement; `supervising_ministry` is the ministry's alone (docs/decisions/0043)."""
SignatureLevel = Literal["simple", "advanced", "qualified", "handwritten_scan"]
"""Levels of law 43-20, and the scan of a signature on paper."""

AGREEMENT = "01920000-0000-7000-8000-00000000000a"
AMENDMENT = "01920000-0000-7000-8000-0000000000a1"
CEREMONY = "01920000-0000-7000-8000-00000000000c"
ACADEMY_PARTY = "01920000-0000-7000-8000-000000000011"
OPERATOR_PARTY = "01920000-0000-7000-8000-000000000012"
ASSOCIATION = "01920000-0000-7000-8000-000000000001"
ACADEMY = "5f0c1d3e-0000-5000-8000-000000000006"
OBLIGATION = "01920000-0000-7000-8000-00000000000b"
CENTER = "01920000-0000-7000-8000-0000000000ce"
TEXT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SCAN = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
PERSON = "https://identity.example/realms/mithaq#president-1"


class AgreementParty(BaseModel):
    """An organisation in an agreement, with what it is there."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    organisation_id: UUID
    roles: tuple[PartyRole, ...]


class CenterToOpen(BaseModel):
    """A center that the agreement provides for, with the seats it grants."""

    model_config = ConfigDict(frozen=True)

    center_id: UUID
    province: str
    operator_id: UUID
    name_ar: str
    name_fr: str
    funded_seats: int
    unfunded_seats: int


class CenterSeats(BaseModel):
    """The seats that an edition grants a center, where they are others than agreed."""

    model_config = ConfigDict(frozen=True)

    center_id: UUID
    funded_seats: int
    unfunded_seats: int


class SealingCertificate(BaseModel):
    """Whose certificate sealed a signature: the organisation that it names, never a person."""

    model_config = ConfigDict(frozen=True)

    holder: str | None
    """The organisation's name as the certificate has it; none if it names a person alone."""
    identifier: str | None = None
    """Its organizationIdentifier (ETSI EN 319 412-1, 5.1.4), if it has one."""
    fingerprint: str
    """SHA-256 of the certificate, in hex."""
    purpose: Literal["signature", "seal"] | None = None
    """What it states that it is for (QcType, ETSI EN 319 412-5, 4.2.3); none if it states neither."""

    @property
    def named(self) -> str | None:
        """The organisation as people read it; none if it names none."""
        both = self.holder and self.identifier
        return f"{self.holder} ({self.identifier})" if both else self.holder or self.identifier


class LanguageHashes(BaseModel):
    """SHA-256 in hex of the Arabic and of the French text, each alone."""

    model_config = ConfigDict(frozen=True)

    ar: str
    fr: str
