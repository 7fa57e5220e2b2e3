"""Endpoint: where an academy is told, how fast, and the secrets that sign what it is sent."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.notifications.errors import NothingToSecure, NothingToSign, SecretsStillOverlap
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import (
    Channel,
    EndpointChanged,
    EndpointDisabled,
    EndpointEnabled,
    EndpointPaused,
    EndpointRedelivered,
    EndpointRegistered,
    EndpointReplayed,
    EndpointResumed,
    EndpointSecretRotated,
    EndpointSecured,
    EndpointTested,
)

MOST_LIVE_KEYS = 3
"""How many secrets may sign at once: each adds a signature to every request."""

Scheme = Literal["v1", "v1a"]
"""Standard Webhooks' signatures: HMAC with a shared secret, or ed25519 with a public key."""


class EndpointState(StrEnum):
    """Whether anything is sent. To a paused endpoint everything stays owed; to a disabled one nothing new is."""

    unknown = "unknown"
    active = "active"
    paused = "paused"
    disabled = "disabled"


KNOWN = frozenset({EndpointState.active, EndpointState.paused, EndpointState.disabled})
OWED = frozenset({EndpointState.active, EndpointState.paused})


class SigningKey(BaseModel):
    """A secret by its id; the secret itself lies sealed in a table of its own and never in an event."""

    model_config = ConfigDict(frozen=True)

    key_id: UUID
    scheme: Scheme = "v1"
    public_key: str | None = None
    """Of `v1a`, as receivers are given it."""
    until: datetime | None = None
    """When it stops signing, once a newer one took over; None for the newest."""

    def signs(self, at: datetime) -> bool:
        """Whether requests sent at this instant carry its signature."""
        return self.until is None or at < self.until


class Identity(BaseModel):
    """What TLS with this receiver rests on beyond the public authorities; certificate and key lie sealed."""

    model_config = ConfigDict(frozen=True)

    key_id: UUID
    certificate: str | None = None
    """The client certificate's fingerprint (SHA-256), if one is shown."""
    certificate_until: datetime | None = None
    authority: str | None = None
    """The fingerprint of the authority that is trusted instead of the public ones, if one is."""


class Pace(BaseModel):
    """Where and how an endpoint is sent to: what its academy may change at any time."""

    model_config = ConfigDict(frozen=True)

    address: str = ""
    """A URL, or an e-mail address."""
    language: str = "fr"
    concurrency: int = 1
    """How many messages are under way at the same time; 1 keeps the order of the feed."""
    rate: float | None = None
    """Most messages per second; None sets no limit."""


