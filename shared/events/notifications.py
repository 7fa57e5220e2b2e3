"""What the notifications service publishes: the academies' endpoints, as far as others must know of them."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.base import DomainEvent

ENDPOINT = "01920000-0000-7000-8000-0000000000ed"


Channel = Literal["webhook", "email"]


class EndpointRegistered(DomainEvent):
    """An academy said where it wants to be told: a webhook receiver, or an e-mail address."""

    type = "ma.mithaq.endpoint.registered.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06", "channel": "webhook"}

    endpoint_id: UUID
    academy: str
    channel: Channel


class EndpointDisabled(DomainEvent):
    """Nothing is sent to the endpoint any more; what it misses can be recovered later."""

    type = "ma.mithaq.endpoint.disabled.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06", "because": "gone"}

    endpoint_id: UUID
    academy: str
    because: Literal["gone", "failing", "decision"]


class EndpointEnabled(DomainEvent):
    """The endpoint is sent to again."""

    type = "ma.mithaq.endpoint.enabled.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str


class EndpointSecretRotated(DomainEvent):
    """The endpoint has a new signing secret; the old one signs beside it for a while."""

    type = "ma.mithaq.endpoint.secret_rotated.v1"
    topic = "notifications.endpoint"
    example: ClassVar[dict[str, Any]] = {"endpoint_id": ENDPOINT, "academy": "MA-06"}

    endpoint_id: UUID
    academy: str
