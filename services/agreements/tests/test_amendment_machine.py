"""Amendments under every order of actions that anybody could try."""

from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from services.agreements.agreement import Scan
from services.agreements.amendment import BEING_SIGNED, OPEN, Amendment, AmendmentState
from services.agreements.errors.amendments import ChildrenBeyondTerm
from services.agreements.tests.builders import AT, AUTHOR, LEGAL, NAME, regional
from services.agreements.tests.machines import MANY, Machine
from shared.ids import new_id

CODES = ("MA-06",)


class AmendmentMachine(Machine):
    """An amendment of an agreement between three parties, of which one is to witness only; others may come first."""

    aggregate: Amendment
    contents: "count[int]"
    numbers: set[int]
    today: date

    @initialize()
    def start(self) -> None:
        """A branch of an agreement in force."""
        self.aggregate, self.events = Amendment(id=new_id()), []
        self.contents, self.numbers, self.today = count(), set(), AT.date()
        terms = regional()
        self.parties = (*terms.parties[:2], terms.parties[2].model_copy(update={"roles": ("witness",)}))
        self.names = {each.organisation_id: NAME for each in terms.parties}
        proposed = Amendment.propose(
            self.aggregate.id,
            agreement_id=new_id(),
            agreement_kind=terms.agreement_kind,
            rules=terms.rules.as_kept(),
            amendment_type="scope",
            academy=terms.academy,
            codes=CODES,
            parties=terms.parties,
            names=self.names,
            base_hash=self._content(),
            reason="r",
            by=AUTHOR,
        )
        self.aggregate.evolve(proposed)
        self.events += proposed

    def _content(self) -> str:
        return f"{next(self.contents):064}"

    @rule(other=st.booleans())
    def revise(self, other: bool) -> None:
        """Another content, or the same again."""
        content = self._content() if other else self.aggregate.content_hash
        self.attempt(
            "revise_amendment",
            lambda: self.aggregate.revise(content, parties=self.parties, names=self.names, codes=CODES, by=AUTHOR),
        )

    @rule()
    def submit(self) -> None:
        """To its approvers."""
        self.attempt("submit_amendment", lambda: self.aggregate.submit(AT))

    @rule(number=st.integers(1, 3), by=st.sampled_from([LEGAL.person, AUTHOR]), some=st.integers(1, 3))
    def approve(self, number: int, by: str, some: int) -> None:
        """Frozen, under the number that it had if it had one."""
        touched = [each.party_id for each in self.parties[:some]]
        reference = f"AREF-06/2024-0001/A{number}"
        if self.attempt(
            "approve_amendment",
            lambda: self.aggregate.approve(
                by,
                LEGAL.roles,
                number=number,
                reference=reference,
                touched=touched,
                names=self.names,
                at=AT + (self.today - AT.date()),
            ),
        ):
            assert by != AUTHOR, "who wrote it does not approve it"
            self.numbers.add(self.aggregate.numbered)

    @precondition(lambda self: self.aggregate.state == AmendmentState.proposed)
    @rule()
    def freeze(self) -> None:
        """The usual way in one go, so that what comes later is tried often."""
        self.revise(True)
        self.submit()
        self.approve(1, LEGAL.person, 2)

    @rule()
    def send_back(self) -> None:
        """To be changed."""
        self.attempt("return_amendment", lambda: self.aggregate.send_back("r", LEGAL.person, LEGAL.roles))

    @rule()
    def report_overdue(self) -> None:
        """Late approvals escalate once per level."""
        late = AT + timedelta(days=1000)
        if self.attempt("report_amendment_overdue", lambda: self.aggregate.report_overdue(late)):
            assert self.aggregate.report_overdue(late) == []

    @rule()
    def refuse(self) -> None:
        """In review."""
        self.attempt("refuse_amendment", lambda: self.aggregate.refuse("r", LEGAL.person, LEGAL.roles))

    @rule(who=st.integers(0, 2), stale=st.booleans(), sealed=st.booleans())
    def sign(self, who: int, stale: bool, sealed: bool) -> None:
        """One party signs one content, with a seal or without."""
        content = self.aggregate.base_hash if stale else self.aggregate.content_hash
        party_id, at = self.parties[who].party_id, AT + (self.today - AT.date())
        if self.attempt(
            "sign_amendment",
            lambda: self.aggregate.sign(
                party_id,
                content_hash=content,
                person="x",
                mandate_id=new_id(),
                level="advanced" if sealed else "simple",
                at=at,
                file_hash=self._content() if sealed else None,
                archived_file=self._content() if sealed and self.aggregate.sealed_file is None else None,
            ),
        ):
            assert not self.aggregate.offered_until or self.today <= self.aggregate.offered_until
            assert not stale and party_id in self.aggregate.touched

    @rule(who=st.integers(0, 2))
    def decline(self, who: int) -> None:
        """One party refuses."""
        party_id, content = self.parties[who].party_id, self.aggregate.content_hash
        self.attempt("decline_amendment", lambda: self.aggregate.decline(party_id, content_hash=content, reason="r"))

    @rule(who=st.integers(0, 2), days=st.integers(-1, 1))
    def delegate(self, who: int, days: int) -> None:
        """Somebody else may sign for one party."""
        party_id, until = self.parties[who].party_id, self.today + timedelta(days=days)
        more: dict[str, Any] = {"mandate_id": new_id(), "valid_until": until, "document": "d", "today": self.today}
        if self.attempt(
            "delegate_amendment", lambda: self.aggregate.delegate(party_id, delegator="a", delegate="b", **more)
        ):
            assert days >= 0 and party_id in self.aggregate.touched
            assert self.aggregate.delegation(party_id, "b") and not self.aggregate.delegation(party_id, "a")

    @rule(who=st.integers(0, 2), by=st.sampled_from("ab"))
    def withdraw_delegation(self, who: int, by: str) -> None:
        """Who let another sign takes that back; the other does not."""
        party_id = self.parties[who].party_id
        given = self.aggregate.delegations.get(party_id)
        if self.attempt(
            "withdraw_amendment_delegation",
            lambda: self.aggregate.withdraw_delegation(party_id, by=by, reason="r"),
        ):
            assert given and given.delegator == by and party_id not in self.aggregate.delegations

    @rule(
        who=st.integers(0, 2),
        stale=st.booleans(),
        person=st.sampled_from("ab"),
        witness=st.sampled_from(["a", "w"]),
        late=st.integers(-1, 1),
    )
    def scan(self, who: int, stale: bool, person: str, witness: str, late: int) -> None:
        """A signature on paper is brought, by who saw it given: the delegate's, if one is named."""
        party_id, today = self.parties[who].party_id, self.today
        day = today + timedelta(days=late)
        given = self.aggregate.delegation(party_id, person)
        scan = Scan(
            person=person,
            on_behalf_of=given.delegator if given else None,
            mandate_id=new_id(),
            file_hash="f" * 64,
            signed_on=day,
            witness=witness,
        )
        content = self.aggregate.base_hash if stale else self.aggregate.content_hash
        signed = self.aggregate.counted | {*self.aggregate.scans}
        if self.attempt(
            "record_amendment_scan",
            lambda: self.aggregate.record_scan(party_id, scan, content_hash=content, today=today),
        ):
            assert not stale and party_id in self.aggregate.touched and party_id not in signed
            assert witness != person and late <= 0
            assert self.aggregate.frozen_on and day >= self.aggregate.frozen_on
            assert not self.aggregate.offered_until or today <= self.aggregate.offered_until

    @rule(who=st.integers(0, 2), checker=st.sampled_from(["a", "w", "c"]))
    def check_scan(self, who: int, checker: str) -> None:
        """It is found good, by another person; it counts then, though the offer is over meanwhile."""
        party_id, at = self.parties[who].party_id, AT + (self.today - AT.date())
        scan = self.aggregate.scans.get(party_id)
        more: dict[str, Any] = {"mandate_id": new_id(), "at": at}
        if self.attempt("accept_amendment_scan", lambda: self.aggregate.accept_scan(party_id, checker=checker, **more)):
            given = self.aggregate.signatures[-1]
            assert (given.mandate_id, given.contested) == (more["mandate_id"], None), "it rests on what holds now"
            assert scan and checker not in (scan.person, scan.witness) and party_id not in self.aggregate.scans
            assert (given.level, given.witness, given.day) == ("handwritten_scan", scan.witness, scan.signed_on)
            assert (given.person, given.on_behalf_of) == (scan.person, scan.on_behalf_of)

    @rule(who=st.integers(0, 2))
    def return_scan(self, who: int) -> None:
        """It is not: the party is asked again."""
        party_id = self.parties[who].party_id
        if self.attempt("return_amendment_scan", lambda: self.aggregate.return_scan(party_id, checker="c", reason="r")):
            assert party_id not in self.aggregate.scans and self.aggregate.remarks == "r"

    @rule(who=st.integers(0, 2))
    def contest(self, who: int) -> None:
        """A mandate turns out to have ended: what was signed under it is marked, on paper too, and once."""
        given = [*self.aggregate.signatures, *self.aggregate.scans.values()]
        if who < len(given):
            one = given[who]
            events = self.aggregate.contest_signatures(one.mandate_id, ended_on=one.day)
            assert self.aggregate.contest_signatures(one.mandate_id, ended_on=one.day + timedelta(days=1)) == []
            self.aggregate.evolve(events)
            self.events += events
            marked = [*self.aggregate.signatures, *self.aggregate.scans.values()][who].contested
            assert marked == (one.contested or one.day)
            fallen = {id for id, scan in self.aggregate.scans.items() if scan.contested and scan.on_behalf_of}
            assert not fallen & {*self.aggregate.delegations}, "a delegation goes with its mandate"

    @rule(who=st.integers(0, 2))
    def confirm(self, who: int) -> None:
        """Its party stands by it, once all have signed; and no longer when that mandate had ended too."""
        party_id, at = self.parties[who].party_id, AT + (self.today - AT.date())
        more: dict[str, Any] = {"content_hash": self.aggregate.content_hash, "person": "b", "mandate_id": new_id()}
        doubted = party_id in self.aggregate.in_doubt
        if self.attempt(
            "confirm_amendment_signature", lambda: self.aggregate.confirm_signature(party_id, at=at, **more)
        ):
            assert doubted and party_id not in self.aggregate.in_doubt
            events = self.aggregate.contest_signatures(more["mandate_id"], ended_on=self.today)
            self.aggregate.evolve(events)
            self.events += events
            assert party_id in self.aggregate.in_doubt

    @rule(days=st.integers(1, 70))
    def days_pass(self, days: int) -> None:
        """Reminders, and the end of the offer; looking twice tells nothing twice."""
        self.today += timedelta(days=days)
        events = self.aggregate.pass_time(self.today)
        self.aggregate.evolve(events)
        self.events += events
        assert self.aggregate.pass_time(self.today) == []
        if self.aggregate.state in BEING_SIGNED and self.aggregate.offered_until:
            assert self.aggregate.offer_over == (self.today > self.aggregate.offered_until)

    @rule()
    def renew_offer(self) -> None:
        """For signature again."""
        self.attempt("renew_amendment_offer", lambda: self.aggregate.renew_offer(self.today))

    @rule()
    def apply(self) -> None:
        """Now the agreement says so."""
        self.attempt("apply_amendment", lambda: self.aggregate.applied(AT.date()))

    @rule(child=st.integers(1, 2))
    def hinder(self, child: int) -> None:
        """What all signed cannot be applied, for one reason or another; each is told once."""
        refusal = ChildrenBeyondTerm(children=[UUID(int=child)], references=["(fictif)"], effective_until=AT.date())
        if self.attempt("apply_amendment", lambda: self.aggregate.hinder(refusal, AT.date())):
            assert self.aggregate.hinder(refusal, AT.date() + timedelta(days=1)) == []

    @rule(by_another=st.booleans())
    def overtaken(self, by_another: bool) -> None:
        """The agreement is another: whatever was open and approved of the one before is void."""
        was_open = self.aggregate.state in OPEN
        events = self.aggregate.lose_base(new_id() if by_another else None)
        assert bool(events) == was_open
        self.aggregate.evolve(events)
        self.events += events

    @rule(resolved=st.integers(0, 2))
    def rebase(self, resolved: int) -> None:
        """On the agreement as it is."""
        base, branch = self._content(), self._content()
        self.attempt(
            "rebase_amendment",
            lambda: self.aggregate.rebase(
                base, branch, parties=self.parties, names=self.names, codes=CODES, resolved=resolved, by=AUTHOR
            ),
        )

    @rule()
    def withdraw(self) -> None:
        """Taken back."""
        self.attempt("withdraw_amendment", lambda: self.aggregate.withdraw("r"))

    @invariant()
    def the_rules_hold(self) -> None:
        """What is always true of an amendment."""
        if not hasattr(self, "aggregate"):
            return
        it = self.aggregate
        assert len(self.numbers) <= 1, "it keeps its number"
        assert len({each.party_id for each in it.signatures}) == len(it.signatures), "each party has one signature"
        if it.being_signed:
            assert not it.signing_order.complete, "and it is awaited while none that holds is there"
        assert (it.number is None) == (it.reference is None) == (not self.numbers)
        frozen = {AmendmentState.agreed, AmendmentState.signing, AmendmentState.signed, AmendmentState.applied}
        if it.state in frozen:
            assert it.number and it.climbing.complete and it.touched
        if it.state in (AmendmentState.proposed, AmendmentState.under_review, AmendmentState.rebase_needed):
            assert not it.signatures and not it.touched, "a signature is of a frozen branch"
        if it.state in (AmendmentState.signed, AmendmentState.applied):
            assert {each.party_id for each in it.signatures} == {*it.touched}
        assert (it.state == AmendmentState.applied) == (it.applied_on is not None)
        assert it.hindrance is None or it.state in (AmendmentState.signed, AmendmentState.withdrawn)
        if it.state == AmendmentState.signed:
            ways_out = {it.refusal_of(action) is None for action in ("withdraw_amendment", "rebase_amendment")}
            assert ways_out == {it.hindrance is not None}, "signed by all is undone only when it cannot be applied"
        sealed = [each.file_hash for each in it.signatures if each.level == "advanced"]
        assert it.sealed_file == (sealed[-1] if sealed else None), "the file carries the seals that count"
        assert (it.archived_file is None) == (not sealed)
        if it.scans:
            assert it.state in BEING_SIGNED and {*it.scans} <= {*it.touched}
            assert not {*it.scans} & {each.party_id for each in it.signatures}, "a party signs once"
        over = {AmendmentState.applied, AmendmentState.refused, AmendmentState.withdrawn}
        assert (it.state in over) == (it.state not in OPEN) == (not it.allowed_in(it.status))


AmendmentMachine.TestCase.settings = MANY
TestAmendmentMachine = AmendmentMachine.TestCase
