"""What requests about amendments carry, and what is answered."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.agreements.agreement import Delegation, Scan
from services.agreements.amendment import Amendment, AmendmentSignature, AmendmentState
from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex, Content
from services.agreements.kinds import ContentPart
from services.agreements.merge import Change, Conflict, Place, Side
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.agreements import AgreedBody, BudgetLineBody, CenterBody, PartyBody, require_known
from services.agreements.schemas.negotiation import StepAnswer
from services.agreements.schemas.obligations import KnownObligation
from services.agreements.schemas.signing import Confirming, GivenLevel, SeenOnPaper
from services.agreements.schemas.words import Hash, NewClause, Paragraph
from services.agreements.surroundings import OutdatedClause
from services.agreements.terms import Duty
from services.agreements.text import Clause, keyed, table_of
from shared.actor import Actor
from shared.events.agreements import AgreementParty, AmendmentType, CenterToOpen, PartyRole
from shared.ids import new_id
from shared.texts import KEPT
from shared.web import Body, UnavailableAction, actions_of
from shared.web.problems import told


class ProposeAmendment(Body):
    """What kind of amendment, and why."""

    amendment_type: AmendmentType
    reason: Paragraph


class AmendedCenter(CenterBody):
    """A center as the amendment has it."""

    center_id: UUID | None = Field(None, description="of one that is there already")


class AmendedBudgetLine(BudgetLineBody):
    """A line of the budget as the amendment has it."""

    line_id: UUID | None = Field(None, description="of one that is there already")


class AmendedContent(AgreedBody):
    """The whole content of the branch, read to be changed and put back; what is left out is taken back.

    Clauses are known by their keys, parties by their organisations, the rest by ids; what is new has no id yet.
    """

    centers: Annotated[list[AmendedCenter], Field(max_length=100)] = []  # type: ignore[assignment]
    obligations: Annotated[list[KnownObligation], Field(max_length=100)] = []  # type: ignore[assignment]
    budget: Annotated[list[AmendedBudgetLine], Field(max_length=200)] = []  # type: ignore[assignment]
    clauses: Annotated[list[NewClause], Field(min_length=1, max_length=200)]
    annexes: Annotated[list[UUID], Field(max_length=200)] | None = Field(
        None, description="the agreement's documents that are part of the text, in their order; null: as they are"
    )

    @model_validator(mode="after")
    def _each_is_there_once(self) -> Self:
        for ids in (
            [each.center_id for each in self.centers],
            [each.obligation_id for each in self.obligations],
            [each.line_id for each in self.budget],
            self.annexes or [],
        ):
            given = [id for id in ids if id is not None]
            if len(set(given)) < len(given):
                raise ValueError("what has an id comes only once")
        return self

    def content(self, known: Sequence[Content], papers: Iterable[Annex] = ()) -> Content:
        """What is to be agreed. `known` are the base and the branch as it is: what they have keeps its id.

        `papers` are the agreement's documents, each as an annex.

        Refuses PartUnknown, ObligationPartyUnknown, NotAParty, ClauseRepeated.
        """
        require_known(
            "center",
            (each.center_id for each in self.centers),
            (each.center_id for content in known for each in content.centers),
        )
        require_known(
            "obligation",
            (each.obligation_id for each in self.obligations),
            (each.obligation_id for content in known for each in content.obligations),
        )
        require_known(
            "budget_line",
            (each.line_id for each in self.budget),
            (each.line_id for content in known for each in content.budget),
        )
        parties = _parties(self.parties, known)
        ids = {each.organisation_id: each.party_id for each in parties}
        centers = tuple(
            CenterToOpen(center_id=each.center_id or new_id(), **each.model_dump(exclude={"center_id"}))
            for each in self.centers
        )
        center_ids = [each.center_id for each in centers]
        duties = [(each.obligation_id, each.duty(ids, center_ids)) for each in self.obligations]
        lines = [(each.line_id, each.line(ids)) for each in self.budget]
        return Content(
            title=self.title,
            parties=parties,
            centers=centers,
            obligations=tuple(duty.model_copy(update={"obligation_id": id}) if id else duty for id, duty in duties),
            budget=tuple(line.model_copy(update={"line_id": id}) if id else line for id, line in lines),
            clauses=table_of(self.clauses),
            annexes=self._annexed(known, papers),
            **self.model_dump(include={"school_year", "effective_from", "effective_until"}),
        )

    def _annexed(self, known: Sequence[Content], papers: Iterable[Annex]) -> tuple[Annex, ...]:
        if self.annexes is None:
            return known[-1].annexes
        there = {each.document_id: each for each in (*papers, *(each for content in known for each in content.annexes))}
        require_known("annex", self.annexes, there)
        return tuple(there[id] for id in self.annexes)

    @property
    def text(self) -> list[Clause]:
        """The clauses, each under its key."""
        return keyed(self.clauses)

    @classmethod
    def of(cls, content: Content, clauses: Sequence[Clause], parties: Iterable[AgreementParty]) -> Self:
        """The content as it is put back. `parties` are all that obligations and budget lines may name."""
        organisations = {each.party_id: each.organisation_id for each in parties}
        positions = {each.center_id: position for position, each in enumerate(content.centers)}
        found = {
            "title": content.title,
            "parties": [each.model_dump(exclude={"party_id"}) for each in content.parties],
            "centers": [each.model_dump() for each in content.centers],
            "obligations": [
                {
                    "debtor_id": organisations[each.debtor],
                    "creditor_id": organisations[each.creditor] if each.creditor else None,
                    **_fulfilling(each, positions),
                    **each.model_dump(exclude={"debtor", "creditor", "fulfilled_by", "center_id"}),
                }
                for each in content.obligations
            ],
            "budget": [
                {"payer_id": organisations[each.payer], **each.model_dump(exclude={"payer"})} for each in content.budget
            ],
            "clauses": list(clauses),
            "annexes": [each.document_id for each in content.annexes],
            **content.model_dump(include={"school_year", "effective_from", "effective_until"}),
        }
        # What was stored before texts had to be as they are now is read all the same.
        return cls.model_validate(found, context=KEPT)


class Resolution(Body):
    """Which side of a conflict stands: the agreement's, or the branch's."""

    part: ContentPart
    key: Annotated[str, Field(min_length=1, max_length=100)]
    side: Side


class RebaseAmendment(Body):
    """What stands where both sides changed the same part; none if there is no conflict."""

    resolved: Annotated[list[Resolution], Field(max_length=1000)] = []

    def sides(self) -> Mapping[Place, Side]:
        """The side that stands, by place."""
        return {(each.part, each.key): each.side for each in self.resolved}


class SignAmendment(Body):
    """A signature under the frozen branch, for one party."""

    party_id: UUID
    content_hash: Hash = Field(description="of what is signed, as the amendment shows it")
    level: GivenLevel = "simple"


class DeclineAmendment(Body):
    """A party's refusal to sign the amendment."""

    party_id: UUID
    content_hash: Hash
    reason: Paragraph


