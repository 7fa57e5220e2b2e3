"""Approval: who must have approved the branch before it is frozen under its number."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from services.agreements.amendment.core import AmendmentState, Core
from services.agreements.bilingual import Bilingual
from services.agreements.ladder import Climbing, Ladder, StepApproval
from shared.actor import Role
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import (
    AmendmentAgreed,
    AmendmentApprovalOverdue,
    AmendmentApprovalsVoided,
    AmendmentRebaseNeeded,
    AmendmentRefused,
    AmendmentReturned,
    AmendmentStepApproved,
    AmendmentSubmitted,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AmendmentState


class Approval(Core, Climbing):
    """The way up the ladder of the amendment's type."""

    ALLOWED: ClassVar = {
        "submit_amendment": frozenset({_S.proposed}),
        "approve_amendment": frozenset({_S.under_review}),
        "approve_amendment_as_substitute": frozenset({_S.under_review}),
        "return_amendment": frozenset({_S.under_review}),
        "refuse_amendment": frozenset({_S.under_review}),
        "report_amendment_overdue": frozenset({_S.under_review}),
    }

    @property
    def under_review(self) -> bool:
        """Whether it waits for an approval."""
        return self.state == _S.under_review

    def guard(self, action: str) -> Refusal | None:
        """The last approval freezes: by then the network knows all parties, and who signs has somebody who may.

        What is lost is not approved.
        """
        if action == "approve_amendment_as_substitute":
            return self.guard("approve_amendment")
        if action == "approve_amendment" and self._around and self._around.lost:
            return self._around.lost
        if action == "approve_amendment" and self._around and self.nearly_frozen:
            return self._around.freezing_refusal(self.names) or super().guard(action)
        return super().guard(action)

    def submit(self, at: datetime) -> list[DomainEvent]:
        """Hand the branch to its approvers. Refuses NothingAmended."""
        self.require("submit_amendment")
        submitted = AmendmentSubmitted(amendment_id=self.id, agreement_id=self.agreement_id)
        return [submitted.keeping(tiers=self.own_rule.approval, at=at)]

    def approve(
        self,
        person: str,
        roles: Collection[Role],
        *,
        substitute: str | None = None,
        number: int,
        reference: str,
        touched: Collection[UUID],
        names: Mapping[UUID, Bilingual],
        at: datetime,
    ) -> list[DomainEvent]:
        """Approve the current step; the last approval freezes the branch under its number, which it keeps.

        `substitute` is who approves in the person's place; `number`, `reference`, `touched` (who is to sign) and
        `names` (of the organisations) are needed for the last approval only. Refuses AuthorDoesNotApprove,
        StepNotTheirs, ApprovedAlready.
        """
        self.require("approve_amendment")
        given = self.give_approval(person, roles, at, substitute=substitute)
        step = AmendmentStepApproved(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            step=given.tier,
            lacking=self.climbing.lacking - 1,
            in_place_of=given.in_place_of,
        )
        if not self.nearly_frozen:
            return [step.keeping(approval=given)]
        agreed = AmendmentAgreed(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            number=self.number or number,
            reference=self.reference or reference,
            content_hash=self.content_hash,
            offered_until=self.rules.signing.offered_until(business_date(at)),
        )
        return [step.keeping(approval=given), agreed.keeping(touched=touched, names=names)]

    def send_back(
        self, remarks: str, person: str, roles: Collection[Role], *, substitute: str | None = None
    ) -> list[DomainEvent]:
        """Have the branch changed; approvals so far are void.

        `substitute` is who does so in the person's place. Refuses StepNotTheirs, AuthorDoesNotApprove.
        """
        self.require("return_amendment")
        self.require_step(roles, substitute=substitute)
        returned = AmendmentReturned(
            amendment_id=self.id, agreement_id=self.agreement_id, in_place_of=person if substitute else None
        )
        return [*self._voided("returned"), returned.keeping(remarks=remarks)]

    def lose_base(self, applied: UUID | None, codes: Collection[str] = ()) -> list[DomainEvent]:
        """What was approved of it does not stand either."""
        lost = super().lose_base(applied, codes)
        return [*self._voided("rebase_needed"), *lost] if lost else []

    def refuse(
        self, reason: str, person: str, roles: Collection[Role], *, substitute: str | None = None
    ) -> list[DomainEvent]:
        """End it in review, as send_back returns it. Refuses StepNotTheirs, AuthorDoesNotApprove."""
        self.require("refuse_amendment")
        self.require_step(roles, substitute=substitute)
        return [self._refused("review", reason, in_place_of=person if substitute else None)]

    def report_overdue(self, at: datetime) -> list[DomainEvent]:
        """Tell each level of lateness that the current step has reached; nothing that was told before."""
        self.require("report_amendment_overdue")
        return [
            AmendmentApprovalOverdue(
                amendment_id=self.id,
                agreement_id=self.agreement_id,
                step=late.tier,
                level=late.level,
                since=late.since,
                due=late.due,
                roles=tuple(late.roles),
            )
            for late in self.climbing.overdue(at)
        ]

    @follows
    def _begin_review(self, event: AmendmentSubmitted) -> None:
        self.state = _S.under_review
        self.remarks = None
        self.ladder = Ladder(tiers=event.detail["tiers"], since=event.detail["at"])

    @follows
    def _climb(self, event: AmendmentStepApproved) -> None:
        self.ladder = self.climbing.having(StepApproval.model_validate(event.detail["approval"]))

    @follows
    def _escalate(self, event: AmendmentApprovalOverdue) -> None:
        self.ladder = self.climbing.escalated(event.level)

    @follows
    def _end_review(self, _: AmendmentAgreed) -> None:
        self.state = _S.agreed

    @follows
    def _write_again(self, event: AmendmentReturned) -> None:
        self.state = _S.proposed
        self.remarks = event.detail["remarks"]
        self.ladder = None

    @follows
    def _drop_approvals(self, _: AmendmentRebaseNeeded) -> None:
        self.ladder = None

    @follows
    def _come_to_nothing(self, event: AmendmentRefused) -> None:
        self.state = _S.refused
        self.remarks = event.detail["remarks"]

    def _voided(self, because: Literal["returned", "rebase_needed"]) -> list[DomainEvent]:
        """Tell that what was approved is void; nothing if nothing was."""
        void = self.ladder.approvals if self.ladder else ()
        steps = tuple(dict.fromkeys(approval.tier for approval in void))
        told = AmendmentApprovalsVoided(
            amendment_id=self.id, agreement_id=self.agreement_id, because=because, steps=steps, approvals=len(void)
        )
        return [told] if void else []

    def _refused(
        self, because: Literal["review", "declined"], reason: str, in_place_of: str | None = None
    ) -> DomainEvent:
        refused = AmendmentRefused(
            amendment_id=self.id, agreement_id=self.agreement_id, because=because, in_place_of=in_place_of
        )
        return refused.keeping(remarks=reason)
