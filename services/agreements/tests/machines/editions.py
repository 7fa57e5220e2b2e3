"""An agreement is renewed from year to year."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from services.agreements.agreement import AgreementState, EditionState
from services.agreements.agreement.editions import LASTING
from services.agreements.agreement.obligation import OWED
from services.agreements.tests.builders import AT
from services.agreements.tests.machines.force import Force
from shared.clock import months_after
from shared.money import Money


class Editions(Force):
    """Year after year."""

    @rule(outcome=st.sampled_from(["favourable", "unfavourable"]))
    def evaluate(self, outcome: Any) -> None:
        """What the edition was worth."""
        self.attempt("evaluate_renewal", lambda: self.aggregate.evaluate(outcome=outcome, reason="r"))

    @rule()
    def return_evaluation(self) -> None:
        """Again."""
        self.attempt("return_renewal", lambda: self.aggregate.return_evaluation(reason="r"))

    @rule(all_of_it=st.booleans())
    def renew(self, all_of_it: bool) -> None:
        """Another year; whoever takes everything over, and is offered to, is not refused."""
        offered = self.aggregate.refusal_of("renew_agreement") is None
        done = self.attempt("renew_agreement", lambda: self.aggregate.renew(**self._next_edition(all_of_it)))
        assert done or not (offered and all_of_it)

    @precondition(lambda self: self.aggregate.state == AgreementState.in_force)
    @rule(ahead=st.sampled_from([0, 60]))
    def another_year(self, ahead: int) -> None:
        """The usual way in one go, so that what comes later is tried often."""
        it = self.aggregate
        if it.editions:
            day = it.editions[-1].ends_on - timedelta(days=ahead)
            self.at = max(self.at, datetime.combine(day, AT.timetz()))
            self.let_time_pass()
            blocking = it.unmet("renewal")
            for each in it.obligations:
                if each.obligation_id in blocking and each.state in OWED:
                    it.evolve(waived := it.waive(each.obligation_id, each.occurrence, reason="r", today=self.today))
                    self.events += waived
            self.evaluate("favourable")
            self.attach("insurance_certificate", 60, False)
            self.renew(True)

    @rule()
    def decline_renewal(self) -> None:
        """No other year."""
        self.attempt("decline_renewal", lambda: self.aggregate.decline_renewal(reason="r"))

    @rule(number=st.integers(1, 3))
    def close_edition(self, number: int) -> None:
        """The review is over."""
        self.attempt("close_edition", lambda: self.aggregate.close_edition(number, today=self.today))

    @invariant()
    def a_year_follows_or_the_end(self) -> None:
        """In force or at rest a year runs or is to come, and by its end there is a decision to take, or the end."""
        it = self.aggregate.model_copy() if hasattr(self, "aggregate") else None
        if it is None or it.state not in LASTING or not it.editions:
            return
        it.evolve(it.pass_time(self.today))
        if it.state not in LASTING or self.today > it.effective_until:
            return
        last = it.last_edition
        assert last.state in (EditionState.running, EditionState.planned) and last.ends_on >= self.today
        it.evolve(it.pass_time(last.ends_on))
        ends = it.state not in LASTING or it.effective_until == last.ends_on
        assert ends or it.renewal_deadline_on == last.ends_on

    def _next_edition(self, all_of_it: bool) -> dict[str, Any]:
        kept = any(each.state != EditionState.cancelled for each in self.aggregate.editions)
        starts_on = self.aggregate.next_start if kept else self.today
        ends_on = min(months_after(starts_on, 12) - timedelta(days=1), self.aggregate.effective_until)
        year = int(self.aggregate.last_edition.school_year[:4]) + 1 if kept else starts_on.year
        return {
            "school_year": f"{year}/{year + 1}",
            "budget_year": starts_on.year,
            "ends_on": ends_on,
            "funded_seats": 1,
            "unfunded_seats": 0,
            "amount": Money(centimes=0),
            "parties": [each.party_id for each in self.aggregate.parties],
            "obligations": [each.obligation_id for each in self.aggregate.duties] if all_of_it else [],
        }
