"""Named refusals of the notifications service, one module per noun."""

from services.notifications.errors.academies import AcademyNotNamed
from services.notifications.errors.endpoints import (
    AddressRefused,
    CertificateRefused,
    NothingToSecure,
    NothingToSign,
    PeriodEmpty,
    SecretsStillOverlap,
)

__all__ = [
    "AcademyNotNamed",
    "AddressRefused",
    "CertificateRefused",
    "NothingToSecure",
    "NothingToSign",
    "PeriodEmpty",
    "SecretsStillOverlap",
]
