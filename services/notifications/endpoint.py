"""Endpoint: where an academy is told, and the secrets that sign what it is sent."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.notifications.errors import NothingToSign, SecretsStillOverlap
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import (
    Channel,
    EndpointDisabled,
    EndpointEnabled,
    EndpointRegistered,
    EndpointSecretRotated,
)

MOST_LIVE_KEYS = 3
"""How many secrets may sign at once: each adds a signature to every request."""


class EndpointState(StrEnum):
    """Whether anything is sent."""

    unknown = "unknown"
    active = "active"
    disabled = "disabled"


class SigningKey(BaseModel):
    """A secret by its id; the secret itself lies sealed in a table of its own and never in an event."""

    model_config = ConfigDict(frozen=True)

    key_id: UUID
    until: datetime | None = None
    """When it stops signing, once a newer one took over; None for the newest."""

    def signs(self, at: datetime) -> bool:
        """Whether requests sent at this instant carry its signature."""
        return self.until is None or at < self.until


class Endpoint(Aggregate):
    """A webhook receiver or an e-mail address of one academy."""

    kind: ClassVar[str] = "endpoint"
    ALLOWED: ClassVar[Mapping[str, frozenset[str]]] = {
        "rotate_secret": frozenset({EndpointState.active, EndpointState.disabled}),
        "disable_endpoint": frozenset({EndpointState.active}),
        "enable_endpoint": frozenset({EndpointState.disabled}),
    }

    state: EndpointState = EndpointState.unknown
    academy: str = ""
    channel: Channel = "webhook"
    address: str = ""
    """A URL, or an e-mail address."""
    language: str = "fr"
    keys: tuple[SigningKey, ...] = ()
    """Newest first; empty for e-mail."""

    def register(
        self, *, academy: str, channel: Channel, address: str, language: str, key_id: UUID
    ) -> list[DomainEvent]:
        """Begin to be told at this address."""
        registered = EndpointRegistered(endpoint_id=self.id, academy=academy, channel=channel)
        keys = [key_id] if channel == "webhook" else []
        return [registered.keeping(address=address, language=language, keys=keys)]

    def rotate(self, *, key_id: UUID, at: datetime, overlap_until: datetime) -> list[DomainEvent]:
        """Sign with a new secret; the last one signs beside it until the overlap ends.

        Raises NothingToSign for e-mail, SecretsStillOverlap while too many secrets are live.
        """
        self.require("rotate_secret")
        if self.channel != "webhook":
            raise NothingToSign()
        live = self.live_keys(at)
        if len(live) >= MOST_LIVE_KEYS:
            raise SecretsStillOverlap(until=min(key.until for key in live if key.until))
        kept = [key.model_copy(update={"until": key.until or overlap_until}) for key in live]
        keys = [SigningKey(key_id=key_id), *kept]
        rotated = EndpointSecretRotated(endpoint_id=self.id, academy=self.academy)
        return [rotated.keeping(keys=[key.model_dump(mode="json") for key in keys])]

    def disable(self, because: Literal["gone", "failing", "decision"]) -> list[DomainEvent]:
        """Send nothing more; what waits keeps waiting."""
        self.require("disable_endpoint")
        return [EndpointDisabled(endpoint_id=self.id, academy=self.academy, because=because)]

    def enable(self) -> list[DomainEvent]:
        """Send again, beginning with what waits."""
        self.require("enable_endpoint")
        return [EndpointEnabled(endpoint_id=self.id, academy=self.academy)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case EndpointRegistered():
                self.state = EndpointState.active
                self.academy, self.channel = event.academy, event.channel
                self.address, self.language = event.detail["address"], event.detail["language"]
                self.keys = tuple(SigningKey(key_id=key_id) for key_id in event.detail["keys"])
            case EndpointSecretRotated():
                self.keys = tuple(SigningKey.model_validate(key) for key in event.detail["keys"])
            case EndpointDisabled():
                self.state = EndpointState.disabled
            case EndpointEnabled():
                self.state = EndpointState.active

    def live_keys(self, at: datetime) -> tuple[SigningKey, ...]:
        """The keys that sign at this instant, newest first."""
        return tuple(key for key in self.keys if key.signs(at))

    def audience(self) -> tuple[str, ...]:
        """Its own academy."""
        return (self.academy,)

    def visible_to(self) -> tuple[str, ...]:
        """Its own academy."""
        return (self.academy,)
