"""An edition and a renewal: one year of an agreement, and the decision to go on after it."""

from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

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
