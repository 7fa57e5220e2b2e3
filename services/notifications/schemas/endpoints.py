"""Bodies and answers about endpoints, and about the attempts to deliver to them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.notifications.commands import Issued
from services.notifications.endpoint import Endpoint, EndpointState
from services.notifications.outcome import Result
from services.notifications.permissions import PERMISSIONS
from shared.actor import Actor
from shared.events.notifications import Channel
from shared.territory import AcademyCode
from shared.web import Body, available_actions

LanguageCode = Literal["ar", "fr", "en"]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]


class RegisterEndpoint(Body):
    """Where an academy wants to be told."""

    academy: AcademyCode | None = Field(None, description="whose notices; one's own academy when left out")
    channel: Channel = "webhook"
    address: Address = Field(description="an https URL for a webhook, an e-mail address for e-mail")
    language: LanguageCode = Field("ar", description="of the summaries and e-mails")


class KeyAnswer(BaseModel):
    """A signing secret by its id."""

    key_id: UUID
    until: datetime | None = Field(description="when it stops signing; null for the newest")


class EndpointAnswer(BaseModel):
    """A webhook receiver or an e-mail address of an academy."""

    id: UUID
    version: int
    state: EndpointState
    academy: str
    channel: Channel
    address: str
    language: str
    keys: list[KeyAnswer]
    available_actions: list[str]

    @classmethod
    def of(cls, endpoint: Endpoint, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(**endpoint.model_dump(), available_actions=available_actions(by, endpoint, PERMISSIONS))


class IssuedAnswer(EndpointAnswer):
    """An endpoint with its new signing secret."""

    secret: str | None = Field(description="`whsec_…`, shown this once; null for e-mail")

    @classmethod
    def issued(cls, issued: Issued, by: Actor) -> Self:
        """What the actor is shown once."""
        return cls(**EndpointAnswer.of(issued.endpoint, by).model_dump(), secret=issued.secret)


class AttemptAnswer(BaseModel):
    """One try to deliver, as it went."""

    delivery_id: UUID
    event_id: UUID
    at: datetime
    milliseconds: int
    result: Result
    status: int | None = Field(description="HTTP or SMTP status, if there was an answer")
    reason: str
    excerpt: str | None = Field(description="the beginning of the answer")
