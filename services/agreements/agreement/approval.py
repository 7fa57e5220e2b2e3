"""Approval: step by step of its kind's ladder, until the text is frozen for signature under its reference."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from services.agreements.agreement.core import Again, AgreementState, names_of
from services.agreements.agreement.negotiation import Negotiation
from services.agreements.bilingual import Bilingual
from services.agreements.content import ClauseRef, content_hash, language_hashes
from services.agreements.errors import TermOver
from services.agreements.errors.approval import AuthorDoesNotApprove
from services.agreements.ladder import Ladder, StepApproval
from shared.actor import Role
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import (
    AgreementApprovalOverdue,
    AgreementApprovalsVoided,
    AgreementApproved,
    AgreementNegotiationOpened,
    AgreementStepApproved,
    AgreementSubmittedForReview,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AgreementState


class Approval(Negotiation):
    """Who must have approved the text before it is frozen."""

    ALLOWED: ClassVar = {
        "submit_for_review": frozenset({_S.negotiation}),
        "approve_agreement": frozenset({_S.legal_review}),
        "approve_as_substitute": frozenset({_S.legal_review}),
        "return_with_remarks": frozenset({_S.legal_review}),
        "report_overdue": frozenset({_S.legal_review}),
    }

    ladder: Ladder | None = None
    """From the first review on: the file keeps the steps that its kind asked for then."""
    voided: tuple[StepApproval, ...] = ()
    """The approvals that fell when the text last went back to the parties; `remarks` says why."""

    @property
    def climbing(self) -> Ladder:
        """The ladder of a file that was submitted."""
        assert self.ladder is not None, "not submitted yet"
        return self.ladder

    @property
    def approval_due_on(self) -> date | None:
        """The last day of the step that is waited for, in the time it was given first; none if that is not limited."""
        return self.ladder.due_on if self.ladder and self.state == _S.legal_review else None

    def approver_refusal(
        self, person: str, roles: Collection[Role], *, substitute: str | None = None
    ) -> Refusal | None:
        """Why this person (or the substitute in their place) may not approve the current step; None if they may.

        Segregation of duties: neither an author of the text, nor who has approved on this ladder before.
        """
        if not {person, substitute}.isdisjoint(self.authors):
            return AuthorDoesNotApprove()
        return self.ladder.refusal_of(person, roles, substitute=substitute) if self.ladder else None

    def completes(self, action: str) -> bool:
        """Of several approvals only the last freezes the text."""
        if action == "approve_agreement" and self.ladder:
            return self.ladder.nearly_complete
        return super().completes(action)

    def guard(self, action: str) -> Refusal | None:
        """The last approval freezes: by then the network knows all parties, and each has somebody who may sign.

        What is lost is not approved, and nothing is submitted that cannot follow its parent any more.
        """
        if action == "approve_as_substitute":
            return self.guard("approve_agreement")
        if action == "approve_agreement" and self._around and self._around.lost:
            return self._around.lost
        if action == "approve_agreement" and self._around and self.ladder and self.ladder.nearly_complete:
            return self._around.freezing_refusal(self.names) or super().guard(action)
        if action == "submit_for_review" and self._around and self._around.parent:
            return self._around.parent
        return super().guard(action)

    def submit(self, at: datetime) -> list[DomainEvent]:
        """Hand the negotiated text to the first step of the ladder. Refuses TextMissing, NotAcceptedByAll."""
        self.require("submit_for_review")
        tiers = self.ladder.tiers if self.ladder else self.rules.approval
        return [AgreementSubmittedForReview(agreement_id=self.id).keeping(tiers=tiers, at=at)]

    def approve(
        self,
        person: str,
        roles: Collection[Role],
        *,
        substitute: str | None = None,
        reference: str | None,
        names: dict[UUID, Bilingual],
        clauses: Sequence[ClauseRef],
        at: datetime,
    ) -> list[DomainEvent]:
        """Approve the current step; the last approval freezes the text under its reference, which it keeps for good.

        `substitute` is who approves in the person's place. `reference`, `names` and `clauses` are needed for the last
        approval only. Refuses AuthorDoesNotApprove, StepNotTheirs, ApprovedAlready, TermOver.
        """
        self.require("approve_agreement")
        if refusal := self.approver_refusal(person, roles, substitute=substitute):
            raise refusal
        today = business_date(at)
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)
        given = self.climbing.approve(person, roles, at, substitute=substitute)
        approved = AgreementStepApproved(agreement_id=self.id, step=given.tier, lacking=self.climbing.lacking - 1)
        frozen = self.climbing.nearly_complete
        last = [self._frozen(self.reference or reference, names, clauses, today)] if frozen else []
        return [approved.keeping(approval=given), *last]

    def return_with_remarks(self, remarks: str, roles: Collection[Role], *, at: datetime) -> list[DomainEvent]:
        """Send the text back to the parties: what was approved so far is void. Refuses StepNotTheirs."""
        self.require("return_with_remarks")
        if refusal := self.climbing.step_refusal(roles):
            raise refusal
        return self.negotiate_again("remarks", reason=remarks, at=at)

    def negotiate_again(self, because: Again, *, reason: str, at: datetime) -> list[DomainEvent]:
        """Back to the parties: nothing that was approved of the text stands."""
        void = self.climbing.approvals
        steps = tuple(dict.fromkeys(approval.tier for approval in void))
        voided = AgreementApprovalsVoided(agreement_id=self.id, because=because, steps=steps, approvals=len(void))
        return [*([voided] if void else []), *super().negotiate_again(because, reason=reason, at=at)]

    def report_overdue(self, at: datetime) -> list[DomainEvent]:
        """Tell each level of lateness that the current step has reached; nothing that was told before."""
        self.require("report_overdue")
        return [
            AgreementApprovalOverdue(
                agreement_id=self.id, step=late.tier, level=late.level, since=late.since, due=late.due
            )
            for late in self.climbing.overdue(at)
        ]

    def _frozen(
        self, reference: str | None, names: dict[UUID, Bilingual], clauses: Sequence[ClauseRef], today: date
    ) -> DomainEvent:
        assert reference and self.text_hash, "frozen without a reference or a text"
        frozen = AgreementApproved(
            agreement_id=self.id,
            reference=reference,
            text_hash=self.text_hash,
            content_hash=content_hash(self.content(clauses)),
            language_hashes=language_hashes(clauses),
            offered_until=self.rules.signing.offered_until(today),
            kind_version=self.rules.version,
        )
        return frozen.keeping(names=names, rules=self.rules.as_kept())

    @follows
    def _begin_review(self, event: AgreementSubmittedForReview) -> None:
        self.state = AgreementState.legal_review
        self.turn = None
        self.ladder = Ladder(tiers=event.detail["tiers"], since=event.detail["at"])

    @follows
    def _climb(self, event: AgreementStepApproved) -> None:
        self.ladder = self.climbing.having(StepApproval.model_validate(event.detail["approval"]))

    @follows
    def _escalate(self, event: AgreementApprovalOverdue) -> None:
        self.ladder = self.climbing.escalated(event.level)

    @follows
    def _end_review(self, event: AgreementApproved) -> None:
        self.state = AgreementState.ready_to_sign
        self.reference = event.reference
        self.names = names_of(event.detail)
        self.remarks = None
        self.voided = ()

    @follows
    def _void_approvals(self, event: AgreementNegotiationOpened) -> None:
        if self.ladder:
            self.voided = self.ladder.approvals
            self.ladder = self.ladder.restarted(datetime.fromisoformat(event.detail["at"]))
