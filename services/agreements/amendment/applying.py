"""Applying: what all have signed changes the agreement, or it is told why it cannot."""

from datetime import date
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python

from services.agreements.amendment.core import AmendmentState
from services.agreements.amendment.signing import Signing
from services.agreements.errors.amendments import SignedAmendmentStands
from services.agreements.errors.signing import TextTampered
from shared.aggregate import follows
from shared.events.agreements import AmendmentApplied, AmendmentHindered, AmendmentRebaseNeeded
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AmendmentState
UNDO = frozenset({"withdraw_amendment", "rebase_amendment"})


class Hindrance(BaseModel):
    """Why a signed amendment cannot be applied: the refusal, and since when."""

    model_config = ConfigDict(frozen=True)

    refusal: str
    """Its slug."""
    values: dict[str, Any]
    since: date

    def as_refusal(self) -> Refusal:
        """The refusal again, to be told in a reader's language."""
        kind: type[Refusal] = type("Hindered", (Refusal,), {"slug": self.refusal})
        return kind(**self.values)


class Applying(Signing):
    """From the last signature on."""

    ALLOWED: ClassVar = {"apply_amendment": frozenset({_S.signed})}

    applied_on: date | None = None
    hindrance: Hindrance | None = None
    """While it is signed and the agreement cannot become what it says."""

    def guard(self, action: str) -> Refusal | None:
        """What all have signed is undone only when it cannot be applied; no branch is made of what was altered."""
        if action in UNDO and self.state == _S.signed and self.hindrance is None:
            return SignedAmendmentStands(reference=self.reference)
        if action == "rebase_amendment" and self.hindrance and self.hindrance.refusal == TextTampered.slug:
            return self.hindrance.as_refusal()
        return super().guard(action)

    def applied(self, on: date) -> list[DomainEvent]:
        """The agreement is now what the branch says."""
        self.require("apply_amendment")
        return [
            AmendmentApplied(amendment_id=self.id, agreement_id=self.agreement_id, number=self.numbered, applied_on=on)
        ]

    def hinder(self, refusal: Refusal, on: date) -> list[DomainEvent]:
        """Tell why it cannot be applied, each reason once. From then on it can be withdrawn, or put on a new base."""
        self.require("apply_amendment")
        found = Hindrance(refusal=refusal.slug, values=to_jsonable_python(refusal.values), since=on)
        if self.hindrance and found == self.hindrance.model_copy(update={"since": on}):
            return []
        hindered = AmendmentHindered(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            number=self.numbered,
            refusal=found.refusal,
            hindered_on=on,
        )
        return [hindered.keeping(values=found.values)]

    @follows
    def _wait(self, event: AmendmentHindered) -> None:
        values = event.detail["values"]
        self.hindrance = Hindrance(refusal=event.refusal, values=values, since=event.hindered_on)

    @follows
    def _take_effect(self, event: AmendmentApplied) -> None:
        self.state = _S.applied
        self.applied_on, self.hindrance = event.applied_on, None

    @follows
    def _wait_no_more(self, _: AmendmentRebaseNeeded) -> None:
        self.hindrance = None
