"""Closing: after its end an agreement is settled, closed, and later archived."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.edition import EditionState
from services.agreements.agreement.editions import Editions
from services.agreements.agreement.obligation import ObligationState
from services.agreements.agreement.timely import earliest
from services.agreements.errors.force import (
    CentersNotHandedOver,
    ConfirmationsMissing,
    DecisionWithoutDocument,
    EditionsUnderReview,
    ObligationsUnsettled,
)
from services.agreements.terms import center_named
from shared.aggregate import follows
from shared.events.agreements import AgreementArchived, AgreementClosed
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_O = ObligationState
OPEN = frozenset({_O.due, _O.claimed, _O.frozen})
"""Obligations that wait for somebody; one that is not due yet may outlive the file, unless it blocks the closing."""
Confirmation = Literal[
    "final_account_accepted",
    "balances_zero",
    "no_finding_open",
    "no_recovery_open",
    "goods_handed_over",
    "learners_handed_over",
    "records_handed_over",
]
"""What whoever closes the file answers for, on the strength of a document."""
OF_CENTERS = frozenset[Confirmation]({"goods_handed_over", "learners_handed_over", "records_handed_over"})


class ClosedFile(BaseModel):
    """When and on what the agreement was closed."""

    model_config = ConfigDict(frozen=True)

    closed_on: date
    confirmed: tuple[Confirmation, ...]
    document: str | None = None
    """The reference of the final account."""
    document_hash: str | None = None
    """SHA-256 of the document itself, in hex."""
    archived_on: date | None = None


class Closing(Editions):
    """The end of the file."""

    ALLOWED: ClassVar = {"close_agreement": frozenset({AgreementState.expired, AgreementState.terminated})}

    closed_file: ClosedFile | None = None

    @property
    def to_confirm(self) -> tuple[Confirmation, ...]:
        """What must be confirmed at the closing; an agreement without centers has nothing to hand over."""
        return tuple(each for each in get_args(Confirmation) if self.centers or each not in OF_CENTERS)

    def guard(self, action: str) -> Refusal | None:
        """Nothing that is owed, no year's review and no center is left open."""
        if action == "close_agreement":
            blocking = {duty.obligation_id for duty in self.duties if "closing" in duty.blocks}
            left = {
                each.obligation_id
                for each in self.obligations
                if each.state in OPEN or (each.state == _O.pending and each.obligation_id in blocking)
            }
            if left:
                return ObligationsUnsettled(obligations=sorted(left), names=self.owed(sorted(left)))
            if reviewed := [each.number for each in self.editions if each.state == EditionState.under_review]:
                return EditionsUnderReview(editions=reviewed)
            if self.centers_left:
                names = {center.center_id: center_named(center) for center in self.centers}
                left_over = list(self.centers_left)
                return CentersNotHandedOver(centers=left_over, names=[names[each] for each in left_over])
        return super().guard(action)

    def close(
        self,
        *,
        confirmed: Collection[Confirmation],
        document: str | None = None,
        document_hash: str | None = None,
        today: date,
    ) -> list[DomainEvent]:
        """Close the file.

        Refuses ObligationsUnsettled, EditionsUnderReview, CentersNotHandedOver, ConfirmationsMissing.
        """
        self.require("close_agreement")
        if missing := [each for each in self.to_confirm if each not in confirmed]:
            raise ConfirmationsMissing(missing=missing)
        if document is None and document_hash is None:
            raise DecisionWithoutDocument()
        closed = AgreementClosed(agreement_id=self.id, academy=self.academy, closed_on=today)
        return [closed.keeping(confirmed=self.to_confirm, document=document, document_hash=document_hash)]

    def next_on(self) -> date | None:
        """The day of the archive."""
        return earliest(super().next_on(), self._archive_on)

    def due_by(self, today: date) -> list[DomainEvent]:
        """A closed file is archived after the kind's time."""
        if self._archive_on is None or today < self._archive_on:
            return super().due_by(today)
        return [AgreementArchived(agreement_id=self.id, archived_on=self._archive_on)]

    @follows
    def _close_file(self, event: AgreementClosed) -> None:
        self.state = AgreementState.closed
        self.closed_file = ClosedFile(closed_on=event.closed_on, **event.detail)

    @follows
    def _archive_file(self, event: AgreementArchived) -> None:
        assert self.closed_file is not None, "closed before it is archived"
        self.closed_file = self.closed_file.model_copy(update={"archived_on": event.archived_on})

    @property
    def _archive_on(self) -> date | None:
        if self.closed_file is None or self.closed_file.archived_on is not None:
            return None
        return self.closed_file.closed_on + timedelta(days=self.rules.archive_days)
