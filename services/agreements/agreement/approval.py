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
from services.agreements.ladder import Climbing, Ladder, StepApproval
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


class Approval(Negotiation, Climbing):
    """Who must have approved the text before it is frozen."""

    ALLOWED: ClassVar = {
        "submit_for_review": frozenset({_S.negotiation}),
        "approve_agreement": frozenset({_S.legal_review}),
        "approve_as_substitute": frozenset({_S.legal_review}),
        "return_with_remarks": frozenset({_S.legal_review}),
        "report_overdue": frozenset({_S.legal_review}),
    }

    voided: tuple[StepApproval, ...] = ()
    """The approvals that fell when the text last went back to the parties; `remarks` says why."""

    @property
    def under_review(self) -> bool:
        """Whether it waits for an approval."""
        return self.state == _S.legal_review

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
        if action == "approve_agreement" and self._around and self.nearly_frozen:
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
        given = self.give_approval(person, roles, at, substitute=substitute)
        today = business_date(at)
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)
        approved = AgreementStepApproved(
            agreement_id=self.id, step=given.tier, lacking=self.climbing.lacking - 1, in_place_of=given.in_place_of
        )
        last = [self._frozen(self.reference or reference, names, clauses, today)] if self.nearly_frozen else []
        return [approved.keeping(approval=given), *last]

    def return_with_remarks(
        self, remarks: str, person: str, roles: Collection[Role], *, substitute: str | None = None, at: datetime
    ) -> list[DomainEvent]:
        """Send the text back to the parties: what was approved so far is void.

        `substitute` is who does so in the person's place. Refuses StepNotTheirs, AuthorDoesNotApprove.
        """
        self.require("return_with_remarks")
        self.require_step(roles, substitute=substitute)
        return self.negotiate_again("remarks", reason=remarks, at=at, in_place_of=person if substitute else None)

    def negotiate_again(
        self, because: Again, *, reason: str, at: datetime, in_place_of: str | None = None
    ) -> list[DomainEvent]:
        """Back to the parties: nothing that was approved of the text stands."""
        void = self.climbing.approvals
        steps = tuple(dict.fromkeys(approval.tier for approval in void))
        voided = AgreementApprovalsVoided(agreement_id=self.id, because=because, steps=steps, approvals=len(void))
        again = super().negotiate_again(because, reason=reason, at=at, in_place_of=in_place_of)
        return [*([voided] if void else []), *again]

    def report_overdue(self, at: datetime) -> list[DomainEvent]:
        """Tell each level of lateness that the current step has reached; nothing that was told before."""
        self.require("report_overdue")
        return [
            AgreementApprovalOverdue(
                agreement_id=self.id,
                step=late.tier,
                level=late.level,
                since=late.since,
                due=late.due,
                roles=tuple(late.roles),
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
