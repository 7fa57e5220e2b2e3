"""What the network service publishes: who the organisations are, who may sign for them."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements import AgreementType
from shared.events.base import DomainEvent

OrganisationKind = Literal["ministry", "academy", "directorate", "network", "funder", "host", "partner"]


class OrganisationRegistered(DomainEvent):
    """An institution can now be a party: ministry, academy, directorate, network, funder, host or partner."""

    type = "ma.mithaq.organisation.registered.v1"
    topic = "network.organisation"
    example: ClassVar[dict[str, Any]] = {
        "organisation_id": "5f0c1d3e-0000-5000-8000-000000000006",
        "kind": "academy",
        "academy": "MA-06",
        "name_ar": "أكاديمية (مثال)",
        "name_fr": "Académie (exemple)",
    }

    organisation_id: UUID
    kind: OrganisationKind
    academy: str | None
    """The academy whose region it belongs to; none for a national institution."""
    name_ar: str
    name_fr: str


class AssociationRegistered(DomainEvent):
    """An association entered the register with its legal identity."""

    type = "ma.mithaq.association.registered.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {
        "association_id": "01920000-0000-7000-8000-000000000001",
        "academy": "MA-06",
        "province": "MA-CAS",
        "name_ar": "جمعية (مثال)",
        "name_fr": "Association (exemple)",
    }

    association_id: UUID
    academy: str
    """The academy of its seat."""
    province: str
    name_ar: str
    name_fr: str


class AssociationVerificationStarted(DomainEvent):
    """The association's legal file is being verified."""

    type = "ma.mithaq.association.verification_started.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {"association_id": "01920000-0000-7000-8000-000000000001"}

    association_id: UUID


class AssociationAccredited(DomainEvent):
    """The legal file holds: the association may sign agreements."""

    type = "ma.mithaq.association.accredited.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {
        "association_id": "01920000-0000-7000-8000-000000000001",
        "accredited_on": "2024-06-03",
    }

    association_id: UUID
    accredited_on: date


class AssociationRefused(DomainEvent):
    """The legal file does not hold."""

    type = "ma.mithaq.association.refused.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {"association_id": "01920000-0000-7000-8000-000000000001"}

    association_id: UUID


class AssociationSuspended(DomainEvent):
    """The association may sign nothing until it is reinstated."""

    type = "ma.mithaq.association.suspended.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {
        "association_id": "01920000-0000-7000-8000-000000000001",
        "suspended_on": "2024-11-04",
    }

    association_id: UUID
    suspended_on: date


class AssociationReinstated(DomainEvent):
    """The suspension is over: the association is accredited again."""

    type = "ma.mithaq.association.reinstated.v1"
    topic = "network.association"
    example: ClassVar[dict[str, Any]] = {
        "association_id": "01920000-0000-7000-8000-000000000001",
        "reinstated_on": "2025-01-06",
    }

    association_id: UUID
    reinstated_on: date


class MandateRecorded(DomainEvent):
    """A person may sign for an organisation between two dates, both included."""

    type = "ma.mithaq.mandate.recorded.v1"
    topic = "network.mandate"
    example: ClassVar[dict[str, Any]] = {
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "organisation_id": "01920000-0000-7000-8000-000000000001",
        "person": "https://identity.example/realms/mithaq#president-1",
        "valid_from": "2024-06-01",
        "valid_until": "2026-05-31",
        "agreement_types": ["regional", "local"],
        "academies": ["MA-06"],
        "agreements": [],
    }

    mandate_id: UUID
    organisation_id: UUID
    """An organisation or an association."""
    person: str
    """Issuer and subject of the person's identity, joined by `#`."""
    valid_from: date
    valid_until: date
    agreement_types: tuple[AgreementType, ...] = ()
    """Types of agreement for which it holds; all when none is named."""
    academies: tuple[str, ...] = ()
    """Academies for whose agreements it holds; all, and the national ones, when none is named."""
    agreements: tuple[UUID, ...] = ()
    """Agreements for which it holds; all when none is named."""


class MandateEnded(DomainEvent):
    """The mandate ends before its time: the person signs no more from this date on."""

    type = "ma.mithaq.mandate.ended.v1"
    topic = "network.mandate"
    example: ClassVar[dict[str, Any]] = {
        "mandate_id": "01920000-0000-7000-8000-000000000002",
        "organisation_id": "01920000-0000-7000-8000-000000000001",
        "ended_on": "2025-02-03",
        "how": "resigned",
    }

    mandate_id: UUID
    organisation_id: UUID
    ended_on: date
    how: Literal["resigned", "revoked"]
