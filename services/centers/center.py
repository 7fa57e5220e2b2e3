"""A center: from the agreement that provides for it to its closing."""

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from services.centers.errors import (
    AgreementRests,
    CountDatedAhead,
    CountDatedBack,
    CountOutsideSeats,
    LearnersStillEnrolled,
    NoSeats,
    ProvinceOutsideAcademy,
    VisaDatedAhead,
)
from shared.aggregate import Aggregate
from shared.events.agreements import CenterToOpen
from shared.events.base import DomainEvent
from shared.events.centers import (
    CenterAbandoned,
    CenterClosed,
    CenterEnrolmentCounted,
    CenterFittingOutStarted,
    CenterHandoverStarted,
    CenterOpened,
    CenterOperatorChanged,
    CenterPlanned,
    CenterRenamed,
    CenterResumed,
    CenterSeatsChanged,
    CenterSuspended,
    CenterVisaGranted,
)
from shared.refusals import Refusal
from shared.territory import PROVINCES, directorates_of


class CenterState(StrEnum):
    """Where a center is in its life."""

    planned = "planned"
    fitting_out = "fitting_out"
    ready = "ready"
    opened = "opened"
    suspended = "suspended"
    handing_over = "handing_over"
    closed = "closed"
    abandoned = "abandoned"


BEFORE_OPENING = frozenset({CenterState.planned, CenterState.fitting_out, CenterState.ready})
RUNNING = frozenset({CenterState.opened, CenterState.suspended})
TAUGHT = RUNNING | {CenterState.handing_over}
"""Where learners may be enrolled: enrolments stay open through a suspension and a hand-over."""
OVER = frozenset({CenterState.handing_over, CenterState.closed, CenterState.abandoned})


