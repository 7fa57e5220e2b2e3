"""What requests about agreements and ceremonies carry, and what is answered."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.agreements.agreement import Agreement, AgreementState, Ending, Suspension
from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.commands import SignatureRequest
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import SignatureBatchRow
from services.agreements.terms import Bilingual, Terms, must_sign
from services.agreements.text import Clause
from shared.actor import Actor
from shared.events.agreements import AgreementParty, AgreementType, CenterToOpen, PartyRole, SignatureLevel
from shared.ids import new_id
from shared.refusals import Refusal
from shared.territory import AcademyCode, ProvinceCode
from shared.web import Body, available_actions
from shared.web.problems import members_of

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""One line that people read."""
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex."""
Seats = Annotated[int, Field(ge=0, le=10_000)]


def _each_once(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("each only once")
    return values


class PartyBody(Body):
    """An organisation, with what it is there."""

    organisation_id: UUID
    roles: Annotated[list[PartyRole], Field(min_length=1, max_length=9), AfterValidator(_each_once)]


class CenterBody(Body):
    """A center that the agreement provides for; it opens after the signature."""

    province: ProvinceCode
    operator_id: UUID = Field(description="one of the parties that are operators")
    name_ar: Line
    name_fr: Line
    funded_seats: Seats
    unfunded_seats: Seats = 0


class DraftAgreement(Body):
    """A new agreement. Regional and local ones name their academy, the others none."""

    agreement_type: AgreementType
    academy: AcademyCode | None = None
    title: Bilingual
    parties: Annotated[list[PartyBody], Field(min_length=2, max_length=30)]
    centers: Annotated[list[CenterBody], Field(max_length=100)] = []
    school_year: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}/20[0-9]{2}$")] = Field(examples=["2024/2025"])
    effective_from: date
    effective_until: date = Field(description="the last day, included")
    clauses: Annotated[list[Clause], Field(max_length=200)] = Field([], description="the text, if there is one already")

    def terms(self) -> Terms:
        """What is to be agreed, with fresh ids for parties and centers."""
        return Terms(
            **self.model_dump(exclude={"title", "parties", "centers", "clauses"}),
            title=self.title,
            parties=tuple(AgreementParty(party_id=new_id(), **party.model_dump()) for party in self.parties),
            centers=tuple(CenterToOpen(center_id=new_id(), **center.model_dump()) for center in self.centers),
        )


class ReviseText(Body):
    """The whole text, clause by clause in both languages."""

    clauses: Annotated[list[Clause], Field(min_length=1, max_length=200)]


class Because(Body):
    """Why; shown to those who see the agreement or ceremony, and never published."""

    reason: Paragraph


class ReturnWithRemarks(Body):
    """What legal review asks to change."""

    remarks: Paragraph


class SignAgreement(Body):
    """A signature under the frozen text, for one party."""

    party_id: UUID
    text_hash: Hash = Field(description="of the text that is signed, as the agreement and its text show it")
    ceremony_id: UUID | None = Field(None, description="the open ceremony in which it is signed")
    level: SignatureLevel = "simple"


class DeclineAgreement(Body):
    """A party's refusal to sign the frozen text."""

    party_id: UUID
    text_hash: Hash
    reason: Paragraph


class SuspendAgreement(Body):
    """How far the agreement rests, and on which legal document that stands."""

    scope: Literal["money", "centers"] = Field(description="its money only, or centers too")
    centers: Annotated[list[UUID], Field(max_length=100), AfterValidator(_each_once)] = Field(
        [], description="which centers; all of them when none is named"
    )
    reason: Paragraph
    document: Line = Field(description="reference of the decision")
    effective_on: date | None = Field(None, description="today unless given; never ahead")

    @model_validator(mode="after")
    def _money_has_no_centers(self) -> Self:
        if self.scope == "money" and self.centers:
            raise ValueError("a suspension of money names no center")
        return self


class ResumeAgreement(Body):
    """From when the suspension is lifted."""

    effective_on: date | None = Field(None, description="today unless given; never ahead")


class TerminateAgreement(Body):
    """Why the agreement ends before its time, and on which legal document that stands."""

    reason: Paragraph
    document: Line = Field(description="reference of the decision")
    effective_on: date | None = Field(None, description="today unless given; never ahead")


class PlanCeremony(Body):
    """A signing ceremony with its order of business."""

    title: Bilingual
    place: Bilingual | None = None
    planned_for: AwareDatetime
    agreements: Annotated[list[UUID], Field(min_length=1, max_length=100), AfterValidator(_each_once)] = Field(
        description="in the order in which they are called"
    )


class RescheduleCeremony(Body):
    """The new date."""

    planned_for: AwareDatetime


class BatchItem(Body):
    """One signature of a batch."""

    agreement_id: UUID
    party_id: UUID
    text_hash: Hash


