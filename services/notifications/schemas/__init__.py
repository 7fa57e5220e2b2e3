"""What requests carry and what is answered, one module per noun."""

from services.notifications.schemas.deliveries import DeliveryAnswer
from services.notifications.schemas.endpoints import (
    AttemptAnswer,
    EndpointAnswer,
    IssuedAnswer,
    KeyAnswer,
    RegisterEndpoint,
)
from services.notifications.schemas.feed import NoticeAnswer

__all__ = [
    "AttemptAnswer",
    "DeliveryAnswer",
    "EndpointAnswer",
    "IssuedAnswer",
    "KeyAnswer",
    "NoticeAnswer",
    "RegisterEndpoint",
]
