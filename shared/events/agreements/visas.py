"""The visa for which a signed agreement waits where its kind asks for one."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT
from shared.events.base import DomainEvent


class AgreementVisaAwaited(DomainEvent):
    """All have signed, and it binds nobody before the visa that its kind asks for is recorded."""

    type = "ma.mithaq.agreement.visa_awaited.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "awaited": [ACADEMY]}

    agreement_id: UUID
    awaited: tuple[UUID, ...] = ()
    """The organisation whose desk records it."""


class AgreementVisaRecorded(DomainEvent):
    """The visa for which the signed agreement waited is recorded."""

    type = "ma.mithaq.agreement.visa_recorded.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "visa_number": "VISA-EXEMPLE-2",
        "granted_on": "2024-09-03",
        "recorded_on": "2024-09-05",
    }

    agreement_id: UUID
    visa_number: str
    granted_on: date
    recorded_on: date
    """It binds nobody before this day."""


class AgreementVisaWithdrawn(DomainEvent):
    """The visa was recorded by mistake and is taken back before anything bound by it: it is waited for again."""

    type = "ma.mithaq.agreement.visa_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "visa_number": "VISA-EXEMPLE-2",
        "awaited": [ACADEMY],
    }

    agreement_id: UUID
    visa_number: str
    awaited: tuple[UUID, ...] = ()
    """As of the visa that is awaited."""
