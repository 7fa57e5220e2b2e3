"""What the centers service publishes: the life of a center and its seats; never a learner's data."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.base import DomainEvent

CENTER = "01920000-0000-7000-8000-0000000000ce"
AGREEMENT = "01920000-0000-7000-8000-00000000000a"
ASSOCIATION = "01920000-0000-7000-8000-000000000001"


class CenterPlanned(DomainEvent):
    """A signed agreement provides for this center, with these seats."""

    type = "ma.mithaq.center.planned.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "province": "MA-CAS",
        "operator_id": ASSOCIATION,
        "name_ar": "مركز (مثال)",
        "name_fr": "Centre (exemple)",
        "funded_seats": 60,
        "unfunded_seats": 20,
    }

    center_id: UUID
    agreement_id: UUID
    academy: str
    province: str
    operator_id: UUID
    name_ar: str
    name_fr: str
    funded_seats: int
    unfunded_seats: int


class CenterFittingOutStarted(DomainEvent):
    """The premises are being prepared."""

    type = "ma.mithaq.center.fitting_out_started.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER}

    center_id: UUID


class CenterVisaGranted(DomainEvent):
    """The directorate's opening visa: the center is ready."""

    type = "ma.mithaq.center.visa_granted.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "visa_number": "VISA-EXEMPLE-1",
        "granted_on": "2024-09-27",
    }

    center_id: UUID
    visa_number: str
    granted_on: date


class CenterOpened(DomainEvent):
    """The center takes learners."""

    type = "ma.mithaq.center.opened.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "academy": "MA-06",
        "province": "MA-CAS",
        "opened_on": "2024-10-08",
        "funded_seats": 60,
        "unfunded_seats": 20,
    }

    center_id: UUID
    academy: str
    province: str
    opened_on: date
    funded_seats: int
    unfunded_seats: int


class CenterSeatsChanged(DomainEvent):
    """An amendment of the agreement grants the center other seats."""

    type = "ma.mithaq.center.seats_changed.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "academy": "MA-06",
        "province": "MA-CAS",
        "funded_seats": 80,
        "unfunded_seats": 20,
    }

    center_id: UUID
    academy: str
    province: str
    funded_seats: int
    unfunded_seats: int


class CenterOperatorChanged(DomainEvent):
    """By an amendment of the agreement, another association runs the center."""

    type = "ma.mithaq.center.operator_changed.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "academy": "MA-06",
        "province": "MA-CAS",
        "operator_id": ASSOCIATION,
    }

    center_id: UUID
    academy: str
    province: str
    operator_id: UUID


class CenterRenamed(DomainEvent):
    """By an amendment of the agreement, the center has another name."""

    type = "ma.mithaq.center.renamed.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "academy": "MA-06",
        "name_ar": "مركز آخر (مثال)",
        "name_fr": "Autre centre (exemple)",
    }

    center_id: UUID
    academy: str
    name_ar: str
    name_fr: str


class CenterEnrolmentCounted(DomainEvent):
    """So many learners are enrolled in the center on a day: registered and not cancelled, each on one kind of seat.

    Its operator tells them as numbers, which take the place of those told before.
    """

    type = "ma.mithaq.center.enrolment_counted.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {
        "center_id": CENTER,
        "academy": "MA-06",
        "counted_on": "2024-11-15",
        "funded_enrolled": 52,
        "unfunded_enrolled": 11,
    }

    center_id: UUID
    academy: str
    counted_on: date
    funded_enrolled: int
    unfunded_enrolled: int


class CenterSuspended(DomainEvent):
    """The center takes no new learner."""

    type = "ma.mithaq.center.suspended.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER, "academy": "MA-06", "because": "agreement_suspended"}

    center_id: UUID
    academy: str
    because: Literal["agreement_suspended", "decision"]


class CenterResumed(DomainEvent):
    """The center is open again."""

    type = "ma.mithaq.center.resumed.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER, "academy": "MA-06"}

    center_id: UUID
    academy: str


class CenterHandoverStarted(DomainEvent):
    """The agreement behind the center ended: inventory, learners and records are handed over."""

    type = "ma.mithaq.center.handover_started.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER, "academy": "MA-06", "agreement_id": AGREEMENT}

    center_id: UUID
    academy: str
    agreement_id: UUID


class CenterAbandoned(DomainEvent):
    """The center will not open."""

    type = "ma.mithaq.center.abandoned.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER, "academy": "MA-06"}

    center_id: UUID
    academy: str


class CenterClosed(DomainEvent):
    """The center is closed for good."""

    type = "ma.mithaq.center.closed.v1"
    topic = "centers.center"
    example: ClassVar[dict[str, Any]] = {"center_id": CENTER, "academy": "MA-06", "closed_on": "2027-09-30"}

    center_id: UUID
    academy: str
    closed_on: date
