"""What requests about obligations carry, and what is answered."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from services.agreements.agreement import Agreement, Claim, Obligation, ObligationState
from services.agreements.bilingual import Bilingual
from services.agreements.errors.obligations import ObligationPartyUnknown
from services.agreements.schemas.words import Hash, Paragraph, each_once
from services.agreements.terms import Duty, Recurrence
from shared.ids import new_id
from shared.web import Body


class ObligationBody(Body):
    """What one party owes; due on a day, some days after the coming into force, or again and again."""

    debtor_id: UUID = Field(description="the organisation that owes, a party")
    creditor_id: UUID | None = Field(None, description="the organisation it is owed to; all the others if none is named")
    what: Bilingual
    due_on: date | None = None
    due_days: Annotated[int, Field(ge=0, le=3660)] | None = Field(None, description="days after the coming into force")
    recurrence: Recurrence | None = None
    evidence: Bilingual | None = Field(None, description="the proof that is wanted")
    opens_center: Annotated[int, Field(ge=0, lt=100)] | None = Field(
        None, description="position in `centers`, from 0, of the center whose opening fulfils it"
    )
    blocks: Annotated[list[Literal["renewal", "closing"]], Field(max_length=2), AfterValidator(each_once)] = Field(
        [], description="what cannot be done while it is unmet"
    )
    survives: bool = Field(False, description="whether it is owed beyond the agreement's termination")

    @model_validator(mode="after")
    def _is_due_in_one_way(self) -> Self:
        if sum(each is not None for each in (self.due_on, self.due_days, self.recurrence)) != 1:
            raise ValueError("one of due_on, due_days and recurrence")
        return self

    def duty(self, parties: Mapping[UUID, UUID], centers: Sequence[UUID]) -> Duty:
        """What is agreed, with a fresh id; `parties` gives the organisations' party ids.

        Refuses ObligationPartyUnknown.
        """
        named = {self.debtor_id, self.creditor_id or self.debtor_id}
        for organisation in sorted(named.difference(parties)):
            raise ObligationPartyUnknown(party=organisation)
        center = None if self.opens_center is None else centers[self.opens_center]
        return Duty(
            **self.model_dump(include={"what", "due_on", "due_days", "recurrence", "evidence", "blocks", "survives"}),
            obligation_id=new_id(),
            debtor=parties[self.debtor_id],
            creditor=parties[self.creditor_id] if self.creditor_id else None,
            fulfilled_by=None if center is None else "center_opened",
            center_id=center,
        )