class Endpoint(Aggregate):
    """A webhook receiver or an e-mail address of one academy."""

    kind: ClassVar[str] = "endpoint"
    ALLOWED: ClassVar[Mapping[str, frozenset[str]]] = {
        "change_endpoint": KNOWN,
        "secure_endpoint": KNOWN,
        "rotate_secret": KNOWN,
        "pause_endpoint": frozenset({EndpointState.active}),
        "resume_endpoint": frozenset({EndpointState.paused}),
        "disable_endpoint": OWED,
        "enable_endpoint": frozenset({EndpointState.disabled}),
        "send_test": OWED,
        "redeliver": OWED,
        "recover_missed": OWED,
        "replay_feed": OWED,
    }

    state: EndpointState = EndpointState.unknown
    academy: str = ""
    channel: Channel = "webhook"
    address: str = ""
    """A URL, or an e-mail address."""
    language: str = "fr"
    concurrency: int = 1
    rate: float | None = None
    keys: tuple[SigningKey, ...] = ()
    """Newest first; empty for e-mail."""
    identity: Identity | None = None

    @property
    def pace(self) -> Pace:
        """Where and how it is sent to."""
        return Pace(address=self.address, language=self.language, concurrency=self.concurrency, rate=self.rate)

    def register(self, *, academy: str, channel: Channel, pace: Pace, key: SigningKey | None) -> list[DomainEvent]:
        """Begin to be told at this address; webhooks are signed with the key."""
        registered = EndpointRegistered(endpoint_id=self.id, academy=academy, channel=channel)
        keys = [key.model_dump(mode="json")] if key and channel == "webhook" else []
        return [registered.keeping(**pace.model_dump(), keys=keys)]

    def change(self, pace: Pace) -> list[DomainEvent]:
        """Be told elsewhere, in another language, faster or slower; nothing if that is how it is."""
        self.require("change_endpoint")
        before, after = self.pace.model_dump(), pace.model_dump()
        changed: Any = tuple(name for name in after if after[name] != before[name])
        if not changed:
            return []
        return [EndpointChanged(endpoint_id=self.id, academy=self.academy, changed=changed).keeping(**after)]

    def secure(self, identity: Identity | None) -> list[DomainEvent]:
        """Show this client certificate and trust this authority from now on; None for neither.

        Raises NothingToSecure for e-mail.
        """
        self.require("secure_endpoint")
        if self.channel != "webhook":
            raise NothingToSecure()
        until = identity.certificate_until if identity else None
        secured = EndpointSecured(endpoint_id=self.id, academy=self.academy, certificate_until=until)
        return [secured.keeping(identity=identity.model_dump(mode="json") if identity else None)]

    def rotate(self, *, key: SigningKey, at: datetime, overlap_until: datetime) -> list[DomainEvent]:
        """Sign with a new secret; those before it sign beside it until the overlap ends, and none for longer.

        Raises NothingToSign for e-mail, SecretsStillOverlap while too many secrets are live.
        """
        self.require("rotate_secret")
        if self.channel != "webhook":
            raise NothingToSign()
        ends = [min(each.until or overlap_until, overlap_until) for each in self.live_keys(at)]
        kept = [each.model_copy(update={"until": until}) for each, until in zip(self.live_keys(at), ends, strict=True)]
        if sum(each.signs(at) for each in kept) >= MOST_LIVE_KEYS:
            raise SecretsStillOverlap(until=min(ends))
        rotated = EndpointSecretRotated(endpoint_id=self.id, academy=self.academy)
        return [rotated.keeping(keys=[each.model_dump(mode="json") for each in (key, *kept)])]

    def pause(self) -> list[DomainEvent]:
        """Send nothing for now; everything stays owed."""
        self.require("pause_endpoint")
        return [EndpointPaused(endpoint_id=self.id, academy=self.academy)]

    def resume(self) -> list[DomainEvent]:
        """Send again after a pause."""
        self.require("resume_endpoint")
        return [EndpointResumed(endpoint_id=self.id, academy=self.academy)]

    def disable(self, because: Literal["gone", "failing", "decision"]) -> list[DomainEvent]:
        """Send nothing more; what waits keeps waiting."""
        self.require("disable_endpoint")
        return [EndpointDisabled(endpoint_id=self.id, academy=self.academy, because=because)]

    def enable(self) -> list[DomainEvent]:
        """Send again, beginning with what waits."""
        self.require("enable_endpoint")
        return [EndpointEnabled(endpoint_id=self.id, academy=self.academy)]

    def test(self) -> list[DomainEvent]:
        """Be sent a message that means nothing."""
        self.require("send_test")
        return [EndpointTested(endpoint_id=self.id, academy=self.academy)]

    def redeliver(self, message_id: UUID) -> list[DomainEvent]:
        """Be sent one message again."""
        self.require("redeliver")
        return [EndpointRedelivered(endpoint_id=self.id, academy=self.academy, message_id=message_id)]

    def replay(
        self, what: Literal["missed", "everything"], *, since: datetime, until: datetime, deliveries: int
    ) -> list[DomainEvent]:
        """Be sent part of the feed again: so many messages of what was told between these instants."""
        self.require("recover_missed" if what == "missed" else "replay_feed")
        told = {"what": what, "since": since, "until": until, "deliveries": deliveries}
        return [EndpointReplayed(endpoint_id=self.id, academy=self.academy, **told)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case EndpointRegistered():
                self.state = EndpointState.active
                self.academy, self.channel = event.academy, event.channel
                self._set(event.detail)
                self.keys = tuple(_key(kept) for kept in event.detail["keys"])
            case EndpointChanged():
                self._set(event.detail)
            case EndpointSecured():
                kept = event.detail["identity"]
                self.identity = Identity.model_validate(kept) if kept else None
            case EndpointSecretRotated():
                self.keys = tuple(_key(kept) for kept in event.detail["keys"])
            case EndpointPaused():
                self.state = EndpointState.paused
            case EndpointDisabled():
                self.state = EndpointState.disabled
            case EndpointEnabled() | EndpointResumed():
                self.state = EndpointState.active

    def _set(self, detail: Mapping[str, Any]) -> None:
        pace = Pace.model_validate(detail)
        self.address, self.language = pace.address, pace.language
        self.concurrency, self.rate = pace.concurrency, pace.rate

    def live_keys(self, at: datetime) -> tuple[SigningKey, ...]:
        """The keys that sign at this instant, newest first."""
        return tuple(key for key in self.keys if key.signs(at))

    @property
    def secrets(self) -> tuple[UUID, ...]:
        """The ids of what lies sealed for it: its secrets, and what its TLS rests on."""
        identity = (self.identity.key_id,) if self.identity else ()
        return (*(key.key_id for key in self.keys), *identity)

    def audience(self) -> tuple[str, ...]:
        """Its own academy."""
        return (self.academy,)

    def visible_to(self) -> tuple[str, ...]:
        """Its own academy."""
        return (self.academy,)


def _key(kept: Any) -> SigningKey:
    # The first registrations kept the bare id.
    return SigningKey.model_validate(kept if isinstance(kept, dict) else {"key_id": kept})
