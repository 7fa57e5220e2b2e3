"""What requests about ceremonies carry, and what is answered."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.words import each_once
from shared.actor import Actor
from shared.web import Body, available_actions


class PlanCeremony(Body):
    """A signing ceremony with its order of business."""

    title: Bilingual
    place: Bilingual | None = None
    planned_for: AwareDatetime
    agreements: Annotated[list[UUID], Field(min_length=1, max_length=100), AfterValidator(each_once)] = Field(
        description="in the order in which they are called"
    )


class RescheduleCeremony(Body):
    """The new date."""

    planned_for: AwareDatetime


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
