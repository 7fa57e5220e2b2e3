"""What a decision touches, part by part: the words in which an impact is told."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.agreement import AgreementState, EditionState, ObligationState, Scope
from services.agreements.bilingual import Bilingual
from shared.money import Money

Action = Literal["suspend_agreement", "terminate_agreement"]
CenterStanding = Literal[
    "planned", "fitting_out", "ready", "opened", "suspended", "handing_over", "closed", "abandoned"
]
UNOPENED = frozenset({"planned", "fitting_out", "ready"})
"""Where there are no learners: a center takes them from its opening on."""
DONE = frozenset({"handing_over", "closed", "abandoned"})
"""Where nothing becomes of a center any more."""


class Part(BaseModel):
    """One thing that is touched."""

    model_config = ConfigDict(frozen=True)


class Decision(Part):
    """What would be decided, with its day."""

    action: Action
    effective_on: date
    scope: Scope | None
    centers: tuple[UUID, ...] = Field(description="those that a suspension names")


class AgreementTouched(Part):
    """The agreement itself, and those that follow it as their framework."""

    agreement_id: UUID
    reference: str | None
    state: AgreementState
    becomes: AgreementState


class CenterTouched(Part):
    """A center, with its seats and, as numbers, the learners enrolled in it."""

    center_id: UUID
    agreement_id: UUID
    academy: str
    province: str
    state: CenterStanding
    becomes: CenterStanding
    funded_seats: int
    unfunded_seats: int
    learners: int | None = Field(description="as the center last counted them; none: it has told no number yet")
    funded_learners: int | None = Field(description="of these, on funded seats")
    counted_on: date | None = Field(description="the day of that count")


class ObligationsTouched(Part):
    """So many entries of the ledger, of one debtor and in one state."""

    agreement_id: UUID
    debtor_id: UUID
    state: ObligationState
    becomes: ObligationState
    number: int


class EditionTouched(Part):
    """A year of the agreement that runs or is to come, with what it grants; a suspension leaves its state."""

    agreement_id: UUID
    edition: int
    state: EditionState
    becomes: EditionState
    budget_year: int
    funded_seats: int
    unfunded_seats: int
    amount: Money = Field(description="what the parties bring in cash, as drafted, renewed or amended")


class AmountTouched(Part):
    """What an organisation agreed to bring in a budget year that is not over; what it has paid is not known yet.

    What a renewal sets for a year is told of its edition: nobody says there who brings it.
    """

    agreement_id: UUID
    payer_id: UUID
    heading: Bilingual
    kind: Literal["cash", "in_kind"]
    budget_year: int
    amount: Money


class AmendmentTouched(Part):
    """An amendment that is not settled: it goes no further once the agreement is over."""

    amendment_id: UUID
    state: str
    becomes: str


class CeremonyTouched(Part):
    """A ceremony that is not over and has the agreement in its order of business."""

    ceremony_id: UUID
    state: str


class SubscriberTouched(Part):
    """How many addresses of an academy are told."""

    academy: str
    endpoints: int
