"""Renewal: the next edition is decided on while the last one runs, up to the kind's maximum."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.edition import Edition, EditionState, Outcome, Renewal, RenewalState, seats_of
from services.agreements.agreement.editions import LASTING, Editions, sums, told
from services.agreements.agreement.timely import earliest
from services.agreements.errors import CenterNotInAgreement, RolesMissing
from services.agreements.errors.editions import (
    BudgetYearOutsideEdition,
    EditionOutsideTerm,
    EditionsExhausted,
    PartyNotCarried,
    RenewalNotAllowedNow,
    RenewalNotDue,
    RenewalNotFavourable,
    SchoolYearPassed,
    SeatsNotPlaced,
)
from services.agreements.errors.obligations import ObligationsUnmet
from services.agreements.terms import Duty, check_school_year, check_seats, year_from
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementExpired,
    AgreementNotRenewed,
    AgreementRenewalEvaluated,
    AgreementRenewalFellDue,
    AgreementRenewalReturned,
    AgreementRenewed,
    AgreementTerminated,
    CenterSeats,
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
        seats: Sequence[CenterSeats] = (),
    ) -> list[DomainEvent]:
        """Plan the next edition. What it takes over is named, nothing goes on by itself but the centers.

        `seats` names the centers that get others than agreed; of an only center the sums tell.
        Refuses SchoolYearNotOne, SchoolYearPassed, RenewalNotDue, RenewalNotAllowedNow, EditionsExhausted,
        RenewalNotFavourable, ObligationsUnmet, EndAnnounced, EditionOutsideTerm, BudgetYearOutsideEdition, NotAParty,
        RolesMissing, PartyNotCarried, CenterNotInAgreement, SeatsNotPlaced, CenterWithoutSeats; NotFound for an unknown
        obligation.
        """
        self.require("renew_agreement")
        check_school_year(school_year)
        if school_year <= (last := self.last_edition.school_year):
            raise SchoolYearPassed(school_year=school_year, last=last)
        starts_on, latest = self.next_start, self._latest_end(self.next_start)
        if not starts_on <= ends_on <= latest:
            raise EditionOutsideTerm(starts_on=starts_on, latest=latest)
        if not starts_on.year <= budget_year <= ends_on.year:
            raise BudgetYearOutsideEdition(first=starts_on.year, last=ends_on.year)
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
            seats=self._placed_seats(funded_seats, unfunded_seats, seats),
        )
        self._check_seats(planned)
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
        """A deadline and a renewal first, or the end with the last edition."""
        if self.state not in LASTING:
            return super().due_by(today)
        first = self._deadline(today) or self._renewal_due(today) or self._end_with_last(today)
        return first or super().due_by(today)

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
        if self.renewal and self.renewal.edition == event.edition:
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
    def latest_until(self) -> date | None:
        """The last day to which editions can carry the agreement; none if its kind has none, or before they begin."""
        if not self.rules.editions or not self.editions:
            return None
        # An edition that ends with the agreement goes on with it, for its year.
        ends_on = self.last_edition.ends_on if self._goes_on else year_from(self.last_edition.starts_on)
        return year_from(ends_on + timedelta(days=1), years=self._may_follow)

    @property
    def _open_renewal(self) -> Renewal:
        assert self.renewal is not None, "the guard lets nothing through without one"
        return self.renewal

    @property
    def _may_follow(self) -> int:
        """How many editions may still follow; those that were given up do not count."""
        most = self.rules.editions.most if self.rules.editions else 0
        return max(0, most - sum(each.state != _E.cancelled for each in self.editions))

    @property
    def _goes_on(self) -> bool:
        """Whether the agreement outlasts its last edition."""
        return self.last_edition.ends_on < self.effective_until

    @property
    def _ends_open(self) -> bool:
        """Whether the last edition has come, its days pass at rest too, and it is not settled what is after it."""
        if not self.rules.editions or not self.editions or self.renewal_deadline_on:
            return False
        return self._goes_on and (self.last_edition.state != _E.planned or self.state == AgreementState.suspended)

    @property
    def _renewal_due_on(self) -> date | None:
        """When the last edition's renewal will fall due; none if it has, or if there cannot be one."""
        if not self.rules.editions or not self._ends_open or not self._may_follow:
            return None
        last = self.last_edition
        return max(last.starts_on, last.ends_on - timedelta(days=self.rules.editions.lead_days))

    def _renewal_refusal(self, action: str) -> Refusal | None:
        if not self._may_follow:
            return EditionsExhausted(most=self.rules.editions.most if self.rules.editions else 0)
        if self.renewal is None or self.renewal.state not in OPEN:
            return RenewalNotDue(due_on=self._renewal_due_on)
        if self.renewal.state != self.RENEWING[action]:
            allowed = sorted(name for name, state in self.RENEWING.items() if state == self.renewal.state)
            return RenewalNotAllowedNow(kind="renewal", action=action, state=self.renewal.state, allowed=allowed)
        if action != "renew_agreement":
            return None
        if self.renewal.outcome == "unfavourable":
            return RenewalNotFavourable(edition=self.renewal.edition)
        # Of the years before, what failed was judged with them, and can be met no more.
        if unmet := self.unmet("renewal", since=self.edition(self.renewal.edition).starts_on):
            return ObligationsUnmet(action=action, obligations=unmet, names=self.owed(unmet))
        return None

    def _deadline(self, today: date) -> list[DomainEvent]:
        """What nobody decided in time lapses, or renews itself where the kind says so and nothing refuses it."""
        deadline = self.renewal_deadline_on
        if deadline is None or today <= deadline:
            return []
        if not (self.rules.editions and self.rules.editions.tacit):
            return [self._not_renewed("lapsed")]
        if before := super().due_by(deadline):
            return before
        ahead = self.model_copy()
        if self._open_renewal.state == _R.due:
            ahead._change_renewal(state=_R.evaluated)
        if ahead.refusal_of("renew_agreement"):
            return [self._not_renewed("lapsed")]
        return [self._renewed(self._following(), tacit=True)]

    def _following(self) -> Edition:
        """The next edition as the last one was, a year on."""
        last, starts_on = self.last_edition, self.next_start
        ends_on = self._latest_end(starts_on)
        years = (int(year) + 1 for year in last.school_year.split("/"))
        following = {
            "number": self.editions[-1].number + 1,
            "school_year": "/".join(map(str, years)),
            "budget_year": min(max(last.budget_year + 1, starts_on.year), ends_on.year),
            "starts_on": starts_on,
            "ends_on": ends_on,
        }
        return last.model_copy(update=following)

    def _renewal_due(self, today: date) -> list[DomainEvent]:
        due_on = self._renewal_due_on
        if due_on is None or today < due_on:
            return []
        last = self.last_edition
        return [
            AgreementRenewalFellDue(agreement_id=self.id, edition=last.number, due_on=due_on, deadline_on=last.ends_on)
        ]

    def _end_with_last(self, today: date) -> list[DomainEvent]:
        """Where no other edition may follow, the agreement ends with the last one, and says so once that has come."""
        if not self._ends_open or self._may_follow or today < self.last_edition.starts_on:
            return []
        return [self._not_renewed("lapsed")]

    def _check_carried(self, parties: Collection[UUID], obligations: Collection[UUID]) -> None:
        duties = [duty for duty in self.duties if duty.obligation_id in obligations]
        if len(duties) < len(set(obligations)):
            raise NotFound()
        carried = [self.party(each) for each in parties]
        held = {role for party in carried for role in party.roles}
        if missing := [role for role in self.rules.roles if role not in held]:
            raise RolesMissing(roles=missing)
        operators = {each.operator_id for each in self.centers}
        needed = {party.party_id for party in self.parties if party.organisation_id in operators}
        needed |= {each for duty in duties for each in (duty.debtor, duty.creditor) if each is not None}
        if absent := sorted(needed.difference(parties)):
            raise PartyNotCarried(parties=absent, names=self.called(absent))

    def _placed_seats(self, funded: int, unfunded: int, named: Sequence[CenterSeats]) -> tuple[CenterSeats, ...]:
        agreed = [seats_of(each) for each in self.centers]
        if foreign := {each.center_id for each in named} - {each.center_id for each in agreed}:
            raise CenterNotInAgreement(centers=sorted(foreign))
        if len(agreed) == 1 and not named:
            named = [agreed[0].model_copy(update={"funded_seats": funded, "unfunded_seats": unfunded})]
        return tuple(each for each in named if each not in agreed)

    def _check_seats(self, planned: Edition) -> None:
        funded, unfunded = sums(planned.granted(self.centers))
        if (funded, unfunded) != (planned.funded_seats, planned.unfunded_seats):
            raise SeatsNotPlaced(funded_seats=funded, unfunded_seats=unfunded)
        if not funded + unfunded:
            check_seats(planned.granted(self.centers)[:1])

    def _renewed(self, planned: Edition, *, tacit: bool) -> AgreementRenewed:
        renewed = AgreementRenewed(
            agreement_id=self.id,
            academy=self.academy,
            **told(planned),
            centers=tuple(each.center_id for each in self.centers),
            tacit=tacit,
            seats=planned.seats,
        )
        return renewed.keeping(parties=planned.parties, obligations=planned.obligations)

    def _not_renewed(self, how: Literal["decided", "lapsed"]) -> AgreementNotRenewed:
        last = self.last_edition
        return AgreementNotRenewed(
            agreement_id=self.id, academy=self.academy, edition=last.number, effective_until=last.ends_on, how=how
        )

    def _change_renewal(self, **changes: Any) -> None:
        self.renewal = self._open_renewal.model_copy(update=changes)