class ConfirmAmendmentSignature(Confirming):
    """That a party stands by its signature under an amendment, which is contested."""

    content_hash: Hash = Field(description="of what was signed, as the amendment shows it")


class RecordAmendmentScan(SeenOnPaper):
    """A signature under the frozen branch on paper, that the sender saw given."""

    content_hash: Hash


class AmendmentPartyAnswer(BaseModel):
    """A party of the agreement or of the branch, and whether it has signed the amendment."""

    party_id: UUID
    organisation_id: UUID
    name: Bilingual | None
    roles: list[PartyRole]
    must_sign: bool | None = Field(description="whether the amendment touches it; null until it is approved")
    delegation: Delegation | None = Field(description="who signs in whose place, and until when")
    scan: Scan | None = Field(None, description="its signature on paper, until it is checked")
    signature: AmendmentSignature | None

    @classmethod
    def all_of(cls, amendment: Amendment) -> list[Self]:
        """The parties in their order."""
        given = {each.party_id: each for each in amendment.signatures}
        return [
            cls(
                name=amendment.names.get(each.organisation_id),
                must_sign=each.party_id in amendment.touched if amendment.touched else None,
                delegation=amendment.delegations.get(each.party_id),
                scan=amendment.scans.get(each.party_id),
                signature=given.get(each.party_id),
                **each.model_dump(),
            )
            for each in amendment.parties
        ]


