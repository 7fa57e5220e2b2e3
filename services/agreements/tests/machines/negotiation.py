"""An agreement is negotiated and approved."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.agreements.agreement import AgreementState
from services.agreements.tests.builders import LEGAL, NAME, director, officer, person
from services.agreements.tests.machines.life import Life
from shared.actor import Actor, Role

TEXTS = st.sampled_from(["ab" * 32, "cd" * 32])
PEOPLE = [
    officer(),
    director(),
    person("second-officer", Role.academy_officer, "MA-06"),
    LEGAL,
    person("second-legal", Role.ministry_officer, "national"),
]
"""Who tries to approve; the first wrote the text."""


class Negotiation(Life):
    """Towards a text that is frozen."""

    @rule(text=TEXTS)
    def revise(self, text: str) -> None:
        """Another text."""
        self.attempt("revise_text", lambda: self.aggregate.revise(text, by=PEOPLE[0].person))

    @rule()
    def open_negotiation(self) -> None:
        """To the parties."""
        self.attempt("open_negotiation", lambda: self.aggregate.open_negotiation(self.at))

    @rule()
    def submit(self) -> None:
        """To legal review."""
        self.attempt("submit_for_review", lambda: self.aggregate.submit(self.at))

    @rule(by=st.sampled_from(PEOPLE))
    def remark(self, by: Actor) -> None:
        """Back from it."""
        self.attempt(
            "return_with_remarks", lambda: self.aggregate.return_with_remarks("r", by.person, by.roles, at=self.at)
        )

    @rule(who=st.integers(0, 3))
    def pass_turn(self, who: int) -> None:
        """Into other hands."""
        party_id = self.aggregate.parties[who].party_id
        self.attempt("pass_turn", lambda: self.aggregate.pass_turn(party_id, note=None, at=self.at))

    @rule(who=st.integers(0, 3), text=TEXTS)
    def accept(self, who: int, text: str) -> None:
        """One party accepts one text."""
        self._accept(who, text)

    @precondition(lambda self: self.aggregate.state == AgreementState.negotiation)
    @rule()
    def all_accept(self) -> None:
        """Whoever has not, accepts what is there."""
        for who in range(4):
            self._accept(who, self.aggregate.text_hash or "")

    @rule(who=st.integers(0, 3))
    def withdraw_acceptance(self, who: int) -> None:
        """One party accepts no more; the others' acceptances stand."""
        party_id, before = self.aggregate.parties[who].party_id, self.aggregate.acceptances
        if self.attempt("withdraw_acceptance", lambda: self.aggregate.withdraw_acceptance(party_id, reason="r")):
            assert self.aggregate.acceptances == tuple(each for each in before if each.party_id != party_id)
            assert len(self.aggregate.acceptances) == len(before) - 1

    @rule()
    def unlock(self) -> None:
        """Free again."""
        self.attempt("unlock_text", lambda: self.aggregate.unlock("r"))

    @rule()
    def report_overdue(self) -> None:
        """Late approvals escalate once per level."""
        if self.attempt("report_overdue", lambda: self.aggregate.report_overdue(self.at)):
            assert self.aggregate.report_overdue(self.at) == []

    @rule(by=st.sampled_from(PEOPLE))
    def approve(self, by: Actor) -> None:
        """One step more, the last one freezes; under the reference it had if it had one."""
        reference = f"AREF-06/2024-{len(self.references) + 1:04}"
        names = {each.organisation_id: NAME for each in self.aggregate.parties}
        self.attempt(
            "approve_agreement",
            lambda: self.aggregate.approve(
                by.person, by.roles, reference=reference, names=names, clauses=(), at=self.at
            ),
        )
        if self.aggregate.reference:
            self.references.add(self.aggregate.reference)

    @precondition(lambda self: self.aggregate.state == AgreementState.draft)
    @rule(text=TEXTS)
    def freeze(self, text: str) -> None:
        """The usual way in one go, so that what comes later is tried often."""
        self.revise(text)
        self.open_negotiation()
        self.all_accept()
        self.submit()
        for by in PEOPLE:
            self.approve(by)

    @rule()
    def reopen(self) -> None:
        """Negotiated again."""
        self.attempt("reopen_text", lambda: self.aggregate.reopen("r", at=self.at))

    @rule()
    def cancel(self) -> None:
        """Give up."""
        self.attempt("cancel_agreement", lambda: self.aggregate.cancel(reason="r", today=self.today))

    def _accept(self, who: int, text: str) -> None:
        party_id = self.aggregate.parties[who].party_id
        self.attempt(
            "accept_text", lambda: self.aggregate.accept(party_id, text_hash=text, person="somebody", at=self.at)
        )
