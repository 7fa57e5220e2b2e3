"""An edition and a renewal: one year of an agreement, and the decision to go on after it."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.agreements import CenterSeats, CenterToOpen
from shared.money import Money

Outcome = Literal["favourable", "unfavourable"]


class EditionState(StrEnum):
    """Where an edition stands."""

    planned = "planned"
    running = "running"
    under_review = "under_review"
    closed = "closed"
    cancelled = "cancelled"


class RenewalState(StrEnum):
    """Where a renewal stands."""

    due = "due"
    evaluated = "evaluated"
    renewed = "renewed"
    not_renewed = "not_renewed"
    lapsed = "lapsed"


class Edition(BaseModel):
    """One year of the agreement; the school year and the budget year are labels of their own."""

    model_config = ConfigDict(frozen=True)

    number: int
    school_year: str
    budget_year: int
    starts_on: date
    ends_on: date
    """The last day, included."""
    funded_seats: int
    unfunded_seats: int
    amount: Money
    """What the parties bring in cash."""
    parties: tuple[UUID, ...]
    """Who takes part, by party id."""
    obligations: tuple[UUID, ...]
    """Which duties are owed in it."""
    state: EditionState = EditionState.planned
    seats: tuple[CenterSeats, ...] | None = None
    """Where it grants a center other seats than agreed; none where only the sums were told once."""

    def granted(self, centers: Iterable[CenterToOpen]) -> tuple[CenterToOpen, ...]:
        """The centers as agreed, with the seats that it grants each."""
        return granting(centers, self.seats or ())

    def still_set(self, before: Iterable[CenterToOpen], after: Iterable[CenterToOpen]) -> tuple[CenterSeats, ...]:
        """The seats that it sets itself after an amendment: where that says how many a center has, so many it has."""
        was, now = ({each.center_id: seats_of(each) for each in some} for some in (before, after))
        return tuple(each for each in self.seats or () if was.get(each.center_id) == now.get(each.center_id))


class Renewal(BaseModel):
    """Whether the agreement goes on after an edition; the last one there was."""

    model_config = ConfigDict(frozen=True)

    edition: int
    state: RenewalState
    due_on: date
    deadline_on: date
    outcome: Outcome | None = None
    reason: str | None = None
    """Of the evaluation, of its return, or of the decision not to renew."""


def granting(centers: Iterable[CenterToOpen], seats: Iterable[CenterSeats]) -> tuple[CenterToOpen, ...]:
    """The centers, some with other seats."""
    others = {each.center_id: each.model_dump() for each in seats}
    return tuple(each.model_copy(update=others.get(each.center_id, {})) for each in centers)


def seats_of(center: CenterToOpen) -> CenterSeats:
    """The seats that the agreement provides for at a center."""
    return CenterSeats(**center.model_dump(include=set(CenterSeats.model_fields)))
