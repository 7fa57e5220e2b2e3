"""What requests about negotiation, approval and substitution carry, and what is answered."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.words import Because, Hash, Line, Paragraph, PersonId
from services.agreements.substitution import Substitution, SubstitutionState
from shared.actor import Actor, Role
from shared.territory import AcademyCode
from shared.web import Body, BusinessDate, available_actions


class PassTurn(Body):
    """Into whose hands the text goes."""

    party_id: UUID
    note: Paragraph | None = Field(None, description="what the next party should know")


class AcceptText(Body):
    """A party's word that it accepts the text as it stands."""

    party_id: UUID
    text_hash: Hash = Field(description="of all that is accepted, terms and clauses, as the agreement shows it")


class WithdrawAcceptance(Because):
    """Why the party does not accept the text any more."""

    party_id: UUID


class ApproveAsSubstitute(Body):
    """In whose place one approves."""

    person: Line = Field(description="who named the sender their substitute, as issuer#subject")


class GrantSubstitution(Body):
    """Who approves in the sender's place, and when."""

    substitute: PersonId = Field(description="the person, as issuer#subject; of the same jurisdiction")
    valid_from: BusinessDate
    valid_until: BusinessDate = Field(description="the last day, included")
    reason: Paragraph
    kinds: Annotated[list[Line], Field(max_length=50)] = Field([], description="only these kinds of agreement, if any")
    academies: Annotated[list[AcademyCode], Field(max_length=12)] = Field(
        [], description="only these academies' agreements, if any"
    )
    agreements: Annotated[list[UUID], Field(max_length=200)] = Field([], description="only these agreements, if any")


class StepAnswer(BaseModel):
    """The step of the approval ladder at which the file waits."""

    step: str
    name: Bilingual
    roles: list[Role] = Field(description="who holds the file")
    lacking: int = Field(description="how many approvals the step still needs")
    since: datetime

    @classmethod
    def of(cls, file: Agreement | Amendment) -> Self | None:
        """The step, while the file is on the ladder."""
        ladder = file.ladder if file.under_review else None
        if ladder is None or (step := ladder.current) is None:
            return None
        return cls(step=step.id, name=step.name, roles=list(step.roles), lacking=ladder.lacking, since=ladder.since)


class SubstitutionAnswer(BaseModel):
    """Who approves in whose place."""

    id: UUID
    version: int
    state: SubstitutionState
    person: str
    substitute: str
    valid_from: date
    valid_until: date
    reason: str
    kinds: list[str] = Field(description="its scope: files of these kinds,")
    academies: list[str] = Field(description="of these academies")
    agreements: list[UUID] = Field(description="and of these agreements; where none is named, of all")
    available_actions: list[str]

    @classmethod
    def of(cls, substitution: Substitution, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(
            **substitution.model_dump(exclude={"roles", "jurisdiction"}),
            available_actions=available_actions(by, substitution, PERMISSIONS),
        )
