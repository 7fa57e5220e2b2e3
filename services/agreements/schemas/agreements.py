"""What requests about agreements carry, and what is answered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from services.agreements.agreement import (
    Agreement,
    AgreementState,
    Announcement,
    AppliedAmendment,
    ClosedFile,
    Ending,
    Suspension,
    Turn,
    Visa,
)
from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex
from services.agreements.errors import NotAParty
from services.agreements.errors.amendments import PartUnknown
from services.agreements.kinds import ContentPart
from services.agreements.permissions import PERMISSIONS
from services.agreements.places import parts_named
from services.agreements.schemas.negotiation import StepAnswer
from services.agreements.schemas.obligations import KnownObligation, ObligationBody
from services.agreements.schemas.signing import PartyAnswer
from services.agreements.schemas.words import (
    BudgetYear,
    FrenchLine,
    Line,
    NewClause,
    Paragraph,
    Seats,
    Title,
    each_once,
)
from services.agreements.surroundings import OutdatedClause
from services.agreements.terms import BudgetLine, Duty, Terms
from services.agreements.text import Clause
from shared.actor import Actor
from shared.events.agreements import AgreementParty, AgreementType, CenterToOpen, LanguageHashes, PartyRole
from shared.ids import new_id
from shared.money import Money
from shared.territory import AcademyCode, ProvinceCode
from shared.web import Body, UnavailableAction, actions_of


class PartyBody(Body):
    """An organisation, with what it is there."""

    organisation_id: UUID
    roles: Annotated[list[PartyRole], Field(min_length=1, max_length=9), AfterValidator(each_once)]


class CenterBody(Body):
    """A center that the agreement provides for; it opens after the signature."""

    province: ProvinceCode
    operator_id: UUID = Field(description="one of the parties that are operators")
    name_ar: Line
    name_fr: FrenchLine
    funded_seats: Seats
    unfunded_seats: Seats = 0


class BudgetLineBody(Body):
    """What a party brings in one budget year under one heading."""

    payer_id: UUID = Field(description="the organisation, one of the parties")
    heading: Title
    kind: Literal["cash", "in_kind"]
    amount: Money
    budget_year: BudgetYear

    def line(self, parties: Mapping[UUID, UUID]) -> BudgetLine:
        """The line, with a fresh id; `parties` gives an organisation's party. Refuses NotAParty."""
        if self.payer_id not in parties:
            raise NotAParty(party=self.payer_id)
        shown = self.model_dump(include={"kind", "budget_year"})
        return BudgetLine(
            line_id=new_id(), payer=parties[self.payer_id], heading=self.heading, amount=self.amount, **shown
        )


class AgreedBody(Body):
    """What an amendment may change beside the text, as a draft names it too."""

    title: Title
    parties: Annotated[list[PartyBody], Field(min_length=2, max_length=30)]
    centers: Annotated[list[CenterBody], Field(max_length=100)] = []
    school_year: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}/20[0-9]{2}$")] = Field(examples=["2024/2025"])
    effective_from: date
    effective_until: date = Field(description="the last day, included")
    obligations: Annotated[list[ObligationBody], Field(max_length=100)] = []
    budget: Annotated[list[BudgetLineBody], Field(max_length=200)] = []

    @model_validator(mode="after")
    def _obligations_name_its_centers(self) -> Self:
        if any(each.position is not None and each.position >= len(self.centers) for each in self.obligations):
            raise ValueError("opens_center and center are positions in centers, from 0")
        return self


class TermsBody(AgreedBody):
    """What is agreed beside the text."""

    parent_id: UUID | None = Field(None, description="the framework agreement that this one follows")

    def agreed(self, kind: str, academy: str | None, known: Agreement | None = None) -> Terms:
        """What is to be agreed. Parties and centers that `known` has keep their ids, all others have fresh ones.

        Refuses ObligationPartyUnknown, NotAParty.
        """
        old_parties = {each.organisation_id: each.party_id for each in known.parties} if known else {}
        old_centers = {(each.operator_id, each.name_fr): each.center_id for each in known.centers} if known else {}
        parties = tuple(
            AgreementParty(party_id=old_parties.get(each.organisation_id) or new_id(), **each.model_dump())
            for each in self.parties
        )
        centers = tuple(
            CenterToOpen(
                center_id=old_centers.pop((each.operator_id, each.name_fr), None) or new_id(), **each.model_dump()
            )
            for each in self.centers
        )
        party_ids = {party.organisation_id: party.party_id for party in parties}
        center_ids = [center.center_id for center in centers]
        return Terms(
            agreement_kind=kind,
            academy=academy,
            title=self.title,
            parties=parties,
            centers=centers,
            obligations=tuple(each.duty(party_ids, center_ids) for each in self.obligations),
            budget=tuple(each.line(party_ids) for each in self.budget),
            **self.model_dump(include={"school_year", "effective_from", "effective_until", "parent_id"}),
        )


class DraftAgreement(TermsBody):
    """A new agreement. Regional and local ones name their academy, the others none."""

    agreement_kind: Annotated[str, StringConstraints(max_length=100)] = Field(examples=["academy-association"])
    academy: AcademyCode | None = None
    clauses: Annotated[list[NewClause], Field(max_length=200)] = Field(
        [], description="the text, if there is one already; else the kind's own, filled in from the terms"
    )

    def terms(self) -> Terms:
        """What is to be agreed."""
        return self.agreed(self.agreement_kind, self.academy)


