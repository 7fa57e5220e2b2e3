"""What requests about the rest and the end of an agreement carry, and the impact that is answered."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.agreements.agreement import Confirmation
from services.agreements.impact import Impact
from services.agreements.schemas.words import Hash, Line, Paragraph, each_once
from shared.web import Body, BusinessDate

Acknowledgement = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,400}$")]


class RecordVisa(Body):
    """The visa that the agreement's kind asks for."""

    visa_number: Line = Field(description="the reference of the visa")
    granted_on: BusinessDate = Field(description="never ahead")
    document_hash: Hash | None = Field(None, description="of the file, if it was attached")


class OnADocument(Body):
    """On what it stands: the reference of a legal document, its file, or both."""

    document: Line | None = Field(None, description="reference of the decision")
    document_hash: Hash | None = Field(None, description="of the file, if it was attached")

    @model_validator(mode="after")
    def _stands_on_one(self) -> Self:
        if self.document is None and self.document_hash is None:
            raise ValueError("name the document, or its file")
        return self


class Decided(OnADocument):
    """A decision that takes effect after due notice."""

    reason: Paragraph
    notified_on: BusinessDate | None = Field(
        None, description="when the parties were given notice: no day before all had signed; today unless given"
    )
    effective_on: BusinessDate | None = Field(
        None, description="the first day that the notice allows unless given; what lies ahead is announced"
    )
    acknowledgement: Acknowledgement = Field(description="of the impact that was read before")


class SuspendAgreement(Decided):
    """How far the agreement rests, and on which legal document that stands."""

    scope: Literal["money", "centers"] = Field(description="its money only, or centers too")
    centers: Annotated[list[UUID], Field(max_length=100), AfterValidator(each_once)] = Field(
        [], description="which centers; all of them when none is named"
    )

    @model_validator(mode="after")
    def _money_has_no_centers(self) -> Self:
        if self.scope == "money" and self.centers:
            raise ValueError("a suspension of money names no center")
        return self


class ResumeAgreement(Body):
    """From when the suspension is lifted, and why."""

    reason: Paragraph | None = Field(None, description="without one it is refused (`resumption-without-reason`)")
    document: Line | None = Field(None, description="reference of the decision")
    effective_on: BusinessDate | None = Field(None, description="today unless given; never ahead")


class TerminateAgreement(Decided):
    """Why the agreement ends before its time, and on which legal document that stands."""


class CloseAgreement(OnADocument):
    """What whoever closes the file answers for, on the strength of the final account."""

    confirmed: Annotated[list[Confirmation], Field(max_length=7), AfterValidator(each_once)]


class ImpactAnswer(Impact):
    """What a decision would touch, and what acknowledges it."""

    funded_seats: int
    unfunded_seats: int
    learners: int | None = Field(description="in number; none: not every center has told one")
    funded_learners: int | None = Field(description="of these, on funded seats")
    acknowledgement: str = Field(
        description="to be given with the decision; it is refused once the impact is another, but for `people`"
    )

    @classmethod
    def told(cls, impact: Impact) -> Self:
        """What is shown."""
        return cls(
            **dict(impact),
            funded_seats=sum(each.funded_seats for each in impact.centers),
            unfunded_seats=sum(each.unfunded_seats for each in impact.centers),
            learners=_total(each.learners for each in impact.centers),
            funded_learners=_total(each.funded_learners for each in impact.centers),
            acknowledgement=impact.fingerprint,
        )


def _total(numbers: Iterable[int | None]) -> int | None:
    """The sum, if every number is known."""
    told = list(numbers)
    known = [each for each in told if each is not None]
    return sum(known) if len(known) == len(told) else None
