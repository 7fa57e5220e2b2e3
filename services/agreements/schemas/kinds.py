"""What is answered about kinds of agreement."""

from typing import Self

from pydantic import BaseModel, Field

from services.agreements.agreement import AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.kinds import Closure, DocumentRule, EditionRule, Kind, SigningRule, Tier
from shared.events.agreements import AgreementType, PartyRole


class ClauseProposed(BaseModel):
    """A clause that the kind proposes; `{name}` stands for what the terms say."""

    key: str
    when: PartyRole | None = Field(description="only where a party holds this role; always if there is none")
    title: Bilingual
    ar: str
    fr: str


class KindAnswer(BaseModel):
    """A kind of agreement: what it asks, and the text that it proposes."""

    id: str
    version: int = Field(description="of all that is said here; what was approved keeps the rules of its own version")
    agreement_type: AgreementType
    name: Bilingual
    roles: list[PartyRole] = Field(description="at least one party must hold each")
    children: list[str] = Field(description="kinds that may follow an agreement of this kind")
    acceptance: bool = Field(description="whether all parties accept the text before its review")
    approval: list[Tier]
    signing: SigningRule
    documents: list[DocumentRule] = Field(description="papers that may be attached, and what needs which")
    required: dict[AgreementState, list[str]] = Field(
        description="state of an agreement: the categories of papers without which it does not get there"
    )
    editions: EditionRule | None
    visa: Bilingual | None = Field(description="the visa without which a signed agreement does not come into force")
    closed: list[Closure] = Field(description="times of the year in which some actions rest; month-day, both included")
    notice_days: int = Field(description="days of notice before a termination takes effect, at least")
    suspension_notice_days: int = Field(description="the same before a suspension")
    archive_days: int = Field(description="days from the closing to the archive")
    clauses: list[ClauseProposed]

    @classmethod
    def of(cls, kind: Kind) -> Self:
        """What anybody is shown."""
        return cls.model_validate({**kind.model_dump(), "required": kind.required})