class ReviseTerms(TermsBody):
    """Other terms; the kind and the academy stay.

    An obligation that is named by its id keeps it, whatever is changed of it; so does one that is as it was.
    """

    obligations: Annotated[list[KnownObligation], Field(max_length=100)] = []  # type: ignore[assignment]

    @model_validator(mode="after")
    def _each_is_there_once(self) -> Self:
        each_once([each.obligation_id for each in self.obligations if each.obligation_id])
        return self

    def terms(self, known: Agreement) -> Terms:
        """What is to be agreed. Refuses PartUnknown too."""
        given = [each.obligation_id for each in self.obligations]
        require_known("obligation", given, (each.obligation_id for each in known.duties))
        terms = self.agreed(known.agreement_kind, known.academy, known)
        return terms.model_copy(update={"obligations": tuple(_keeping(terms.obligations, given, known.duties))})


def require_known(part: ContentPart, given: Iterable[UUID | None], known: Iterable[UUID]) -> None:
    """Refuse PartUnknown if ids are given that there are none of."""
    if foreign := sorted({id for id in given if id is not None}.difference(known)):
        raise PartUnknown(part=part, ids=foreign, where=parts_named([part]))


def _keeping(duties: Iterable[Duty], given: Sequence[UUID | None], known: Iterable[Duty]) -> Iterator[Duty]:
    """The duties under the ids that are given, else under those of equal ones that are known and that no id names."""
    free = [each for each in known if each.obligation_id not in given]
    for duty, id in zip(duties, given, strict=True):
        if id is not None:
            yield duty.model_copy(update={"obligation_id": id})
            continue
        equal = (each for each in free if duty.model_copy(update={"obligation_id": each.obligation_id}) == each)
        if same := next(equal, None):
            free.remove(same)
        yield same or duty


class ReviseText(Body):
    """The whole text, clause by clause in both languages."""

    clauses: Annotated[list[NewClause], Field(min_length=1, max_length=200)]


class ReturnWithRemarks(Body):
    """What legal review asks to change."""

    remarks: Paragraph


class AgreementAnswer(BaseModel):
    """An agreement, without its text."""

    id: UUID
    version: int
    state: AgreementState
    agreement_kind: str
    kind_version: int | None = Field(
        description="the version of the kind under which it was approved, which it keeps; none: today's holds"
    )
    agreement_type: AgreementType
    academy: str | None
    reference: str | None = Field(description="from the freezing of the text on")
    title: Bilingual
    parties: list[PartyAnswer]
    centers: list[CenterToOpen]
    school_year: str
    effective_from: date
    effective_until: date
    budget: list[BudgetLine]
    duties: list[Duty] = Field(description="what each party owes, as agreed; where it stands is in its obligations")
    parent_id: UUID | None = Field(description="the framework agreement that this one follows")
    turn: Turn | None = Field(description="in whose hands the text is, while it is negotiated")
    accepted_by: list[UUID] = Field(description="the parties that accept the text as it stands")
    approval: StepAnswer | None = Field(description="the step at which the file waits, while it is reviewed")
    offered_until: date | None = Field(description="the last day to sign; none if there is no limit")
    text_hash: str | None
    content_hash: str | None = Field(description="over all that is agreed, while it is frozen")
    language_hashes: LanguageHashes | None = Field(description="of each language's text alone, while it is frozen")
    outdated_clauses: list[OutdatedClause] = Field(
        [],
        description="in answers about one agreement, until its text is frozen: the clauses that say what was to be"
        " agreed before; the redrawn ones keep the text from being accepted and reviewed",
    )
    remarks: str | None
    visa: Visa | None = Field(description="as recorded, where the kind asks for one")
    suspension: Suspension | None
    announcement: Announcement | None = Field(description="a suspension or termination whose day has not come")
    ending: Ending | None
    amendments: list[AppliedAmendment] = Field(description="those that the agreement is made of, oldest first")
    closed_file: ClosedFile | None = Field(description="from the closing on; archived is a date on it")
    available_actions: list[str] = Field(
        description="what the reader may do now; in lists as far as the agreement, its reader and the day tell: only a"
        " single read looks up mandates, ceremonies, what it follows and the like"
    )
    unavailable_actions: list[UnavailableAction] = Field(
        [],
        description="in the answer to a single read: what the reader may do in general but not now, and why;"
        " and why time does not bring it into force (bring_into_force)",
    )

    @classmethod
    def of(cls, agreement: Agreement, by: Actor | None, *, reasons: bool = False) -> Self:
        """What the actor is shown, with the reasons why actions are not available if they are wanted.

        Nobody can do anything about a past state.
        """
        offered, others = _actions(agreement, by, reasons=reasons) if by else ([], [])
        told = {
            "kind_version": agreement.kind_version,
            "parties": PartyAnswer.all_of(agreement),
            "accepted_by": [each.party_id for each in agreement.acceptances],
            "approval": StepAnswer.of(agreement),
            "outdated_clauses": agreement.outdated_clauses,
            "available_actions": offered,
            "unavailable_actions": others,
        }
        return cls.model_validate(dict(agreement) | told)


def _actions(agreement: Agreement, by: Actor, *, reasons: bool) -> tuple[list[str], list[UnavailableAction]]:
    offered, others = actions_of(by, agreement, PERMISSIONS, reasons=reasons)
    if reasons and agreement.state == AgreementState.signed and (waits := agreement.refusal_of("bring_into_force")):
        others.append(UnavailableAction.of("bring_into_force", waits))
    return offered, others


class TextAnswer(BaseModel):
    """The text in both languages, and the hash that a signature names."""

    text_hash: str | None
    clauses: list[Clause]
    annexes: list[Annex] = Field(description="documents that are part of what is accepted, frozen and signed")
