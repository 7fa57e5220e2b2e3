"""Bodies and answers about endpoints, and about the attempts to deliver to them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.notifications.commands import Issued, Replay
from services.notifications.endpoint import Endpoint, EndpointState, Scheme
from services.notifications.identity import Credentials
from services.notifications.outcome import Result
from services.notifications.permissions import PERMISSIONS
from services.notifications.reasons import said
from shared.actor import Actor
from shared.events.notifications import Channel
from shared.territory import AcademyCode
from shared.web import Body, Moment, available_actions

LanguageCode = Literal["ar", "fr", "en"]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]


Concurrency = Annotated[int, Field(ge=1, le=32, description="messages under way at once; 1 keeps the feed's order")]
Rate = Annotated[float | None, Field(gt=0, le=10_000, description="most messages per second; null sets no limit")]
Pem = Annotated[str, StringConstraints(min_length=1, max_length=32_768)]


class RegisterEndpoint(Body):
    """Where an academy wants to be told."""

    academy: AcademyCode | None = Field(None, description="whose notices; one's own academy when left out")
    channel: Channel = "webhook"
    address: Address = Field(description="an https URL for a webhook, an e-mail address for e-mail")
    language: LanguageCode = Field("ar", description="of the summaries and e-mails")
    concurrency: Concurrency = 1
    rate: Rate = None
    signature: Scheme = Field("v1", description="`v1` with a shared secret, or `v1a` with a public key (ed25519)")


class ChangeEndpoint(Body):
    """Where, in which language and how fast it is told from now on."""

    address: Address
    language: LanguageCode
    concurrency: Concurrency
    rate: Rate


class SecureEndpoint(Body):
    """What TLS with the receiver rests on; empty for nothing but the public authorities."""

    certificate: Pem | None = Field(None, description="our client certificate with its chain, PEM")
    key: Pem | None = Field(None, description="its private key, PEM, without a passphrase; never shown again")
    authority: Pem | None = Field(None, description="the authorities to trust instead of the public ones, PEM")

    def credentials(self) -> Credentials:
        """As they are kept."""
        return Credentials(**self.model_dump())


class RewrappedAnswer(BaseModel):
    """What became of the secrets."""

    rewrapped: int = Field(description="how many lay under an older key-encryption key; 0: none is needed any more")


class RecoverMissed(Body):
    """From when on."""

    since: Moment


class ReplayFeed(Body):
    """From when on, and up to but not including when."""

    since: Moment
    until: Moment | None = Field(None, description="left out, up to now")


class ReplayAnswer(BaseModel):
    """What will be sent."""

    endpoint_id: UUID
    deliveries: int = Field(description="how many messages that is")

    @classmethod
    def of(cls, replay: Replay) -> Self:
        """What the actor is shown."""
        return cls(endpoint_id=replay.endpoint.id, deliveries=replay.deliveries)


class KeyAnswer(BaseModel):
    """A signing secret by its id."""

    key_id: UUID
    scheme: Scheme
    public_key: str | None = Field(description="`whpk_…` of `v1a`; null for `v1`")
    until: datetime | None = Field(description="when it stops signing; null for the newest")


class IdentityAnswer(BaseModel):
    """The client certificate and the authority of an endpoint, by their fingerprints (SHA-256)."""

    certificate: str | None
    certificate_until: datetime | None
    authority: str | None


class EndpointAnswer(BaseModel):
    """A webhook receiver or an e-mail address of an academy."""

    id: UUID
    version: int
    state: EndpointState
    academy: str
    channel: Channel
    address: str
    language: str
    concurrency: int
    rate: float | None
    identity: IdentityAnswer | None
    keys: list[KeyAnswer]
    available_actions: list[str]

    @classmethod
    def of(cls, endpoint: Endpoint, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(**endpoint.model_dump(), available_actions=available_actions(by, endpoint, PERMISSIONS))


class IssuedAnswer(EndpointAnswer):
    """An endpoint with its new signing secret."""

    secret: str | None = Field(description="`whsec_…`, shown this once; null for e-mail and for `v1a`")

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
    code: str | None = Field(description="why, as a code that stays; null of what is older than the codes")
    reason: str = Field(description="the same in words")
    excerpt: str | None = Field(description="the beginning of the answer")

    @classmethod
    def of(cls, row: Any, language: str, **more: Any) -> Self:
        """The attempt of a row, as people of this language read it."""
        told = {name: getattr(row, name) for name in AttemptAnswer.model_fields if name not in ("code", "reason")}
        return cls(**told | said(row.reason, language) | more)


class DisabledAnswer(BaseModel):
    """Why nothing new is owed to an endpoint."""

    since: datetime
    because: Literal["gone", "failing", "decision"]
    reason: str = Field(description="the same in words")


class HealthAnswer(BaseModel):
    """How an endpoint is doing."""

    endpoint_id: UUID
    attempts: int = Field(description="how many of the last attempts the figures rest on, at most 1000")
    success_rate: float | None = Field(description="the part of them that was delivered, 0 to 1; null without attempts")
    milliseconds_p50: float | None = Field(description="half of the deliveries took no longer")
    milliseconds_p99: float | None = Field(description="99 of 100 deliveries took no longer")
    last_failure: AttemptAnswer | None
    disabled: DisabledAnswer | None = Field(description="null unless it is disabled")
    mailed_if_disabled: bool = Field(
        description="whether its academy would hear by e-mail that it is disabled: by another address of its,"
        " or by a person who gave one; false: register an e-mail address"
    )
    breaker: Literal["closed", "open", "half_open"] = Field(description="open: it is left alone for a while")
    failures: int = Field(description="attempts that failed since the last that did not")
    waiting: int = Field(description="deliveries that wait")
    waiting_since: datetime | None = Field(description="of the oldest of them")
