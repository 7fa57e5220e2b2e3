"""What requests about obligations carry, and what is answered."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.agreements.agreement import Agreement, Claim, Obligation, ObligationState
from services.agreements.bilingual import Bilingual
from services.agreements.errors.obligations import ObligationPartyUnknown
from services.agreements.permissions import obligation_verdicts
from services.agreements.schemas.words import Because, Hash, Paragraph, Title, each_once
from services.agreements.tables import ObligationRow
from services.agreements.terms import Duty, Fulfilling, Recurrence
from shared.actor import Actor
from shared.ids import new_id
from shared.web import Body, UnavailableAction, told_apart

Occurrence = Annotated[int, Field(ge=1, le=1000, description="which one, of an obligation that comes back")]


class ObligationBody(Body):
    """What one party owes; due on a day, some days after the coming into force, or again and again."""

    debtor_id: UUID = Field(description="the organisation that owes, a party")
    creditor_id: UUID | None = Field(None, description="the organisation it is owed to; all the others if none is")
    what: Title
    due_on: date | None = None
    due_days: Annotated[int, Field(ge=0, le=3660)] | None = Field(None, description="days after the coming into force")
    recurrence: Recurrence | None = None
    evidence: Title | None = Field(None, description="the proof that is wanted")
    opens_center: Annotated[int, Field(ge=0, lt=100)] | None = Field(
        None, description="position in `centers`, from 0, of the center whose opening fulfils it"
    )
    center: Annotated[int, Field(ge=0, lt=100)] | None = Field(
        None, description="the same for what `fulfilled_by` names; in the place of `opens_center`"
    )
    fulfilled_by: Fulfilling | None = Field(
        None,
        description="what the center does to fulfil it: it opens, is granted its opening visa, "
        "or counts learners on all its seats in the edition in which the obligation is due",
    )
    blocks: Annotated[list[Literal["renewal", "closing"]], Field(max_length=2), AfterValidator(each_once)] = Field(
        [], description="what cannot be done while it is unmet"
    )
    survives: bool = Field(False, description="whether it is owed beyond the agreement's termination")

    @model_validator(mode="after")
    def _is_due_in_one_way(self) -> Self:
        if sum(each is not None for each in (self.due_on, self.due_days, self.recurrence)) != 1:
            raise ValueError("one of due_on, due_days and recurrence")
        if (self.center is None) != (self.fulfilled_by is None):
            raise ValueError("center and fulfilled_by come together")
        if self.center is not None and self.opens_center is not None:
            raise ValueError("either opens_center, or center and fulfilled_by")
        return self

    @property
    def position(self) -> int | None:
        """Which center fulfils it, if one does."""
        return self.center if self.opens_center is None else self.opens_center

    def duty(self, parties: Mapping[UUID, UUID], centers: Sequence[UUID]) -> Duty:
        """What is agreed, with a fresh id; `parties` gives the organisations' party ids.

        Refuses ObligationPartyUnknown.
        """
        named = {self.debtor_id, self.creditor_id or self.debtor_id}
        for organisation in sorted(named.difference(parties)):
            raise ObligationPartyUnknown(party=organisation)
        return Duty(
            **self.model_dump(include={"what", "due_on", "due_days", "recurrence", "evidence", "blocks", "survives"}),
            obligation_id=new_id(),
            debtor=parties[self.debtor_id],
            creditor=parties[self.creditor_id] if self.creditor_id else None,
            fulfilled_by=self.fulfilled_by if self.opens_center is None else "center_opened",
            center_id=None if self.position is None else centers[self.position],
        )


class KnownObligation(ObligationBody):
    """An obligation among others that may be there already."""

    obligation_id: UUID | None = Field(None, description="of one that is there already")


class ClaimObligation(Body):
    """What shows that an obligation is met."""

    occurrence: Occurrence = 1
    evidence: Paragraph
    documents: Annotated[list[Hash], Field(max_length=50), AfterValidator(each_once)] = Field(
        [], description="SHA-256 of attached documents that show it, in hex"
    )


class ConfirmObligation(Body):
    """The evidence does."""

    occurrence: Occurrence = 1


class DecideObligation(Because):
    """Why it is returned, or waived."""

    occurrence: Occurrence = 1


class ObligationAnswer(BaseModel):
    """An entry of an agreement's ledger."""

    obligation_id: UUID
    occurrence: int
    debtor_id: UUID = Field(description="the organisation that owes")
    creditor_id: UUID | None = Field(description="the organisation it is owed to; all the others if none is")
    what: Bilingual = Field(description="of what is settled: as it was agreed then, though it was amended since")
    evidence_wanted: Bilingual | None
    center_id: UUID | None = Field(description="the center that fulfils it")
    fulfilled_by: Fulfilling | None = Field(description="by what the center fulfils it")
    blocks: list[str]
    survives: bool
    due_on: date
    state: ObligationState
    late_since: date | None = Field(description="the first day of its being late, if it is late today")
    claim: Claim | None
    reason: str | None = Field(description="why it was last returned, or waived")
    settled_on: date | None
    available_actions: list[str]
    unavailable_actions: list[UnavailableAction] = Field(
        description="what the reader may do in general but not now, or not about this one, and why"
    )

    @classmethod
    def all_of(cls, agreement: Agreement, by: Actor, *, today: date) -> list[Self]:
        """The whole ledger, in the order in which its entries are due."""
        return [
            cls.of(agreement, each, by, today=today)
            for each in sorted(agreement.obligations, key=lambda each: (each.due_on, each.obligation_id))
        ]

    @classmethod
    def of(cls, agreement: Agreement, entry: Obligation, by: Actor, *, today: date) -> Self:
        """One entry, with what the actor may do about it."""
        agreed, duty = agreement.agreed(entry), agreement.duty(entry.obligation_id)
        offered, others = told_apart(obligation_verdicts(by, agreement, entry))
        return cls(
            **entry.model_dump(exclude={"claim", "frozen_from", "reminded"}),
            **agreed.model_dump(include={"what", "center_id", "fulfilled_by"}),
            **duty.model_dump(include={"blocks", "survives"}),
            evidence_wanted=agreed.evidence,
            late_since=entry.late_since(today),
            claim=entry.claim,
            available_actions=offered,
            unavailable_actions=others,
        )


class Owed(BaseModel):
    """Which obligations: filters, all of which must hold."""

    model_config = ConfigDict(frozen=True)

    late: bool | None = Field(None, description="whether it is not met though its day is over")
    state: ObligationState | None = Field(
        None, description="as recorded: what a new day makes of it is shown at once, and found within about a minute"
    )
    party: UUID | None = Field(None, description="the organisation that owes")


class OwedExport(Owed):
    """Which obligations, and the form their list is wanted in."""

    format: Literal["csv", "xlsx"] = "csv"


class OwedAnswer(BaseModel):
    """An entry of some agreement's ledger, as it is found across agreements."""

    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    creditor_id: UUID | None
    what: Bilingual
    due_on: date
    state: ObligationState
    late_since: date | None = Field(description="the first day of its being late, if it is late today")

    @classmethod
    def of(cls, row: ObligationRow, *, today: date) -> Self:
        """What a row tells."""
        entry = Obligation.model_validate(row.model_dump(include=set(Obligation.model_fields)))
        return cls(
            agreement_id=row.agreement_id,
            what=Bilingual(ar=row.what_ar, fr=row.what_fr),
            late_since=entry.late_since(today),
            **entry.model_dump(include=set(cls.model_fields)),
        )
