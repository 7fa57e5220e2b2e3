"""What requests about ceremonies carry, and what is answered."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.agreements.agreement import AgreementState
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Attendee, Ceremony, CeremonyState
from services.agreements.jurisdiction import owns_or_supervises
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.words import Line, Paragraph, Title, each_once
from shared.actor import Actor
from shared.web import Body, BusinessMoment, Listing, available_actions

Order = Annotated[
    list[UUID],
    Field(min_length=1, max_length=100, description="in the order in which they are called"),
    AfterValidator(each_once),
]


class PlanCeremony(Body):
    """A signing ceremony with its order of business."""

    title: Title
    place: Title | None = None
    planned_for: BusinessMoment
    agreements: Order


class RescheduleCeremony(Body):
    """The new date."""

    planned_for: BusinessMoment


class Release(Body):
    """Whose seat is taken back."""

    organisation_id: UUID
    name: Line

    def attendee(self) -> Attendee:
        """The attendee."""
        return Attendee(**self.model_dump())


class Seat(Release):
    """Somebody who sits at the ceremony for an organisation."""

    function: Line | None = None


class ChangeOrder(Body):
    """The new order of business: all that is in it, with what is added."""

    agreements: Order


class StrikeAgreement(Body):
    """Which agreement is taken off the order of business, and why."""

    agreement_id: UUID
    reason: Paragraph


class CallAgreement(Body):
    """The agreement that is put on the table."""

    agreement_id: UUID


class LobbyItem(BaseModel):
    """An agreement of the order of business: ready, or what it lacks."""

    agreement_id: UUID
    reference: str | None
    title: Bilingual
    state: AgreementState
    ready: bool
    missing: dict[
        Literal["cancelled", "text", "tampered", "offer", "parent", "mandate", "scope", "accreditation", "seat"],
        list[UUID],
    ] = Field(
        description="what it lacks -> the organisations concerned; one that is cancelled can only be struck; "
        "`tampered`: it is not as it was frozen; `offer`: its last day to sign is past; `parent`: its parent does not "
        "let it be signed, and is not to be signed in the same ceremony; `scope`: no mandate of theirs covers it"
    )


class LobbyAnswer(Listing[LobbyItem]):
    """Whether the ceremony can open, and what is missing for each agreement the reader may see."""

    chair: Attendee | None
    attendees: list[Attendee]


class CeremonyAnswer(BaseModel):
    """A ceremony, with those agreements of its order of business that the reader may see."""

    id: UUID
    version: int
    state: CeremonyState
    title: Bilingual
    place: Bilingual | None
    planned_for: datetime
    academy: str | None = Field(
        description="the academy that keeps all its agreements, and may hold it as the ministry may; none if others "
        "keep one"
    )
    agreements: list[UUID]
    called: UUID | None = Field(description="the agreement on the table")
    chair: Attendee | None
    attendees: list[Attendee] = Field(
        description="for who holds it and national readers; others are not told who sits there"
    )
    reason: str | None = Field(
        description="why it was put off, given up or interrupted; an interruption's is for who sees all its agreements"
    )
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
        told = ceremony.state != CeremonyState.interrupted or ceremony.wholly_seen_by(by)
        return cls(
            **ceremony.model_dump(exclude={"codes", "minutes", "called", "attendees", "reason", *orders}),
            reason=ceremony.reason if told else None,
            called=ceremony.called if ceremony.called in seen else None,
            attendees=list(ceremony.attendees) if owns_or_supervises(by, ceremony) else [],
            **{name: [each for each in getattr(ceremony, name) if each in seen] for name in orders},
            available_actions=available_actions(by, ceremony, PERMISSIONS),
        )


class ScreenAnswer(BaseModel):
    """Where a public screen is to be looked at; told once."""

    path: str | None = Field(
        description="address on the platform's public URL. Shown once: null when the request is repeated"
    )


class MinutesAnswer(BaseModel):
    """The minutes as Markdown, in both languages."""

    adopted: bool
    whole: bool = Field(description="or an extract about those agreements that the reader may see")
    ar: str
    fr: str
