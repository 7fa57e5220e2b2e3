"""An obligation: an entry of the ledger, and where it stands."""

from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.terms import Duty


class ObligationState(StrEnum):
    """Where an obligation stands; late is derived, never stored."""

    pending = "pending"
    due = "due"
    claimed = "claimed"
    fulfilled = "fulfilled"
    waived = "waived"
    failed = "failed"
    frozen = "frozen"
    cancelled = "cancelled"


OWED = frozenset({ObligationState.pending, ObligationState.due})
"""What is still to be done."""
UNSETTLED = OWED | {ObligationState.claimed, ObligationState.frozen}
SETTLED = frozenset(ObligationState) - UNSETTLED


class Claim(BaseModel):
    """What the debtor brings to show that it met an obligation."""

    model_config = ConfigDict(frozen=True)

    evidence: str | None
    """In the debtor's words; none if an event shows it."""
    documents: tuple[str, ...]
    """SHA-256 of each, in hex."""
    claimed_on: date


class Obligation(BaseModel):
    """An entry of the ledger: one occurrence of what a party agreed to."""

    model_config = ConfigDict(frozen=True)

    obligation_id: UUID
    """Its duty's."""
    occurrence: int
    debtor_id: UUID
    """The organisation that owes."""
    creditor_id: UUID | None
    """The organisation it is owed to; none: all the other parties."""
    due_on: date
    state: ObligationState = ObligationState.pending
    frozen_from: ObligationState | None = None
    """The state it goes back to when the suspension is lifted."""
    claim: Claim | None = None
    reason: str | None = None
    """Why it was returned or waived."""
    settled_on: date | None = None
    reminded: int | None = None
    """The last reminder: days after the due date, negative before it."""

    def late_since(self, today: date) -> date | None:
        """The first day of its being late, if it is."""
        return self.due_on + timedelta(days=1) if self.state in OWED and self.due_on < today else None


class Former(BaseModel):
    """What an entry was settled or cancelled as, of whose duty an amendment has made something else since."""

    model_config = ConfigDict(frozen=True)

    obligation_id: UUID
    occurrence: int
    duty: Duty
