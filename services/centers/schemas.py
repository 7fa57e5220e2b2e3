"""What requests about centers carry and what they are answered."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.centers.center import Center, CenterState
from services.centers.permissions import PERMISSIONS
from shared.actor import Actor
from shared.texts import Line, Paragraph
from shared.web import Body, BusinessDate, UnavailableAction, actions_of


class GrantVisa(Body):
    """The directorate's opening visa."""

    visa_number: Annotated[Line, Field(max_length=100)]
    granted_on: BusinessDate = Field(description="not after today")


class ReportEnrolled(Body):
    """How many learners are enrolled: registered and not cancelled, each on one kind of seat."""

    funded_enrolled: int = Field(description="on funded seats")
    unfunded_enrolled: int = Field(description="on unfunded seats")
    counted_on: BusinessDate = Field(description="not after today, nor before the last count or the opening")


class Because(Body):
    """Why; the reason stays in this service and is shown to those who see the center."""

    reason: Paragraph


class CenterAnswer(BaseModel):
    """A center with its seats."""

    id: UUID
    version: int
    state: CenterState
    agreement_id: UUID
    academy: str
    province: str
    operator_id: UUID = Field(description="the association that runs it")
    name_ar: str
    name_fr: str
    funded_seats: int
    unfunded_seats: int
    funded_enrolled: int | None = Field(description="learners on funded seats when last counted; none: not told yet")
    unfunded_enrolled: int | None = Field(description="learners on unfunded seats")
    counted_on: date | None
    visa_number: str | None
    opened_on: date | None
    closed_on: date | None
    suspended_because: Literal["agreement_suspended", "decision"] | None
    reason: str | None = Field(description="why it was suspended, abandoned or closed by decision")
    available_actions: list[str]
    unavailable_actions: list[UnavailableAction] = Field(
        [], description="in the answer to a single read: what the reader may do in general but not now, and why"
    )

    @classmethod
    def of(cls, center: Center, by: Actor, *, reasons: bool = False) -> Self:
        """What the actor is shown, with the reasons why actions are not available if they are wanted."""
        offered, others = actions_of(by, center, PERMISSIONS, reasons=reasons)
        return cls(**center.model_dump(), available_actions=offered, unavailable_actions=others)
