"""What is announced of an agreement's force before it happens, and what comes after its end."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, CENTER
from shared.events.base import DomainEvent


class AgreementSuspensionAnnounced(DomainEvent):
    """Notice is given: from this day on the agreement rests, its money only, or the centers named here too."""

    type = "ma.mithaq.agreement.suspension_announced.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "effective_on": "2025-01-13",
        "scope": "centers",
        "centers": [CENTER],
    }

    agreement_id: UUID
    effective_on: date
    scope: Literal["money", "centers"]
    centers: tuple[UUID, ...]


class AgreementTerminationAnnounced(DomainEvent):
    """Notice is given: on this day the agreement ends, before its time."""

    type = "ma.mithaq.agreement.termination_announced.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "academy": "MA-06", "effective_on": "2025-06-30"}

    agreement_id: UUID
    academy: str | None
    effective_on: date


class AgreementAnnouncementWithdrawn(DomainEvent):
    """The suspension or termination that was announced will not happen."""

    type = "ma.mithaq.agreement.announcement_withdrawn.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "announced": "termination",
        "effective_on": "2025-06-30",
    }

    agreement_id: UUID
    announced: Literal["suspension", "termination"]
    effective_on: date
    """The day on which it would have taken effect."""


class AgreementClosed(DomainEvent):
    """Accounts are settled, goods and learners handed over: nothing is left to do."""

    type = "ma.mithaq.agreement.closed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "academy": "MA-06", "closed_on": "2025-09-15"}

    agreement_id: UUID
    academy: str | None
    closed_on: date


class AgreementArchived(DomainEvent):
    """The closed file leaves the desks for the archive; it is read as before."""

    type = "ma.mithaq.agreement.archived.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "archived_on": "2026-09-15"}

    agreement_id: UUID
    archived_on: date
