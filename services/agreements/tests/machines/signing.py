"""An agreement is signed."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.agreements.agreement import BEING_SIGNED, Scan
from services.agreements.signatures import RequestState
from services.agreements.tests.machines.life import Life
from services.agreements.tests.machines.negotiation import TEXTS
from shared.ids import new_id

SCAN = "ef" * 32


class Signing(Life):
    """Towards the last signature."""

    @rule(who=st.integers(0, 3), text=TEXTS)
    def sign(self, who: int, text: str) -> None:
        """One party signs one text."""
        self._sign(who, text)

    @precondition(lambda self: self.aggregate.state in BEING_SIGNED)
    @rule()
    def all_sign(self) -> None:
        """Whoever has not, signs what is frozen."""
        for who in range(4):
            self._sign(who, self.aggregate.text_hash or "")

    @rule(who=st.integers(0, 3), text=TEXTS)
    def decline(self, who: int, text: str) -> None:
        """One party refuses."""
        party_id = self.aggregate.parties[who].party_id
        self.attempt(
            "decline_agreement", lambda: self.aggregate.decline(party_id, text_hash=text, reason="r", at=self.at)
        )

    @rule(who=st.integers(0, 3))
    def delegate(self, who: int) -> None:
        """Another may sign for a party."""
        more: dict[str, Any] = {"mandate_id": new_id(), "document": "d", "valid_until": self.today, "today": self.today}
        party_id = self.aggregate.parties[who].party_id
        self.attempt("delegate_signing", lambda: self.aggregate.delegate(party_id, delegator="a", delegate="b", **more))

    @rule(who=st.integers(0, 3), by=st.sampled_from("ab"))
    def withdraw_delegation(self, who: int, by: str) -> None:
        """Who let another sign takes that back; the other does not."""
        party_id = self.aggregate.parties[who].party_id
        given = self.aggregate.delegations.get(party_id)
        if self.attempt("withdraw_delegation", lambda: self.aggregate.withdraw_delegation(party_id, by=by, reason="r")):
            assert given and given.delegator == by and party_id not in self.aggregate.delegations

    @rule(who=st.integers(0, 3), age=st.integers(0, 40), person=st.sampled_from("ab"))
    def scan(self, who: int, age: int, person: str) -> None:
        """A signature on paper is brought, some days after it was given: by the delegate, if one is named."""
        day = self.today - timedelta(days=age)
        party_id, text = self.aggregate.parties[who].party_id, self.aggregate.text_hash or ""
        given = self.aggregate.delegation(party_id, person)
        scan = Scan(
            person=person,
            on_behalf_of=given.delegator if given else None,
            mandate_id=new_id(),
            file_hash=SCAN,
            signed_on=day,
            witness="w",
        )
        if self.attempt(
            "record_scan", lambda: self.aggregate.record_scan(party_id, scan, text_hash=text, today=self.today)
        ):
            assert self.aggregate.frozen_on and day >= self.aggregate.frozen_on, "it is a signature of this text"

    @rule(who=st.integers(0, 3), checker=st.sampled_from(["w", "c"]))
    def check_scan(self, who: int, checker: str) -> None:
        """It is found good, by another person."""
        party_id = self.aggregate.parties[who].party_id
        scan = self.aggregate.scans.get(party_id)
        more: dict[str, Any] = {"mandate_id": new_id(), "at": self.at}
        if self.attempt("accept_scan", lambda: self.aggregate.accept_scan(party_id, checker=checker, **more)):
            given = self.aggregate.signatures[-1]
            assert scan and (given.person, given.on_behalf_of) == (scan.person, scan.on_behalf_of)
            assert (given.mandate_id, given.contested) == (more["mandate_id"], None), "it rests on what holds now"

    @rule(who=st.integers(0, 3))
    def return_scan(self, who: int) -> None:
        """It is not."""
        party_id = self.aggregate.parties[who].party_id
        delegation = self.aggregate.delegations.get(party_id)
        if self.attempt(
            "return_scan",
            lambda: self.aggregate.return_scan(party_id, checker="c", reason="r", today=self.today),
        ):
            asked = self.aggregate.request(party_id)
            if not self.aggregate.offer_over:
                stands = delegation is not None and self.today <= delegation.valid_until
                assert asked.state == (RequestState.delegated if stands else RequestState.requested)

    @rule()
    def renew_offer(self) -> None:
        """Time to sign again."""
        self.attempt("renew_offer", lambda: self.aggregate.renew_offer(self.today))

    @rule(who=st.integers(0, 3))
    def contest(self, who: int) -> None:
        """A mandate turns out to have ended."""
        given = [*self.aggregate.signatures, *self.aggregate.scans.values()]
        if who < len(given):
            one, ended_on = given[who], given[who].day - timedelta(days=1)
            if self.attempt(
                "contest_signatures", lambda: self.aggregate.contest_signatures(one.mandate_id, ended_on=ended_on)
            ):
                marked = [*self.aggregate.signatures, *self.aggregate.scans.values()][who].contested
                assert marked == (one.contested or ended_on), "of a scan that waits, too; and once"
                fallen = {id for id, scan in self.aggregate.scans.items() if scan.contested and scan.on_behalf_of}
                assert not fallen & {*self.aggregate.delegations}, "it goes with its mandate"
        signed = [each.party_id for each in self.aggregate.signatures]
        assert len({*signed}) == len(signed), "who signs again has one signature"
        if self.aggregate.being_signed:
            assert not self.aggregate.signing_order.complete, "what is contested is awaited"

    @rule(who=st.integers(0, 3), text=TEXTS)
    def confirm(self, who: int, text: str) -> None:
        """Its party stands by it."""
        party_id = self.aggregate.parties[who].party_id
        signed = next((each.text_hash for each in self.aggregate.signatures if each.party_id == party_id), text)
        more: dict[str, Any] = {"text_hash": signed, "person": "b", "mandate_id": new_id(), "at": self.at}
        doubted = party_id in self.aggregate.in_doubt
        if self.attempt("confirm_signature", lambda: self.aggregate.confirm_signature(party_id, **more)):
            assert doubted and not self.aggregate.being_signed and party_id not in self.aggregate.in_doubt

    def _sign(self, who: int, text: str) -> None:
        self.attempt(
            "sign_agreement",
            lambda: self.aggregate.sign(
                self.aggregate.parties[who].party_id,
                text_hash=text,
                person="somebody",
                mandate_id=new_id(),
                ceremony_id=None,
                level="simple",
                at=self.at,
            ),
        )
