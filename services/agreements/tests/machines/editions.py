"""An agreement is renewed from year to year."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from services.agreements.agreement import Agreement, AgreementState, EditionState
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
        """In force or at rest there is a year to come or under way, and after it a decision, or the end."""
        it = self.aggregate.model_copy() if hasattr(self, "aggregate") else None
        if it is None or it.state not in LASTING or not it.editions:
            return
        it.evolve(it.pass_time(self.today))
        if it.state not in LASTING or self.today > it.effective_until:
            return
        last = [each for each in it.editions if each.state != EditionState.cancelled][-1]
        at_rest = it.state == AgreementState.suspended
        assert last.state == EditionState.running or (last.state == EditionState.planned and last.ends_on >= self.today)
        opens = last.state == EditionState.planned and not at_rest
        ends = last.ends_on == it.effective_until
        assert ends or opens or it.renewal_deadline_on == last.ends_on or self._will_be_asked(it)

    def _will_be_asked(self, it: Agreement) -> bool:
        """Whether time alone brings a renewal to decide, or the end with the last edition."""
        ahead = it.model_copy()
        while (day := ahead.next_on()) and day <= it.effective_until and not ahead.renewal_deadline_on:
            ahead.evolve(ahead.pass_time(day))
            if ahead.effective_until < it.effective_until or ahead.state not in LASTING:
                return True
        return ahead.renewal_deadline_on is not None

    def _next_edition(self, all_of_it: bool) -> dict[str, Any]:
        last = [each for each in self.aggregate.editions if each.state != EditionState.cancelled][-1:]
        starts_on = last[0].ends_on + timedelta(days=1) if last else self.today
        ends_on = min(months_after(starts_on, 12) - timedelta(days=1), self.aggregate.effective_until)
        return {
            "school_year": "2025/2026",
            "budget_year": starts_on.year,
            "ends_on": ends_on,
            "funded_seats": 1,
            "unfunded_seats": 0,
            "amount": Money(centimes=0),
            "parties": [each.party_id for each in self.aggregate.parties],
            "obligations": [each.obligation_id for each in self.aggregate.duties] if all_of_it else [],
        }
