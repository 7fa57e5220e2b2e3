"""An amendment's branch of an agreement's content: proposed, revised, put on a new base, applied or withdrawn."""

from datetime import date
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT, AMENDMENT, ASSOCIATION, TEXT, AmendmentType
from shared.events.base import DomainEvent


class AmendmentProposed(DomainEvent):
    """Somebody proposes to change an agreement that all have signed."""

    type = "ma.mithaq.amendment.proposed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "amendment_type": "budget",
        "academy": "MA-06",
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    amendment_type: AmendmentType
    academy: str | None
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


class AmendmentRevised(DomainEvent):
    """The branch has another content."""

    type = "ma.mithaq.amendment.revised.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "content_hash": TEXT,
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    content_hash: str
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


class AmendmentRebaseNeeded(DomainEvent):
    """The agreement has changed since the branch began: approvals and signatures are void, it is rebased first."""

    type = "ma.mithaq.amendment.rebase_needed.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "applied": "01920000-0000-7000-8000-0000000000a2",
    }

    amendment_id: UUID
    agreement_id: UUID
    applied: UUID | None
    """The amendment that was applied; none if the agreement ends earlier without a renewal, or could not take this
    one."""


class AmendmentRebased(DomainEvent):
    """The branch is on the agreement as it is now, and is proposed again."""

    type = "ma.mithaq.amendment.rebased.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "content_hash": TEXT,
        "resolved": 1,
        "parties": [ACADEMY, ASSOCIATION],
    }

    amendment_id: UUID
    agreement_id: UUID
    content_hash: str
    resolved: int
    """How many conflicts somebody decided."""
    parties: tuple[UUID, ...] = ()
    """The organisations that see it beside the academies: the parties of the agreement and of the branch."""


class AmendmentApplied(DomainEvent):
    """The agreement is what the amendment says."""

    type = "ma.mithaq.amendment.applied.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "applied_on": "2025-03-03",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    applied_on: date


class AmendmentHindered(DomainEvent):
    """All have signed, and a rule forbids that the agreement becomes so: told once for each reason.

    It is applied as soon as the reason is gone; until then it can be withdrawn, or put on a new base and revised.
    """

    type = "ma.mithaq.amendment.hindered.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "number": 1,
        "refusal": "children-beyond-term",
        "hindered_on": "2025-03-03",
    }

    amendment_id: UUID
    agreement_id: UUID
    number: int
    refusal: str
    """The reason, as the end of a problem's type."""
    hindered_on: date


class AmendmentWithdrawn(DomainEvent):
    """Who keeps the agreement takes it back, or the agreement ended before it was applied."""

    type = "ma.mithaq.amendment.withdrawn.v1"
    topic = "agreements.amendment"
    example: ClassVar[dict[str, Any]] = {
        "amendment_id": AMENDMENT,
        "agreement_id": AGREEMENT,
        "because": "decision",
    }

    amendment_id: UUID
    agreement_id: UUID
    because: Literal["decision", "agreement_ended"]