class HindranceAnswer(BaseModel):
    """Why a signed amendment cannot be applied, in the reader's language."""

    type: str = Field(description="stable reference of the reason, as a problem's type")
    detail: str
    since: date

    @classmethod
    def of(cls, amendment: Amendment) -> Self | None:
        """The reason; none while nothing hinders it."""
        if (found := amendment.hindrance) is None:
            return None
        refusal = found.as_refusal()
        return cls(type=f"/problems/{refusal.slug}", detail=told(refusal), since=found.since)


class AmendmentAnswer(BaseModel):
    """An amendment, without its content."""

    id: UUID
    version: int
    state: AmendmentState
    agreement_id: UUID
    amendment_type: AmendmentType
    academy: str | None
    number: int | None = Field(description="of the agreement's amendments, without gaps; from its approval on")
    reference: str | None
    reason: str
    remarks: str | None
    base_hash: str = Field(description="of the content that the branch began from")
    content_hash: str = Field(description="of the branch, which a signature names")
    parties: list[AmendmentPartyAnswer]
    approval: StepAnswer | None = Field(description="the step at which the file waits, while it is reviewed")
    offered_until: date | None = Field(description="the last day to sign; none if there is no limit")
    applied_on: date | None
    hindrance: HindranceAnswer | None = Field(description="why it is not applied though all have signed")
    outdated_clauses: list[OutdatedClause] = Field(
        [],
        description="in answers about one amendment, until its branch is frozen: the clauses that say what was agreed,"
        " or to be agreed, before",
    )
    available_actions: list[str] = Field(
        description="what the reader may do now; in lists as far as the amendment, its agreement, the reader and the"
        " day tell: only a single read looks up mandates, lost texts and the like"
    )
    unavailable_actions: list[UnavailableAction] = Field(
        [], description="in the answer to a single read: what the reader may do in general but not now, and why"
    )

    @classmethod
    def of(cls, amendment: Amendment, by: Actor, *, reasons: bool = False) -> Self:
        """What the actor is shown, with the reasons why actions are not available if they are wanted."""
        offered, others = actions_of(by, amendment, PERMISSIONS, reasons=reasons)
        return cls(
            **amendment.model_dump(exclude={"parties", "names", "signatures", "hindrance"}),
            parties=AmendmentPartyAnswer.all_of(amendment),
            approval=StepAnswer.of(amendment),
            hindrance=HindranceAnswer.of(amendment),
            outdated_clauses=list(amendment.outdated_clauses),
            available_actions=offered,
            unavailable_actions=others,
        )


class AmendmentExport(BaseModel):
    """Which amendments, and the form their list is wanted in."""

    model_config = ConfigDict(frozen=True)

    state: AmendmentState | None = None
    agreement_id: UUID | None = Field(None, description="of this agreement alone")
    format: Literal["csv", "xlsx"] = "csv"


class PartChange(Change):
    """A part that the amendment changes, before and after; clauses with their text in both languages."""

    part: ContentPart
    key: str = Field(description="a clause's key, an id, or the name of a date or of what comes in order")


class PartConflict(Conflict):
    """A part that the agreement and the branch changed differently since the branch began, with both sides."""

    part: ContentPart
    key: str


def _parties(given: Sequence[PartyBody], known: Sequence[Content]) -> tuple[AgreementParty, ...]:
    old = {each.organisation_id: each.party_id for content in reversed(known) for each in content.parties}
    return tuple(
        AgreementParty(party_id=old.get(each.organisation_id) or new_id(), **each.model_dump()) for each in given
    )


def _fulfilling(duty: Duty, positions: Mapping[UUID, int]) -> dict[str, Any]:
    """Which center fulfils it by what, as it was always told of an opening."""
    if duty.center_id is None:
        return {}
    position = positions[duty.center_id]
    opening = duty.fulfilled_by == "center_opened"
    return {"opens_center": position} if opening else {"center": position, "fulfilled_by": duty.fulfilled_by}
