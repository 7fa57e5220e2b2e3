"""An agreement over some years: its days and its papers."""

from datetime import date, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.agreements.agreement import Agreement
from services.agreements.tests.builders import stored
from services.agreements.tests.machines.machine import Machine
from shared.ids import new_id

PAPERS = st.sampled_from(
    ["suspension_decision", "termination_decision", "insurance_certificate", "annex", "text_annex"]
)


class Life(Machine):
    """An agreement over some years: its days and its papers."""

    aggregate: Agreement
    at: datetime
    references: set[str]

    @property
    def today(self) -> date:
        """The day of the machine."""
        return self.at.date()

    @rule(days=st.sampled_from([1, 30, 400]))
    def time_passes(self, days: int) -> None:
        """Later."""
        self.at += timedelta(days=days)

    @rule(category=PAPERS, holds=st.integers(0, 60), replaces=st.booleans())
    def attach(self, category: str, holds: int, replaces: bool) -> None:
        """A paper is brought, for some days."""
        there = [each.document_id for each in self.aggregate.documents if each.category == category]
        before = self.aggregate.annexes
        self.attempt(
            "attach_document",
            lambda: self.aggregate.attach(
                new_id(),
                **stored(str(new_id()).encode()).model_dump(),
                category=category,
                name="n",
                organisation_id=self.aggregate.parties[0].organisation_id,
                expires_on=self.today + timedelta(days=holds),
                replaces=there[-1] if there and replaces else None,
                at=self.at,
                today=self.today,
            ),
        )
        assert self.aggregate.annexes == before or not self.aggregate.acceptances, "another annex is another text"

    @precondition(lambda self: self.aggregate.documents)
    @rule(which=st.integers(0, 5))
    def withdraw(self, which: int) -> None:
        """It does not do."""
        paper = self.aggregate.documents[which % len(self.aggregate.documents)]
        before = self.aggregate.annexes
        self.attempt("withdraw_document", lambda: self.aggregate.withdraw(paper.document_id, reason="r"))
        assert self.aggregate.annexes == before or not self.aggregate.acceptances, "another annex is another text"
