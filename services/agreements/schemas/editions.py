"""What requests about editions carry, and what is answered."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.agreements.agreement import Edition, Outcome, Renewal
from services.agreements.schemas.words import Because, BudgetYear, Seats, each_once
from shared.money import Money
from shared.web import Body, BusinessDate, Listing


class EvaluateRenewal(Because):
    """What the edition was worth, and why: reports, visits, findings, results."""

    outcome: Outcome


class SeatsOfCenter(Body):
    """The seats that the next edition grants one center."""

    center_id: UUID
    funded_seats: Seats
    unfunded_seats: Seats


def _each_center_once(seats: list[SeatsOfCenter]) -> list[SeatsOfCenter]:
    each_once([each.center_id for each in seats])
    return seats


class RenewAgreement(Body):
    """The next edition. All that it takes over is named here; only the centers are kept by themselves."""

    school_year: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}/20[0-9]{2}$")] = Field(examples=["2025/2026"])
    budget_year: BudgetYear
    ends_on: BusinessDate = Field(description="the last day, included; at most a year after the running edition's")
    funded_seats: Seats
    unfunded_seats: Seats
    amount: Money = Field(description="what the parties bring in cash")
    parties: Annotated[list[UUID], Field(min_length=2, max_length=30), AfterValidator(each_once)] = Field(
        description="party ids of those who take part"
    )
    obligations: Annotated[list[UUID], Field(max_length=100), AfterValidator(each_once)] = Field(
        description="ids of the obligations that are owed again"
    )
    seats: Annotated[list[SeatsOfCenter], Field(max_length=100), AfterValidator(_each_center_once)] = Field(
        default_factory=list,
        description="the centers that get other seats than agreed; of an only center the sums tell",
    )


class EditionsAnswer(Listing[Edition]):
    """An agreement's editions, and the last renewal there was."""

    renewal: Renewal | None
