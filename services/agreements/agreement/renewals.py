"""Renewal: the next edition is decided on while the last one runs, up to the kind's maximum."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from services.agreements.agreement.edition import Edition, EditionState, Outcome, Renewal, RenewalState
from services.agreements.agreement.editions import LASTING, Editions, told
from services.agreements.agreement.timely import earliest
from services.agreements.errors import RolesMissing
from services.agreements.errors.editions import (
    EditionOutsideTerm,
    EditionsExhausted,
    PartyNotCarried,
    RenewalNotAllowedNow,
    RenewalNotDue,
    RenewalNotFavourable,
)
from services.agreements.errors.obligations import ObligationsUnmet
from services.agreements.terms import Duty, check_school_year
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementExpired,
    AgreementNotRenewed,
    AgreementRenewalEvaluated,
    AgreementRenewalFellDue,
    AgreementRenewalReturned,
    AgreementRenewed,
    AgreementTerminated,
)
from shared.events.base import DomainEvent
from shared.money import Money
from shared.refusals import NotFound, Refusal

_E, _R = EditionState, RenewalState
OPEN = frozenset({_R.due, _R.evaluated})


class Renewals(Editions):
    """Whether and how the agreement goes on after its last edition."""

    ALLOWED: ClassVar = {
        "evaluate_renewal": LASTING,
        "return_renewal": LASTING,
        "renew_agreement": LASTING,
        "decline_renewal": LASTING,
    }
    RENEWING: ClassVar = {
        "evaluate_renewal": _R.due,
        "return_renewal": _R.evaluated,
        "renew_agreement": _R.evaluated,
        "decline_renewal": _R.evaluated,
    }
    """Action -> the state of the renewal in which it may be taken."""

    renewal: Renewal | None = None

    def guard(self, action: str) -> Refusal | None:
        """A renewal must be open, for the agreement to be renewed evaluated favourably, and nothing owed against it."""
        if action in self.RENEWING and (refusal := self._renewal_refusal(action)):
            return refusal
        return super().guard(action)

    def evaluate(self, *, outcome: Outcome, reason: str) -> list[DomainEvent]:
        """Say what the edition was worth."""
        self.require("evaluate_renewal")
        evaluated = AgreementRenewalEvaluated(agreement_id=self.id, edition=self._open_renewal.edition, outcome=outcome)
        return [evaluated.keeping(reason=reason)]

    def return_evaluation(self, *, reason: str) -> list[DomainEvent]:
        """Have it evaluated again."""
        self.require("return_renewal")
        return [
            AgreementRenewalReturned(agreement_id=self.id, edition=self._open_renewal.edition).keeping(reason=reason)
        ]

    def renew(
        self,
        *,
        school_year: str,
        budget_year: int,
        ends_on: date,
        funded_seats: int,
        unfunded_seats: int,
        amount: Money,
        parties: Collection[UUID],
        obligations: Collection[UUID],
    ) -> list[DomainEvent]:
        """Plan the next edition. What it takes over is named, nothing goes on by itself but the centers.

        Refuses SchoolYearNotOne, RenewalNotDue, RenewalNotAllowedNow, EditionsExhausted, RenewalNotFavourable,
        ObligationsUnmet, EditionOutsideTerm, NotAParty, RolesMissing, PartyNotCarried; NotFound for an unknown
        obligation.
        """
        self.require("renew_agreement")
        check_school_year(school_year)
        starts_on, latest = self._next_days()
        if not starts_on <= ends_on <= latest:
            raise EditionOutsideTerm(starts_on=starts_on, latest=latest)
        self._check_carried(parties, obligations)
        planned = Edition(
            number=self.editions[-1].number + 1,
            school_year=school_year,
            budget_year=budget_year,
            starts_on=starts_on,
            ends_on=ends_on,
            funded_seats=funded_seats,
            unfunded_seats=unfunded_seats,
            amount=amount,
            parties=tuple(parties),
            obligations=tuple(obligations),
        )
        return [self._renewed(planned, tacit=False)]

    def decline_renewal(self, *, reason: str) -> list[DomainEvent]:
        """Let the agreement end with this edition."""
        self.require("decline_renewal")
        return [self._not_renewed("decided").keeping(reason=reason)]

    def amend_editions(self, before: Self, duties: Sequence[Duty]) -> None:
        """A renewal that can lead to no edition any more lapses."""
        super().amend_editions(before, duties)
        if self.renewal_deadline_on and not self._goes_on:
            self._change_renewal(state=_R.lapsed)

    def next_on(self) -> date | None:
        """The next renewal or deadline."""
        if self.state not in LASTING:
            return super().next_on()
        deadline = self.renewal_deadline_on
        over = deadline + timedelta(days=1) if deadline else None
        return earliest(super().next_on(), self._renewal_due_on, over)

    def due_by(self, today: date) -> list[DomainEvent]:
        """A deadline and a renewal first."""
        if self.state not in LASTING:
            return super().due_by(today)
        return self._deadline(today) or self._renewal_due(today) or super().due_by(today)

    @follows
    def _begin_renewal(self, event: AgreementRenewalFellDue) -> None:
        days = {"due_on": event.due_on, "deadline_on": event.deadline_on}
        self.renewal = Renewal(edition=event.edition, state=_R.due, **days)

    @follows
    def _evaluate_renewal(self, event: AgreementRenewalEvaluated) -> None:
        self._change_renewal(state=_R.evaluated, outcome=event.outcome, **event.detail)

    @follows
    def _return_renewal(self, event: AgreementRenewalReturned) -> None:
        self._change_renewal(state=_R.due, outcome=None, **event.detail)

    @follows
    def _plan_next(self, event: AgreementRenewed) -> None:
        self._change_renewal(state=_R.renewed)
        planned = event.model_dump(include=set(Edition.model_fields)) | {"number": event.edition}
        self.editions = (*self.editions, Edition.model_validate(planned | event.detail))

    @follows
    def _plan_none(self, event: AgreementNotRenewed) -> None:
        state = _R.not_renewed if event.how == "decided" else _R.lapsed
        self._change_renewal(state=state, **event.detail)
        self.effective_until = event.effective_until

    @follows
    def _lapse(self, _: AgreementTerminated | AgreementExpired) -> None:
        if self.renewal_deadline_on:
            self._change_renewal(state=_R.lapsed)

    @property
    def renewal_deadline_on(self) -> date | None:
        """Until when a renewal is to be decided; none if none is."""
        return self.renewal.deadline_on if self.renewal and self.renewal.state in OPEN else None

    @property
    def _open_renewal(self) -> Renewal:
        assert self.renewal is not None, "the guard lets nothing through without one"
        return self.renewal

    @property
    def _goes_on(self) -> bool:
        """Whether the agreement outlasts its last edition."""
        return self.editions[-1].ends_on < self.effective_until

    @property
    def _renewal_due_on(self) -> date | None:
        """When the last edition's renewal will fall due; none if it has, or if there cannot be one."""
        rule = self.rules.editions
        if rule is None or not self.editions:
            return None
        last = self.editions[-1]
        # What lapsed while its edition runs did so by an amendment; another may have brought more time.
        asked = self.renewal and self.renewal.edition == last.number and self.renewal.state != _R.lapsed
        if asked or last.number >= rule.most or not self._goes_on or last.state != _E.running:
            return None
        return max(last.starts_on, last.ends_on - timedelta(days=rule.lead_days))

    def _renewal_refusal(self, action: str) -> Refusal | None:
        most = self.rules.editions.most if self.rules.editions else 0
        if len(self.editions) >= most:
            return EditionsExhausted(most=most)
        if self.renewal is None or self.renewal.state not in OPEN:
            return RenewalNotDue(due_on=self._renewal_due_on)
        if self.renewal.state != self.RENEWING[action]:
            allowed = sorted(name for name, state in self.RENEWING.items() if state == self.renewal.state)
            return RenewalNotAllowedNow(action=action, state=self.renewal.state, allowed=allowed)
        if action != "renew_agreement":
            return None
        if self.renewal.outcome == "unfavourable":
            return RenewalNotFavourable(edition=self.renewal.edition)
        if unmet := self.unmet("renewal"):
            return ObligationsUnmet(action=action, obligations=unmet)
        return None

    def _deadline(self, today: date) -> list[DomainEvent]:
        if self.renewal_deadline_on is None or today <= self.renewal_deadline_on:
            return []
        if not (self.rules.editions and self.rules.editions.tacit):
            return [self._not_renewed("lapsed")]
        last = self.editions[-1]
        starts_on, ends_on = self._next_days()
        years = (int(year) + 1 for year in last.school_year.split("/"))
        following = {
            "number": last.number + 1,
            "school_year": "/".join(map(str, years)),
            "budget_year": last.budget_year + 1,
            "starts_on": starts_on,
            "ends_on": ends_on,
        }
        return [self._renewed(last.model_copy(update=following), tacit=True)]

    def _renewal_due(self, today: date) -> list[DomainEvent]:
        due_on = self._renewal_due_on
        if due_on is None or today < due_on:
            return []
        last = self.editions[-1]
        return [
            AgreementRenewalFellDue(agreement_id=self.id, edition=last.number, due_on=due_on, deadline_on=last.ends_on)
        ]

    def _next_days(self) -> tuple[date, date]:
        """The next edition's first day, and the last that it may have."""
        starts_on = self.editions[-1].ends_on + timedelta(days=1)
        return starts_on, self._latest_end(starts_on)

    def _check_carried(self, parties: Collection[UUID], obligations: Collection[UUID]) -> None:
        duties = [duty for duty in self.duties if duty.obligation_id in obligations]
        if len(duties) < len(set(obligations)):
            raise NotFound()
        carried = [self.party(each) for each in parties]
        held = {role for party in carried for role in party.roles}
        if missing := [role for role in self.rules.roles if role not in held]:
            raise RolesMissing(roles=missing)
        needed = {each for duty in duties for each in (duty.debtor, duty.creditor) if each is not None}
        if absent := sorted(needed.difference(parties)):
            raise PartyNotCarried(parties=absent)

    def _renewed(self, planned: Edition, *, tacit: bool) -> AgreementRenewed:
        renewed = AgreementRenewed(
            agreement_id=self.id,
            academy=self.academy,
            **told(planned),
            centers=tuple(each.center_id for each in self.centers),
            tacit=tacit,
        )
        return renewed.keeping(parties=planned.parties, obligations=planned.obligations)

    def _not_renewed(self, how: Literal["decided", "lapsed"]) -> AgreementNotRenewed:
        last = self.editions[-1]
        return AgreementNotRenewed(
            agreement_id=self.id, academy=self.academy, edition=last.number, effective_until=last.ends_on, how=how
        )

    def _change_renewal(self, **changes: Any) -> None:
        self.renewal = self._open_renewal.model_copy(update=changes)
