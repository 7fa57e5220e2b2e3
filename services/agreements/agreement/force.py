"""Force: an agreement binds, rests, and ends."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import BEING_SIGNED, AgreementState, Core
from services.agreements.errors import CenterNotInAgreement, EffectiveDateAhead
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementExpired,
    AgreementResumed,
    AgreementSuspended,
    AgreementTerminated,
)
from shared.events.base import DomainEvent

_S = AgreementState


class Suspension(BaseModel):
    """Why and how far the agreement rests."""

    model_config = ConfigDict(frozen=True)

    effective_on: date
    scope: Literal["money", "centers"]
    centers: tuple[UUID, ...]
    reason: str
    document: str


class Ending(BaseModel):
    """Why the agreement was terminated or cancelled."""

    model_config = ConfigDict(frozen=True)

    effective_on: date
    reason: str
    document: str | None = None


class Force(Core):
    """From when to when the agreement binds, and while it rests."""

    ALLOWED: ClassVar = {
        "bring_into_force": frozenset({_S.signed}),
        "suspend_agreement": frozenset({_S.in_force}),
        "resume_agreement": frozenset({_S.suspended}),
        "terminate_agreement": frozenset({_S.signed, _S.in_force, _S.suspended}),
        "expire_agreement": frozenset({_S.in_force, _S.suspended}),
        "cancel_agreement": frozenset({_S.draft, _S.negotiation, _S.legal_review}) | BEING_SIGNED,
    }

    suspension: Suspension | None = None
    ending: Ending | None = None

    def bring_into_force(self, today: date) -> list[DomainEvent]:
        """Let the agreement bind from its start date on; before it, nothing happens."""
        self.require("bring_into_force")
        if today < self.effective_from:
            return []
        return [AgreementCameIntoForce(agreement_id=self.id, academy=self.academy, in_force_on=self.effective_from)]

    def suspend(
        self,
        *,
        scope: Literal["money", "centers"],
        centers: Sequence[UUID],
        reason: str,
        document: str,
        effective_on: date,
        today: date,
    ) -> list[DomainEvent]:
        """Let the agreement rest: its money only, or the named centers too (all of them when none is named)."""
        self.require("suspend_agreement")
        _require_reached(effective_on, today)
        own = [center.center_id for center in self.centers]
        if foreign := [center for center in centers if center not in own]:
            raise CenterNotInAgreement(centers=foreign)
        named = tuple(centers or own) if scope == "centers" else ()
        suspended = AgreementSuspended(agreement_id=self.id, effective_on=effective_on, scope=scope, centers=named)
        return [suspended.keeping(reason=reason, document=document)]

    def resume(self, *, effective_on: date, today: date) -> list[DomainEvent]:
        """Lift the suspension."""
        self.require("resume_agreement")
        _require_reached(effective_on, today)
        centers = self.suspension.centers if self.suspension else ()
        return [AgreementResumed(agreement_id=self.id, effective_on=effective_on, centers=centers)]

    def terminate(self, *, reason: str, document: str, effective_on: date, today: date) -> list[DomainEvent]:
        """End the agreement before its time."""
        self.require("terminate_agreement")
        _require_reached(effective_on, today)
        terminated = AgreementTerminated(agreement_id=self.id, academy=self.academy, effective_on=effective_on)
        return [terminated.keeping(reason=reason, document=document)]

    def expire(self, today: date) -> list[DomainEvent]:
        """End the agreement after its end date; until then, nothing happens."""
        self.require("expire_agreement")
        if today <= self.effective_until:
            return []
        expired_on = self.effective_until + timedelta(days=1)
        return [AgreementExpired(agreement_id=self.id, academy=self.academy, expired_on=expired_on)]

    def cancel(self, *, reason: str, today: date) -> list[DomainEvent]:
        """Give the agreement up before all have signed."""
        self.require("cancel_agreement")
        return [AgreementCancelled(agreement_id=self.id).keeping(reason=reason, effective_on=today)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case AgreementCameIntoForce():
                self.state = AgreementState.in_force
            case AgreementSuspended():
                self.state = AgreementState.suspended
                self.suspension = Suspension(
                    effective_on=event.effective_on, scope=event.scope, centers=event.centers, **event.detail
                )
            case AgreementResumed():
                self.state = AgreementState.in_force
                self.suspension = None
            case AgreementTerminated():
                self.state = AgreementState.terminated
                self.ending = Ending(effective_on=event.effective_on, **event.detail)
            case AgreementExpired():
                self.state = AgreementState.expired
            case AgreementCancelled():
                self.state = AgreementState.cancelled
                self.ending = Ending.model_validate(event.detail)
        super().apply(event)


def _require_reached(effective_on: date, today: date) -> None:
    if effective_on > today:
        raise EffectiveDateAhead(effective_on=effective_on)
