"""An agreement is renewed from year to year."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.agreements.agreement import AgreementState
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
        """Another year."""
        self.attempt("renew_agreement", lambda: self.aggregate.renew(**self._next_edition(all_of_it)))

    @precondition(lambda self: self.aggregate.state == AgreementState.in_force)
    @rule()
    def another_year(self) -> None:
        """The usual way in one go, so that what comes later is tried often."""
        if self.aggregate.editions:
            self.at = max(self.at, datetime.combine(self.aggregate.editions[-1].ends_on, AT.timetz()))
            self.let_time_pass()
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

    def _next_edition(self, all_of_it: bool) -> dict[str, Any]:
        editions = self.aggregate.editions
        return {
            "school_year": "2025/2026",
            "budget_year": 2025,
            "ends_on": min(months_after(editions[-1].ends_on, 12), self.aggregate.effective_until)
            if editions
            else self.today,
            "funded_seats": 1,
            "unfunded_seats": 0,
            "amount": Money(centimes=0),
            "parties": [each.party_id for each in self.aggregate.parties],
            "obligations": [each.obligation_id for each in self.aggregate.duties] if all_of_it else [],
        }
