"""The life of a ceremony, where agreements are signed."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT, ASSOCIATION, CEREMONY, TEXT
from shared.events.base import DomainEvent


class _Convened(DomainEvent):
    """What says who comes: to the service that tells them, and to no academy's system, which sees its own region."""

    inside = frozenset({"parties"})

    ceremony_id: UUID
    parties: tuple[UUID, ...] = ()
    """The organisations that are parties of its agreements. Between services: no academy's system is told them."""


class CeremonyPlanned(_Convened):
    """A signing ceremony is scheduled, with its order of business."""

    type = "ma.mithaq.ceremony.planned.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {
        "ceremony_id": CEREMONY,
        "planned_for": "2024-08-30T10:00:00Z",
        "agreements": 17,
        "parties": [ACADEMY, ASSOCIATION],
    }

    planned_for: datetime
    agreements: int
    """How many are to be signed; which ones, an academy learns from its own agreements only."""


class CeremonyPostponed(DomainEvent):
    """The ceremony waits for a new date, or has one."""

    type = "ma.mithaq.ceremony.postponed.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "planned_for": "2024-08-30T10:00:00Z"}

    ceremony_id: UUID
    planned_for: datetime | None = None
    """The date that holds no more."""


class CeremonyRescheduled(DomainEvent):
    """A postponed ceremony has its new date."""

    type = "ma.mithaq.ceremony.rescheduled.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {
        "ceremony_id": CEREMONY,
        "planned_for": "2024-09-06T10:00:00Z",
        "instead_of": "2024-08-30T10:00:00Z",
    }

    ceremony_id: UUID
    planned_for: datetime
    instead_of: datetime | None = None
    """The date that it was planned for before."""


class CeremonyPrepared(_Convened):
    """The lobby is open: every text is frozen and every party has a valid mandate."""

    type = "ma.mithaq.ceremony.prepared.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "parties": [ACADEMY, ASSOCIATION]}

    ceremony_id: UUID


class CeremonyChairNamed(DomainEvent):
    """Somebody is to preside."""

    type = "ma.mithaq.ceremony.chair_named.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY}

    ceremony_id: UUID


class CeremonyAttendeeAdmitted(DomainEvent):
    """Somebody took a seat for a party."""

    type = "ma.mithaq.ceremony.attendee_admitted.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "attendees": 12}

    ceremony_id: UUID
    attendees: int
    """How many are seated now."""


class CeremonyAttendeeReleased(DomainEvent):
    """Somebody has a seat no more: they left, or had been seated by mistake."""

    type = "ma.mithaq.ceremony.attendee_released.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "attendees": 11}

    ceremony_id: UUID
    attendees: int
    """How many are seated now."""


class CeremonyOrderChanged(_Convened):
    """Agreements came to the order of business, or are called in another order."""

    type = "ma.mithaq.ceremony.order_changed.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {
        "ceremony_id": CEREMONY,
        "agreements": 18,
        "planned_for": "2024-08-30T10:00:00Z",
        "parties": [ACADEMY, ASSOCIATION],
    }

    agreements: int
    """How many are to be signed now."""
    planned_for: datetime | None = None


class CeremonyAgreementStruck(_Convened):
    """An agreement is taken off the order of business."""

    type = "ma.mithaq.ceremony.agreement_struck.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {
        "ceremony_id": CEREMONY,
        "agreements": 16,
        "planned_for": "2024-08-30T10:00:00Z",
        "parties": [ACADEMY],
        "organisations": [ACADEMY, ASSOCIATION],
        "struck_id": AGREEMENT,
    }
    inside = frozenset({"parties", "organisations", "struck_id"})

    agreements: int
    """How many are left."""
    planned_for: datetime | None = None
    organisations: tuple[UUID, ...] = ()
    """The parties of the one that is struck. Between services, as `parties`."""
    struck_id: UUID | None = None
    """The one that is struck: which one it is, its parties are told and nobody else. Between services."""


class CeremonyAgreementCalled(DomainEvent):
    """An agreement of the order of business is on the table."""

    type = "ma.mithaq.ceremony.agreement_called.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "position": 3}

    ceremony_id: UUID
    position: int
    """Its place in the order of business, from 1."""


class CeremonyOpened(DomainEvent):
    """The ceremony began: its agreements can be signed."""

    type = "ma.mithaq.ceremony.opened.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "opened_at": "2024-08-30T10:02:00Z"}

    ceremony_id: UUID
    opened_at: datetime


class CeremonyInterrupted(DomainEvent):
    """The ceremony pauses: nothing is signed in it until it resumes."""

    type = "ma.mithaq.ceremony.interrupted.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY}

    ceremony_id: UUID


class CeremonyResumed(DomainEvent):
    """The ceremony goes on."""

    type = "ma.mithaq.ceremony.resumed.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY}

    ceremony_id: UUID


class CeremonyClosed(DomainEvent):
    """The ceremony is over; what was not signed stays ready to sign."""

    type = "ma.mithaq.ceremony.closed.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {
        "ceremony_id": CEREMONY,
        "closed_at": "2024-08-30T11:15:00Z",
        "signed": 16,
        "unsigned": 1,
    }

    ceremony_id: UUID
    closed_at: datetime
    signed: int
    """How many agreements all their parties have signed."""
    unsigned: int
    """How many stay ready to sign."""


class CeremonyMinutesAdopted(DomainEvent):
    """The minutes are adopted."""

    type = "ma.mithaq.ceremony.minutes_adopted.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "minutes_hash": TEXT}

    ceremony_id: UUID
    minutes_hash: str
    """SHA-256 in hex of the minutes in both languages."""


class CeremonyCancelled(DomainEvent):
    """The ceremony will not take place."""

    type = "ma.mithaq.ceremony.cancelled.v1"
    topic = "agreements.ceremony"
    example: ClassVar[dict[str, Any]] = {"ceremony_id": CEREMONY, "planned_for": "2024-08-30T10:00:00Z"}

    ceremony_id: UUID
    planned_for: datetime | None = None
    """The date last told."""
