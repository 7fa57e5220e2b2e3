"""Approval: who must have approved the branch before it is frozen under its number."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from services.agreements.amendment.core import AmendmentState, Core
from services.agreements.bilingual import Bilingual
from services.agreements.errors.approval import AuthorDoesNotApprove
from services.agreements.ladder import Ladder, StepApproval
from shared.actor import Role
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import (
    AmendmentAgreed,
    AmendmentApprovalOverdue,
    AmendmentRebaseNeeded,
    AmendmentRefused,
    AmendmentReturned,
    AmendmentStepApproved,
    AmendmentSubmitted,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AmendmentState


class Approval(Core):
    """The way up the ladder of the amendment's type."""

    ALLOWED: ClassVar = {
        "submit_amendment": frozenset({_S.proposed}),
        "approve_amendment": frozenset({_S.under_review}),
        "approve_amendment_as_substitute": frozenset({_S.under_review}),
        "return_amendment": frozenset({_S.under_review}),
        "refuse_amendment": frozenset({_S.under_review}),
        "report_amendment_overdue": frozenset({_S.under_review}),
    }

    ladder: Ladder | None = None
    """While it is reviewed, and once it is approved."""

    @property
    def climbing(self) -> Ladder:
        """The ladder of a branch that was submitted."""
        assert self.ladder is not None, "not submitted yet"
        return self.ladder

    @property
    def nearly_agreed(self) -> bool:
        """Whether the next approval freezes it."""
        return self.state == _S.under_review and self.climbing.nearly_complete

    def guard(self, action: str) -> Refusal | None:
        """The last approval freezes: by then the network knows all parties, and who signs has somebody who may.

        What is lost is not approved.
        """
        if action == "approve_amendment_as_substitute":
            return self.guard("approve_amendment")
        if action == "approve_amendment" and self._around and self._around.lost:
            return self._around.lost
        if action == "approve_amendment" and self._around and self.nearly_agreed:
            return self._around.freezing_refusal(self.names) or super().guard(action)
        return super().guard(action)

    @property
    def approval_due_on(self) -> date | None:
        """The last day of the step that is waited for, in the time it was given first; none if that is not limited."""
        return self.ladder.due_on if self.ladder and self.state == _S.under_review else None

    def submit(self, at: datetime) -> list[DomainEvent]:
        """Hand the branch to its approvers. Refuses NothingAmended."""
        self.require("submit_amendment")
        submitted = AmendmentSubmitted(amendment_id=self.id, agreement_id=self.agreement_id)
        return [submitted.keeping(tiers=self.own_rule.approval, at=at)]

    def approver_refusal(
        self, person: str, roles: Collection[Role], *, substitute: str | None = None
    ) -> Refusal | None:
        """Why this person (or the substitute in their place) may not approve the current step; None if they may.

        An author does not approve, nor who has approved on this ladder before.
        """
        if not {person, substitute}.isdisjoint(self.authors):
            return AuthorDoesNotApprove()
        return self.ladder.refusal_of(person, roles, substitute=substitute) if self.ladder else None

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
        if refusal := self.approver_refusal(person, roles, substitute=substitute):
            raise refusal
        ladder = self.climbing
        given = ladder.approve(person, roles, at, substitute=substitute)
        step = AmendmentStepApproved(
            amendment_id=self.id, agreement_id=self.agreement_id, step=given.tier, lacking=ladder.lacking - 1
        )
        if not ladder.nearly_complete:
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

    def send_back(self, remarks: str, roles: Collection[Role]) -> list[DomainEvent]:
        """Have the branch changed; approvals so far are void. Refuses StepNotTheirs."""
        self.require("return_amendment")
        self._require_step(roles)
        returned = AmendmentReturned(amendment_id=self.id, agreement_id=self.agreement_id)
        return [returned.keeping(remarks=remarks)]

    def refuse(self, reason: str, roles: Collection[Role]) -> list[DomainEvent]:
        """End it in review. Refuses StepNotTheirs."""
        self.require("refuse_amendment")
        self._require_step(roles)
        return [self._refused("review", reason)]

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

    def _refused(self, because: Literal["review", "declined"], reason: str) -> DomainEvent:
        refused = AmendmentRefused(amendment_id=self.id, agreement_id=self.agreement_id, because=because)
        return refused.keeping(remarks=reason)

    def _require_step(self, roles: Collection[Role]) -> None:
        if refusal := self.climbing.step_refusal(roles):
            raise refusal