class Center(Aggregate):
    """A place where learners are taught, with the seats its agreement grants."""

    kind = "center"
    ALLOWED: ClassVar = {
        "start_fitting_out": frozenset({CenterState.planned}),
        "grant_visa": frozenset({CenterState.fitting_out}),
        "open_center": frozenset({CenterState.ready}),
        "suspend_center": frozenset({CenterState.opened}),
        "resume_center": frozenset({CenterState.suspended}),
        "report_enrolled": TAUGHT,
        "close_center": TAUGHT,
        "abandon_center": BEFORE_OPENING,
    }

    state: CenterState = CenterState.planned
    agreement_id: UUID = UUID(int=0)
    academy: str = ""
    province: str = ""
    operator_id: UUID = UUID(int=0)
    """The association that runs it."""
    name_ar: str = ""
    name_fr: str = ""
    funded_seats: int = 0
    unfunded_seats: int = 0
    funded_enrolled: int | None = None
    """How many learners were enrolled when they were last counted; none as long as nobody has told."""
    unfunded_enrolled: int | None = None
    counted_on: date | None = None
    visa_number: str | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    suspended_because: Literal["agreement_suspended", "decision"] | None = None
    reason: str | None = None
    """Why it was suspended, abandoned or closed by decision."""

    @staticmethod
    def plan(provided: CenterToOpen, *, agreement_id: UUID, academy: str | None) -> list[DomainEvent]:
        """A signed agreement provides for this center; a national agreement names no academy.

        Refuses a province that is unknown or outside the academy's region, and a center without seats.
        """
        province = PROVINCES.get(provided.province)
        if province is None or academy not in (None, province.academy):
            raise ProvinceOutsideAcademy(province=provided.province, academy=academy)
        if min(provided.funded_seats, provided.unfunded_seats) < 0 or not (
            provided.funded_seats + provided.unfunded_seats
        ):
            raise NoSeats(funded_seats=provided.funded_seats, unfunded_seats=provided.unfunded_seats)
        return [CenterPlanned(agreement_id=agreement_id, academy=province.academy, **provided.model_dump())]

    def follow_agreement(self, provided: CenterToOpen) -> list[DomainEvent]:
        """What the agreement, amended or in another edition, now provides for it, as long as it is not over."""
        if self.state in OVER:
            return []
        events: list[DomainEvent] = []
        place: dict[str, Any] = {"center_id": self.id, "academy": self.academy}
        if (provided.name_ar, provided.name_fr) != (self.name_ar, self.name_fr):
            events.append(CenterRenamed(**place, name_ar=provided.name_ar, name_fr=provided.name_fr))
        if provided.operator_id != self.operator_id:
            events.append(CenterOperatorChanged(**place, province=self.province, operator_id=provided.operator_id))
        seats: dict[str, Any] = {"funded_seats": provided.funded_seats, "unfunded_seats": provided.unfunded_seats}
        if seats != {name: getattr(self, name) for name in seats}:
            events.append(CenterSeatsChanged(**place, province=self.province, **seats))
        return events

    def guard(self, action: str) -> Refusal | None:
        """A center is not closed over learners who are enrolled in it, as far as they were counted."""
        if action == "close_center" and (self.funded_enrolled or self.unfunded_enrolled):
            return LearnersStillEnrolled(
                funded_enrolled=self.funded_enrolled,
                unfunded_enrolled=self.unfunded_enrolled,
                counted_on=self.counted_on,
            )
        return None

    def start_fitting_out(self) -> list[DomainEvent]:
        """Begin to prepare the premises."""
        self.require("start_fitting_out")
        return [CenterFittingOutStarted(center_id=self.id)]

    def grant_visa(self, *, visa_number: str, granted_on: date, today: date) -> list[DomainEvent]:
        """The directorate's opening visa: the center is ready."""
        self.require("grant_visa")
        if granted_on > today:
            raise VisaDatedAhead(granted_on=granted_on, today=today)
        return [CenterVisaGranted(center_id=self.id, visa_number=visa_number, granted_on=granted_on)]

    def open(self, *, on: date, agreement_rests: bool = False) -> list[DomainEvent]:
        """Take learners from this day on; not while the agreement's suspension names the center."""
        self.require("open_center")
        if agreement_rests:
            raise AgreementRests(agreement_id=self.agreement_id)
        return [
            CenterOpened(
                center_id=self.id,
                academy=self.academy,
                province=self.province,
                opened_on=on,
                funded_seats=self.funded_seats,
                unfunded_seats=self.unfunded_seats,
            )
        ]

    def suspend(self, *, reason: str) -> list[DomainEvent]:
        """Take no new learner, by decision; the reason stays in this service."""
        self.require("suspend_center")
        return [CenterSuspended(center_id=self.id, academy=self.academy, because="decision").keeping(reason=reason)]

    def resume(self, *, agreement_rests: bool = False) -> list[DomainEvent]:
        """Lift a suspension by decision; one that came with the agreement's is lifted with it."""
        self.require("resume_center")
        if agreement_rests or self.suspended_because == "agreement_suspended":
            raise AgreementRests(agreement_id=self.agreement_id)
        return [CenterResumed(center_id=self.id, academy=self.academy)]

    def rest_with_agreement(self) -> list[DomainEvent]:
        """Its agreement is suspended: so is the center, if it is open."""
        if self.state is not CenterState.opened:
            return []
        return [CenterSuspended(center_id=self.id, academy=self.academy, because="agreement_suspended")]

    def resume_with_agreement(self) -> list[DomainEvent]:
        """Its agreement is resumed: so is the center, if that is why it was suspended."""
        if self.suspended_because != "agreement_suspended":
            return []
        return [CenterResumed(center_id=self.id, academy=self.academy)]

    def end_with_agreement(self) -> list[DomainEvent]:
        """Its agreement is over: a running center is handed over, one that never opened is abandoned."""
        if self.state in RUNNING:
            return [CenterHandoverStarted(center_id=self.id, academy=self.academy, agreement_id=self.agreement_id)]
        if self.state in BEFORE_OPENING:
            return [CenterAbandoned(center_id=self.id, academy=self.academy)]
        return []

    def report_enrolled(
        self, *, funded_enrolled: int, unfunded_enrolled: int, counted_on: date, today: date
    ) -> list[DomainEvent]:
        """Tell how many learners are enrolled on a day, on funded and on unfunded seats.

        Refuses a day that has not come, or one before the last count or the opening; fewer than none, and more than
        the seats. Where an amendment took seats away, those who sit there are still told: not more than last time.
        """
        self.require("report_enrolled")
        if counted_on > today:
            raise CountDatedAhead(counted_on=counted_on, today=today)
        since = self.counted_on or self.opened_on
        if since and counted_on < since:
            raise CountDatedBack(counted_on=counted_on, since=since)
        funded = max(self.funded_seats, self.funded_enrolled or 0)
        unfunded = max(self.unfunded_seats, self.unfunded_enrolled or 0)
        if not (0 <= funded_enrolled <= funded and 0 <= unfunded_enrolled <= unfunded):
            raise CountOutsideSeats(funded=funded, unfunded=unfunded)
        return [
            CenterEnrolmentCounted(
                center_id=self.id,
                academy=self.academy,
                counted_on=counted_on,
                funded_enrolled=funded_enrolled,
                unfunded_enrolled=unfunded_enrolled,
            )
        ]

    def close(self, *, on: date, reason: str) -> list[DomainEvent]:
        """Close for good, once no learner is enrolled any more."""
        self.require("close_center")
        return [CenterClosed(center_id=self.id, academy=self.academy, closed_on=on).keeping(reason=reason)]

    def abandon(self, *, reason: str) -> list[DomainEvent]:
        """Give the center up before it opened."""
        self.require("abandon_center")
        return [CenterAbandoned(center_id=self.id, academy=self.academy).keeping(reason=reason)]

    def apply(self, event: DomainEvent) -> None:
        match event:
            case CenterPlanned():
                for name, value in event.model_dump(exclude={"center_id"}).items():
                    setattr(self, name, value)
            case CenterRenamed() | CenterOperatorChanged() | CenterSeatsChanged() | CenterEnrolmentCounted():
                for name, value in event.model_dump(exclude={"center_id"}).items():
                    setattr(self, name, value)
            case CenterFittingOutStarted():
                self.state = CenterState.fitting_out
            case CenterVisaGranted():
                self.state = CenterState.ready
                self.visa_number = event.visa_number
            case CenterOpened():
                self.state = CenterState.opened
                self.opened_on = event.opened_on
            case CenterSuspended():
                self.state = CenterState.suspended
                self.suspended_because = event.because
                self.reason = event.detail.get("reason")
            case CenterResumed():
                self.state = CenterState.opened
                self.suspended_because = self.reason = None
            case CenterHandoverStarted():
                self.state = CenterState.handing_over
                self.suspended_because = self.reason = None
            case CenterAbandoned():
                self.state = CenterState.abandoned
                self.reason = event.detail.get("reason")
            case CenterClosed():
                self.state = CenterState.closed
                self.suspended_because = None
                self.closed_on = event.closed_on
                self.reason = event.detail["reason"]
            case _:
                raise TypeError(f"not a center's event: {event.type}")

    def audience(self) -> tuple[str, ...]:
        return (self.academy,)

    def visible_to(self) -> tuple[str, ...]:
        offices = (office.code for office in directorates_of(self.province))
        return (self.academy, *offices, f"org:{self.operator_id}")
