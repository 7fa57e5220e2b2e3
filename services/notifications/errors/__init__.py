"""Named refusals of the notifications service, one module per noun."""

from services.notifications.errors.academies import AcademyNotNamed
from services.notifications.errors.endpoints import (
    AddressRefused,
    CertificateRefused,
    KeyMissing,
    NothingToSecure,
    NothingToSign,
    PeriodEmpty,
    SecretsStillOverlap,
)
from services.notifications.errors.people import (
    AgreementTypeUnknown,
    MatchesNothing,
    NotABounce,
    ReceiptNotDue,
    TooManySubscriptions,
)

__all__ = [
    "AcademyNotNamed",
    "AddressRefused",
    "AgreementTypeUnknown",
    "CertificateRefused",
    "KeyMissing",
    "MatchesNothing",
    "NotABounce",
    "NothingToSecure",
    "NothingToSign",
    "PeriodEmpty",
    "ReceiptNotDue",
    "SecretsStillOverlap",
    "TooManySubscriptions",
]