class SignBatch(Body):
    """Signatures that one person gives together, each standing for itself."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=100)]
    ceremony_id: UUID | None = None
    level: SignatureLevel = "simple"

    def requests(self) -> list[SignatureRequest]:
        """The signatures asked for."""
        return [SignatureRequest(**item.model_dump()) for item in self.items]


class SignatureAnswer(BaseModel):
    """A party's signature."""

    person: str
    mandate_id: UUID
    ceremony_id: UUID | None
    level: SignatureLevel
    signed_at: datetime


class PartyAnswer(BaseModel):
    """A party, what it is there, and whether it has signed."""

    party_id: UUID
    organisation_id: UUID
    name: Bilingual | None = Field(description="as at the freezing of the text; before it, as far as known at drafting")
    roles: list[PartyRole]
    must_sign: bool
    signature: SignatureAnswer | None

    @classmethod
    def all_of(cls, agreement: Agreement) -> list[Self]:
        """The parties in their order."""
        signatures = {each.party_id: SignatureAnswer(**each.model_dump()) for each in agreement.signatures}
        return [
            cls(
                party_id=party.party_id,
                organisation_id=party.organisation_id,
                name=agreement.names.get(party.organisation_id),
                roles=list(party.roles),
                must_sign=must_sign(party),
                signature=signatures.get(party.party_id),
            )
            for party in agreement.parties
        ]


class AgreementAnswer(BaseModel):
    """An agreement, without its text."""

    id: UUID
    version: int
    state: AgreementState
    agreement_type: AgreementType
    academy: str | None
    reference: str | None = Field(description="from the freezing of the text on")
    title: Bilingual
    parties: list[PartyAnswer]
    centers: list[CenterToOpen]
    school_year: str
    effective_from: date
    effective_until: date
    text_hash: str | None
    remarks: str | None
    suspension: Suspension | None
    ending: Ending | None
    available_actions: list[str]

    @classmethod
    def of(cls, agreement: Agreement, by: Actor | None) -> Self:
        """What the actor is shown; nobody can do anything about a past state."""
        return cls(
            **agreement.model_dump(exclude={"parties", "names", "signatures"}),
            parties=PartyAnswer.all_of(agreement),
            available_actions=available_actions(by, agreement, PERMISSIONS) if by else [],
        )


class TextAnswer(BaseModel):
    """The text in both languages, and the hash that a signature names."""

    text_hash: str | None
    clauses: list[Clause]


class CeremonyAnswer(BaseModel):
    """A ceremony, with those agreements of its order of business that the reader may see."""

    id: UUID
    version: int
    state: CeremonyState
    title: Bilingual
    place: Bilingual | None
    planned_for: datetime
    agreements: list[UUID]
    reason: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    signed: list[UUID]
    unsigned: list[UUID]
    available_actions: list[str]

    @classmethod
    def of(cls, ceremony: Ceremony, by: Actor) -> Self:
        """What the actor is shown."""
        seen = ceremony.seen_by(by)
        orders = ("agreements", "signed", "unsigned")
        return cls(
            **ceremony.model_dump(exclude={"codes", "minutes", *orders}),
            **{name: [each for each in getattr(ceremony, name) if each in seen] for name in orders},
            available_actions=available_actions(by, ceremony, PERMISSIONS),
        )


class MinutesAnswer(BaseModel):
    """The minutes as Markdown, in both languages."""

    adopted: bool
    ar: str
    fr: str


class BatchItemAnswer(BaseModel):
    """What became of one signature."""

    agreement_id: UUID
    party_id: UUID
    outcome: Literal["pending", "signed", "refused"]
    state: AgreementState | None = Field(None, description="of the agreement after the signature")
    version: int | None = Field(None, description="of the agreement after the signature")
    problem: dict[str, Any] | None = Field(None, description="why it was refused, as a problem (RFC 9457)")


class BatchAnswer(BaseModel):
    """A batch of signatures, finished when none is pending."""

    id: UUID
    finished: bool
    ceremony_id: UUID | None
    level: SignatureLevel
    created_at: datetime
    items: list[BatchItemAnswer]

    @classmethod
    def of(cls, batch: SignatureBatchRow, request: Request) -> Self:
        """The batch, with its refusals in the reader's language."""
        return cls(
            **batch.model_dump(include={"id", "ceremony_id", "level", "created_at"}),
            finished=batch.finished_at is not None,
            items=[
                BatchItemAnswer(**item, problem=_problem(item["refusal"], request) if "refusal" in item else None)
                for item in batch.items
            ],
        )


def _problem(kept: dict[str, Any], request: Request) -> dict[str, Any]:
    kind = type("KeptRefusal", (Refusal,), {"slug": kept["slug"], "status": kept["status"]})
    members = members_of(request, kind(**kept["values"]))
    # They belong to a whole answer, and would make a repeated one differ.
    return {name: value for name, value in members.items() if name not in ("instance", "trace_id")}
