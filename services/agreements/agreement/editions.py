"""Editions: one agreement, year after year, each renewed by decision up to the kind's maximum."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.edition import Edition, EditionState, Outcome, Renewal, RenewalState
from services.agreements.agreement.obligation import Obligation
from services.agreements.agreement.obligations import Obligations
from services.agreements.agreement.timely import earliest
from services.agreements.errors import RolesMissing
from services.agreements.errors.editions import (
    EditionNotUnderReview,
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
from shared.clock import months_after
from shared.events.agreements import (
    AgreementEditionClosed,
    AgreementEditionEnded,
    AgreementEditionOpened,
    AgreementExpired,
    AgreementNotRenewed,
    AgreementRenewalEvaluated,
    AgreementRenewalFellDue,
    AgreementRenewalReturned,
    AgreementRenewed,
    AgreementSigned,
    AgreementTerminated,
)
from shared.events.base import DomainEvent
from shared.money import Money
from shared.refusals import NotFound, Refusal

_S, _E, _R = AgreementState, EditionState, RenewalState
LASTING = frozenset({_S.in_force, _S.suspended})
"""While the agreement lasts, at work or at rest."""
OPEN = frozenset({_R.due, _R.evaluated})


class Editions(Obligations):
    """The years of an agreement, within its horizon."""

    ALLOWED: ClassVar = {
        **Obligations.ALLOWED,
        "evaluate_renewal": LASTING,
        "return_renewal": LASTING,
        "renew_agreement": LASTING,
        "decline_renewal": LASTING,
        "close_edition": LASTING | {_S.expired, _S.terminated},
    }
    RENEWING: ClassVar = {
        "evaluate_renewal": _R.due,
        "return_renewal": _R.evaluated,
        "renew_agreement": _R.evaluated,
        "decline_renewal": _R.evaluated,
    }
    """Action -> the state of the renewal in which it may be taken."""

    editions: tuple[Edition, ...] = ()
    """None until all have signed, or if the kind has none."""
    renewal: Renewal | None = None

    def edition(self, number: int) -> Edition:
        """The edition of this number. Raises NotFound."""
        for edition in self.editions:
            if edition.number == number:
                return edition
        raise NotFound()

    def owed_until(self, duty: Duty) -> date:
        """The last day of the last edition in which the duty is owed."""
        ends = [each.ends_on for each in self.editions if duty.obligation_id in each.obligations]
        return max(ends) if ends else super().owed_until(duty)

    def owed_within(self, found: Obligation) -> tuple[date, date]:
        """The first and the last day of the edition in which the occurrence is due."""
        started = [(each.starts_on, each.ends_on) for each in self.editions if each.starts_on <= found.due_on]
        return max(started, default=super().owed_within(found))

    def guard(self, action: str) -> Refusal | None:
        """A renewal must be open, for the agreement to be renewed evaluated favourably, and nothing owed against it."""
        if action in self.RENEWING and (refusal := self._renewal_refusal(action)):
            return refusal
        if action == "close_edition" and not any(each.state == _E.under_review for each in self.editions):
            return EditionNotUnderReview(edition=None, state=None)
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

    def close_edition(self, number: int, *, today: date) -> list[DomainEvent]:
        """End an edition's review: what was due in it and is not met has failed. Refuses EditionNotUnderReview."""
        self.require("close_edition")
        edition = self.edition(number)
        if edition.state != _E.under_review:
            raise EditionNotUnderReview(edition=number, state=edition.state)
        failed = self.fail_unmet(edition.ends_on, today=today)
        closed = AgreementEditionClosed(agreement_id=self.id, edition=number, closed_on=today, failed=len(failed))
        return [*failed, closed]

    def reckon(self, budget_year: int) -> tuple[int, int, int]:
        """What is agreed, as editions count it: funded and unfunded seats, and centimes in cash in one budget year."""
        cash = (line.amount for line in self.budget if (line.kind, line.budget_year) == ("cash", budget_year))
        return (
            sum(each.funded_seats for each in self.centers),
            sum(each.unfunded_seats for each in self.centers),
            Money.total(cash).centimes,
        )

    def amend_editions(self, before: Self, duties: Sequence[Duty]) -> None:
        """Let the editions that are not over follow what was amended; `before` is the agreement as it was.

        New duties are owed in them too, and those gone no more. Their seats and amounts go up or down by what the
        agreed ones do: a renewal may have set others. One that ended with the agreement, or would outlast it, ends by
        the rule of the first. A renewal that can lead to no edition any more lapses.
        """
        left = {each.party_id for each in before.parties} - {each.party_id for each in self.parties}
        joined = [each.party_id for each in self.parties if each not in before.parties]
        known, wanted = ([each.obligation_id for each in some] for some in (before.duties, duties))
        added = [id for id in wanted if id not in known]

        def amended(each: Edition) -> dict[str, Any]:
            was, now = before.reckon(each.budget_year), self.reckon(each.budget_year)
            funded, unfunded, centimes = (there - then for then, there in zip(was, now, strict=True))
            moved = each.ends_on == before.effective_until or each.ends_on > self.effective_until
            return {
                "funded_seats": max(0, each.funded_seats + funded),
                "unfunded_seats": max(0, each.unfunded_seats + unfunded),
                "amount": Money(centimes=max(0, each.amount.centimes + centimes)),
                "parties": tuple(dict.fromkeys([*(id for id in each.parties if id not in left), *joined])),
                "obligations": (*(id for id in each.obligations if id in wanted), *added),
                "ends_on": self._latest_end(each.starts_on) if moved else each.ends_on,
                "state": _E.cancelled if each.starts_on > self.effective_until else each.state,
            }

        self._change_editions({_E.planned, _E.running}, amended)
        if self.renewal_deadline_on and not self._goes_on:
            self._change_renewal(state=_R.lapsed)

    def next_on(self) -> date | None:
        """The next start or end of an edition, renewal or deadline."""
        if self.state not in LASTING:
            return super().next_on()
        starts = (each.starts_on for each in self.editions if each.state == _E.planned and self.state == _S.in_force)
        ends = (each.ends_on + timedelta(days=1) for each in self.editions if each.state == _E.running)
        deadline = self.renewal_deadline_on
        over = deadline + timedelta(days=1) if deadline else None
        return earliest(super().next_on(), self._renewal_due_on, over, *starts, *ends)

    def due_by(self, today: date) -> list[DomainEvent]:
        """A renewal and its deadline first, then the end of an edition and the start of the next."""
        if self.state not in LASTING:
            return super().due_by(today)
        return (
            self._deadline(today) or self._renewal_due(today) or self._turn_of_editions(today) or super().due_by(today)
        )

    @follows
    def _plan_first(self, _: AgreementSigned) -> None:
        self.editions = (self._first(),) if self.rules.editions else ()

    @follows
    def _open_edition(self, event: AgreementEditionOpened) -> None:
        self._change_edition(event.edition, state=_E.running)

    @follows
    def _review_edition(self, event: AgreementEditionEnded) -> None:
        self._change_edition(event.edition, state=_E.under_review)

    @follows
    def _close_edition(self, event: AgreementEditionClosed) -> None:
        self._change_edition(event.edition, state=_E.closed)

    @follows
    def _end_editions(self, _: AgreementTerminated | AgreementExpired) -> None:
        self._change_editions({_E.running}, lambda _: {"state": _E.under_review})
        self._change_editions({_E.planned}, lambda _: {"state": _E.cancelled})
        if self.renewal_deadline_on:
            self._change_renewal(state=_R.lapsed)

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

    def _turn_of_editions(self, today: date) -> list[DomainEvent]:
        for each in self.editions:
            if each.state == _E.running and today > each.ends_on:
                return [AgreementEditionEnded(agreement_id=self.id, edition=each.number, ended_on=each.ends_on)]
            if each.state == _E.planned and today >= each.starts_on and self.state == _S.in_force:
                return [AgreementEditionOpened(agreement_id=self.id, academy=self.academy, **_told(each))]
        return []

    def _renewal_due(self, today: date) -> list[DomainEvent]:
        due_on = self._renewal_due_on
        if due_on is None or today < due_on:
            return []
        last = self.editions[-1]
        return [
            AgreementRenewalFellDue(agreement_id=self.id, edition=last.number, due_on=due_on, deadline_on=last.ends_on)
        ]

    def _first(self) -> Edition:
        """What was drafted, as the first year's edition."""
        year = min((line.budget_year for line in self.budget), default=self.effective_from.year)
        funded, unfunded, centimes = self.reckon(year)
        return Edition(
            number=1,
            school_year=self.school_year,
            budget_year=year,
            starts_on=self.effective_from,
            ends_on=self._latest_end(self.effective_from),
            funded_seats=funded,
            unfunded_seats=unfunded,
            amount=Money(centimes=centimes),
            parties=tuple(each.party_id for each in self.parties),
            obligations=tuple(each.obligation_id for each in self.duties),
        )

    def _next_days(self) -> tuple[date, date]:
        """The next edition's first day, and the last that it may have."""
        starts_on = self.editions[-1].ends_on + timedelta(days=1)
        return starts_on, self._latest_end(starts_on)

    def _latest_end(self, starts_on: date) -> date:
        return min(months_after(starts_on, 12) - timedelta(days=1), self.effective_until)

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
            **_told(planned),
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

    def _change_edition(self, number: int, **changes: Any) -> None:
        self.editions = tuple(
            each.model_copy(update=changes) if each.number == number else each for each in self.editions
        )

    def _change_editions(self, states: Collection[EditionState], change: Callable[[Edition], dict[str, Any]]) -> None:
        self.editions = tuple(
            each.model_copy(update=change(each)) if each.state in states else each for each in self.editions
        )


def _told(edition: Edition) -> dict[str, Any]:
    """What events tell of an edition."""
    return edition.model_dump(exclude={"number", "parties", "obligations", "state"}) | {"edition": edition.number}
