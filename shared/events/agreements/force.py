"""An agreement's force: what is announced of it, what becomes of it, and what comes after its end."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, CENTER
from shared.events.base import DomainEvent


class AgreementCameIntoForce(DomainEvent):
    """The start date is reached, and any visa recorded: the agreement binds."""

    type = "ma.mithaq.agreement.came_into_force.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "academy": "MA-06", "in_force_on": "2024-09-02"}

    agreement_id: UUID
    academy: str | None
    in_force_on: date


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


class AgreementSuspended(DomainEvent):
    """The agreement rests: its money only, or the centers named here too."""

    type = "ma.mithaq.agreement.suspended.v1"
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


class AgreementResumed(DomainEvent):
    """The suspension is lifted."""

    type = "ma.mithaq.agreement.resumed.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {"agreement_id": AGREEMENT, "effective_on": "2025-02-03", "centers": [CENTER]}

    agreement_id: UUID
    effective_on: date
    centers: tuple[UUID, ...]
    """Those that the suspension had named."""


class AgreementTerminated(DomainEvent):
    """The agreement ended before its time."""

    type = "ma.mithaq.agreement.terminated.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "effective_on": "2025-06-30",
        "because": "decision",
    }

    agreement_id: UUID
    academy: str | None
    effective_on: date
    because: Literal["decision", "parent_ended"] = "decision"
    """Whether somebody decided it, or the framework agreement that it followed was terminated."""


class AgreementExpired(DomainEvent):
    """The end date has passed."""

    type = "ma.mithaq.agreement.expired.v1"
    topic = "agreements.agreement"
    example: ClassVar[dict[str, Any]] = {
        "agreement_id": AGREEMENT,
        "academy": "MA-06",
        "expired_on": "2027-09-01",
        "because": "term_over",
    }

    agreement_id: UUID
    academy: str | None
    expired_on: date
    because: Literal["term_over", "never_bound"] = "term_over"
    """Whether it had bound until then, or all had signed and what it waited for never came."""


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
