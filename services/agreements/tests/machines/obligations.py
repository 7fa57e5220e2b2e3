"""What is owed by an agreement."""

from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from services.agreements.agreement import AgreementState, EditionState, ObligationState
from services.agreements.agreement.obligation import UNSETTLED
from services.agreements.terms import Fulfilling
from services.agreements.tests.machines.life import Life
from shared.events.agreements import AgreementObligationFulfilled
from shared.ids import new_id

ENDED = frozenset({AgreementState.terminated, AgreementState.expired, AgreementState.closed})


class Obligations(Life):
    """Its ledger."""

    @rule(entry=st.integers(0, 5))
    def claim_obligation(self, entry: int) -> None:
        """The debtor says that it is met."""
        more: dict[str, Any] = {"evidence": "e", "documents": (), "today": self.today}
        self.attempt("claim_obligation", lambda: self.aggregate.claim(*self._owed(entry), **more))

    @rule(entry=st.integers(0, 5))
    def return_obligation(self, entry: int) -> None:
        """It is not."""
        self.attempt("return_obligation", lambda: self.aggregate.return_claim(*self._owed(entry), reason="r"))

    @rule(entry=st.integers(0, 5))
    def confirm_obligation(self, entry: int) -> None:
        """It is."""
        self.attempt("confirm_obligation", lambda: self.aggregate.confirm(*self._owed(entry), today=self.today))

    @rule(entry=st.integers(0, 5))
    def waive_obligation(self, entry: int) -> None:
        """It need not be."""
        more: dict[str, Any] = {"reason": "r", "today": self.today}
        self.attempt("waive_obligation", lambda: self.aggregate.waive(*self._owed(entry), **more))

    @rule(days=st.integers(0, 40), lasts=st.booleans())
    def center_opened_on(self, days: int, lasts: bool) -> None:
        """The centers' own news; what they fulfil, they fulfil in its own period."""
        it = self.aggregate
        opened: dict[Fulfilling, date] = {"center_opened": self.today - timedelta(days)}
        events = it.follow_center(it.centers[0].center_id, opened, lasts=lasts, today=self.today)
        it.evolve(events)
        self.events += events
        for each in events:
            if isinstance(each, AgreementObligationFulfilled):
                first, _ = it.period_of(it.obligation(each.obligation_id, each.occurrence))
                assert first <= each.fulfilled_on <= self.today

    @invariant()
    def what_an_edition_lists_is_owed_in_it_once(self) -> None:
        """Of what nobody amended, each day that has come; also what was still to come when the renewal was decided."""
        if not self._is_looked_after() or self.aggregate.state != AgreementState.in_force or self.aggregate.amendments:
            return
        it = self.aggregate
        for edition in (each for each in it.editions if each.state == EditionState.running):
            until = min(self.today, edition.ends_on)
            for duty in (each for each in it.duties if each.obligation_id in edition.obligations):
                owed = [each.due_on for each in it.obligations if each.obligation_id == duty.obligation_id]
                for day in takewhile(until.__ge__, it.days_of(duty)):
                    if day >= max(edition.starts_on, it.in_force_on or day):
                        assert owed.count(day) == 1, (edition.number, day)

    @invariant()
    def nothing_of_an_ended_agreement_is_still_to_come(self) -> None:
        """But for what survives."""
        if hasattr(self, "aggregate") and self.aggregate.state in ENDED:
            it = self.aggregate
            for each in it.obligations:
                waits = each.state == ObligationState.pending and each.due_on > it.effective_until
                assert not waits or it.duty(each.obligation_id).survives

    @invariant()
    def a_closed_edition_leaves_nothing_open(self) -> None:
        """Of what it lists, but for what survives the end that came before its last day."""
        if hasattr(self, "aggregate"):
            it = self.aggregate
            closed = [each for each in it.editions if each.state == EditionState.closed]
            for each in it.obligations:
                listed = (edition for edition in closed if each.obligation_id in edition.obligations)
                if each.state in UNSETTLED and any(each.due_on <= edition.ends_on for edition in listed):
                    assert it.state in ENDED and it.duty(each.obligation_id).survives

    def _is_looked_after(self) -> bool:
        """Whether all that time has brought about by today is recorded."""
        if not hasattr(self, "aggregate"):
            return False
        next_on = self.aggregate.next_on()
        return next_on is None or next_on > self.today

    def _owed(self, entry: int) -> tuple[Any, int]:
        ledger = self.aggregate.obligations
        return (ledger[entry].obligation_id, ledger[entry].occurrence) if entry < len(ledger) else (new_id(), 1)
