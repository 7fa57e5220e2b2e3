"""What is owed by an agreement."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from services.agreements.tests.machines.life import Life
from shared.ids import new_id


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

    @rule()
    def center_opens(self) -> None:
        """The centers' own news."""
        events = self.aggregate.follow_center(self.aggregate.centers[0].center_id, {"center_opened": self.today})
        self.aggregate.evolve(events)
        self.events += events

    def _owed(self, entry: int) -> tuple[Any, int]:
        ledger = self.aggregate.obligations
        return (ledger[entry].obligation_id, ledger[entry].occurrence) if entry < len(ledger) else (new_id(), 1)
