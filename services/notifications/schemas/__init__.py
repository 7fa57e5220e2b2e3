"""What requests carry and what is answered, one module per noun."""

from services.notifications.schemas.deliveries import DeliveryAnswer, DeliveryAttemptAnswer
from services.notifications.schemas.endpoints import (
    AttemptAnswer,
    ChangeEndpoint,
    DisabledAnswer,
    EndpointAnswer,
    HealthAnswer,
    IssuedAnswer,
    KeyAnswer,
    RecoverMissed,
    RegisterEndpoint,
    ReplayAnswer,
    ReplayFeed,
    RewrappedAnswer,
    SecureEndpoint,
)
from services.notifications.schemas.feed import NoticeAnswer

__all__ = [
    "AttemptAnswer",
    "ChangeEndpoint",
    "DeliveryAnswer",
    "DeliveryAttemptAnswer",
    "DisabledAnswer",
    "EndpointAnswer",
    "HealthAnswer",
    "IssuedAnswer",
    "KeyAnswer",
    "NoticeAnswer",
    "RecoverMissed",
    "RegisterEndpoint",
    "ReplayAnswer",
    "ReplayFeed",
    "RewrappedAnswer",
    "SecureEndpoint",
]
