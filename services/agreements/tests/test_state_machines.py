"""Agreements and ceremonies under every order of actions that anybody could try."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from services.agreements.agreement import (
    BEING_SIGNED,
    SIGNED_BY_ALL,
    Agreement,
    AgreementState,
    DocumentState,
    EditionState,
    ObligationState,
    Scan,
)
from services.agreements.agreement.documents import LIVING
from services.agreements.agreement.obligations import OWED
from services.agreements.ceremony import Attendee, Ceremony, CeremonyState, Missing
from services.agreements.content import content_hash
from services.agreements.terms import Recurrence, must_sign
from services.agreements.tests.branches import owed
from services.agreements.tests.builders import (
    AT,
    CHAIR,
    DECISION,
    LEGAL,
    NAME,
    ask_for_a_visa,
    director,
    officer,
    owing,
    party,
    person,
    planned,
    regional,
    remark,
    stored,
)
from services.agreements.tests.machines import MANY, Machine
from services.agreements.thread import Thread
from shared.actor import Actor, Role
from shared.clock import months_after
from shared.ids import new_id
from shared.money import Money
from shared.territory import MINISTRY_ID

SCAN = "ef" * 32
PAPERS = st.sampled_from(
    ["suspension_decision", "termination_decision", "insurance_certificate", "annex", "text_annex"]
)
BACK = st.sampled_from([None, 0, 30, 300])
"""Days before today on which a decision shall have taken effect."""
TEXTS = st.sampled_from(["ab" * 32, "cd" * 32])
KINDS_TRIED = ["academy-association", "directorate-association", "academy-association-visa"]
PEOPLE = [
    officer(),
    director(),
    person("second-officer", Role.academy_officer, "MA-06"),
    LEGAL,
    person("second-legal", Role.ministry_officer, "national"),
]
"""Who tries to approve; the first wrote the text."""


@pytest.fixture(scope="module", autouse=True)
def a_kind_asks_for_a_visa() -> Iterator[None]:
    """While the machines run."""
    with pytest.MonkeyPatch.context() as patched:
        ask_for_a_visa(patched)
        yield


class AgreementMachine(Machine):
    """An agreement between four parties, one a witness, over some years."""

    aggregate: Agreement
    at: datetime
    references: set[str]

    @initialize(wait=st.integers(0, 400), kind=st.sampled_from(KINDS_TRIED))
    def start(self, wait: int, kind: str = "academy-association") -> None:
        """A draft, some days before its start; approved in one step, or in two by three people."""
        terms = regional(agreement_kind=kind, others=[party(new_id(), "witness")])
        quarterly = Recurrence(first_due_on=date(2024, 12, 31), every_months=3)
        opening = {"fulfilled_by": "center_opened", "center_id": terms.centers[0].center_id}
        terms = owing(terms, opening, {"survives": True}, {"recurrence": quarterly, "blocks": ("renewal",)})
        self.aggregate = Agreement(id=new_id())
        self.events = []
        self.at = AT - timedelta(days=wait)
        self.references = set()
        events = Agreement.draft(self.aggregate.id, terms, names={}, by=PEOPLE[0].person)
        self.aggregate.evolve(events)
        self.events += events

    @property
    def today(self) -> date:
        """The day of the machine."""
        return self.at.date()

    @rule(days=st.sampled_from([1, 30, 400]))
    def time_passes(self, days: int) -> None:
        """Later."""
        self.at += timedelta(days=days)

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
        self.attempt("return_with_remarks", lambda: self.aggregate.return_with_remarks("r", by.roles, at=self.at))

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

    @rule(who=st.integers(0, 3))
    def scan(self, who: int) -> None:
        """A signature on paper is brought."""
        scan = Scan(
            person="a", mandate_id=new_id(), ceremony_id=None, file_hash=SCAN, signed_on=self.today, witness="w"
        )
        party_id, text = self.aggregate.parties[who].party_id, self.aggregate.text_hash or ""
        self.attempt(
            "record_scan", lambda: self.aggregate.record_scan(party_id, scan, text_hash=text, today=self.today)
        )

    @rule(who=st.integers(0, 3), checker=st.sampled_from(["w", "c"]))
    def check_scan(self, who: int, checker: str) -> None:
        """It is found good, by another person."""
        party_id = self.aggregate.parties[who].party_id
        more: dict[str, Any] = {"mandate_id": new_id(), "at": self.at}
        if self.attempt("accept_scan", lambda: self.aggregate.accept_scan(party_id, checker=checker, **more)):
            given = self.aggregate.signatures[-1]
            assert (given.mandate_id, given.contested) == (more["mandate_id"], None), "it rests on what holds now"

    @rule(who=st.integers(0, 3))
    def return_scan(self, who: int) -> None:
        """It is not."""
        party_id = self.aggregate.parties[who].party_id
        self.attempt("return_scan", lambda: self.aggregate.return_scan(party_id, checker="c", reason="r"))

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

    @rule()
    def bring_into_force(self) -> None:
        """If it is time."""
        self.attempt("bring_into_force", lambda: self.aggregate.bring_into_force(self.today))

    @rule(back=st.sampled_from([-1, 0, 30]))
    def record_visa(self, back: int) -> None:
        """What the kind may wait for."""
        day = self.today - timedelta(days=back)
        recorded: dict[str, Any] = {"visa_number": "v", "granted_on": day, "today": self.today}
        self.attempt("record_visa", lambda: self.aggregate.record_visa(**recorded))

    @rule(scope=st.sampled_from(["money", "centers"]), on_paper=st.booleans(), ahead=st.booleans(), back=BACK)
    def suspend(self, scope: Any, on_paper: bool, ahead: bool, back: int | None) -> None:
        """Rest."""
        if on_paper:
            self.attach("suspension_decision", 60, False)
        decision = self._decision(ahead, back)
        self.attempt("suspend_agreement", lambda: self.aggregate.suspend(scope=scope, centers=(), **decision))

    @rule()
    def resume(self) -> None:
        """Go on."""
        day = self.today
        self.attempt("resume_agreement", lambda: self.aggregate.resume(effective_on=day, today=day))

    @rule(on_paper=st.booleans(), ahead=st.booleans(), back=BACK)
    def terminate(self, on_paper: bool, ahead: bool, back: int | None) -> None:
        """End early."""
        if on_paper:
            self.attach("termination_decision", 60, False)
        self.attempt("terminate_agreement", lambda: self.aggregate.terminate(**self._decision(ahead, back)))

    @rule()
    def withdraw_announcement(self) -> None:
        """Not after all."""
        self.attempt(
            "withdraw_announcement", lambda: self.aggregate.withdraw_announcement(reason="r", today=self.today)
        )

    @rule()
    def settle(self) -> None:
        """What is owed is given up, what is reviewed is closed."""
        for entry in range(len(self.aggregate.obligations)):
            self.confirm_obligation(entry)
            self.waive_obligation(entry)
        for number in (1, 2, 3):
            self.close_edition(number)

    @rule(all_of_it=st.booleans())
    def close(self, all_of_it: bool) -> None:
        """The end of the file."""
        confirmed = self.aggregate.to_confirm if all_of_it else self.aggregate.to_confirm[1:]
        self.attempt(
            "close_agreement",
            lambda: self.aggregate.close(confirmed=confirmed, document="d", today=self.today),
        )

    @rule(kept=st.integers(0, 3), more=st.booleans(), days=st.sampled_from([-300, 0, 300]), seats=st.integers(0, 99))
    def amend(self, kept: int, more: bool, days: int, seats: int) -> None:
        """Some duties go, one comes, the end moves, and the center has other seats; what is settled stays."""
        it = self.aggregate
        content = it.content(())
        amended = content.model_copy(
            update={
                "obligations": (*content.obligations[:kept], *((owed(content),) if more else ())),
                "effective_until": content.effective_until + timedelta(days=days),
                "centers": (content.centers[0].model_copy(update={"funded_seats": seats}),),
            }
        )
        settled = [each for each in it.obligations if each.settled_on]
        if self.attempt(
            "amend_agreement",
            lambda: it.amend(
                amended,
                text_hash="cd" * 32,
                amendment_id=new_id(),
                number=len(it.amendments) + 1,
                amendment_type="scope",
                names=it.names,
                signatures=(),
                today=self.today,
            ),
        ):
            assert it.content(()) == amended
            assert [each for each in it.obligations if each.settled_on] == settled

    @rule()
    def expire(self) -> None:
        """End in time."""
        self.attempt("expire_agreement", lambda: self.aggregate.expire(self.today))

    @rule()
    def let_time_pass(self) -> None:
        """What the days brought about; asked again at once, nothing more."""
        events = self.aggregate.pass_time(self.today)
        self.aggregate.evolve(events)
        self.events += events
        assert self.aggregate.pass_time(self.today) == []
        next_on = self.aggregate.next_on()
        assert next_on is None or next_on > self.today
        if self.aggregate.state in LIVING:
            holding = [each for each in self.aggregate.documents if each.state == DocumentState.current]
            assert all(each.expires_on is None or each.expires_on >= self.today for each in holding)

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

    @rule()
    def cancel(self) -> None:
        """Give up."""
        self.attempt("cancel_agreement", lambda: self.aggregate.cancel(reason="r", today=self.today))

    def _accept(self, who: int, text: str) -> None:
        party_id = self.aggregate.parties[who].party_id
        self.attempt(
            "accept_text", lambda: self.aggregate.accept(party_id, text_hash=text, person="somebody", at=self.at)
        )

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

    def _owed(self, entry: int) -> tuple[Any, int]:
        ledger = self.aggregate.obligations
        return (ledger[entry].obligation_id, ledger[entry].occurrence) if entry < len(ledger) else (new_id(), 1)

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

    def _decision(self, ahead: bool, back: int | None) -> dict[str, Any]:
        noticed = self.today if ahead else self.today - timedelta(400)
        day = {} if back is None else {"effective_on": self.today - timedelta(back)}
        return DECISION | day | {"notified_on": noticed, "today": self.today}

    @invariant()
    def the_rules_hold(self) -> None:
        """What is always true of an agreement."""
        if not hasattr(self, "aggregate"):
            return
        it = self.aggregate
        if it.state in BEING_SIGNED:
            approvers = [each.person for each in it.climbing.approvals]
            needed = [tier.id for tier in it.climbing.tiers for _ in range(tier.needed)]
            assert [each.tier for each in it.climbing.approvals] == needed, "step after step, none left out"
            assert len(approvers) == len({*approvers, *it.authors}) - len(it.authors), "other people at each, no author"
        signers = [each.party_id for each in it.signatures]
        assert len(signers) == len(set(signers)), "a party signs once"
        assert it.amendments or all(each.text_hash == it.text_hash for each in it.signatures), "all sign the same text"
        assert [each.number for each in it.amendments] == list(range(1, len(it.amendments) + 1))
        assert (it.state in SIGNED_BY_ALL) == (bool(it.signatures) and not it.missing_signatures)
        assert (it.state == AgreementState.suspended) == (it.suspension is not None)
        assert it.visa is None or it.rules.visa, "nobody records what is not asked for"
        if it.in_force_on and it.rules.visa:
            assert it.visa and it.visa.recorded_on <= it.in_force_on, "nothing binds before its visa"
        if it.suspension:
            assert it.in_force_on and it.in_force_on <= it.suspension.effective_on, "what binds nobody does not rest"
        if it.announcement is not None:
            assert it.state in (AgreementState.signed, AgreementState.in_force, AgreementState.suspended)
            assert it.announcement.announced == "termination" or it.state == AgreementState.in_force
        assert (it.state == AgreementState.closed) == (it.closed_file is not None)
        if it.state == AgreementState.legal_review:
            assert not it.rules.acceptance or not it.not_accepted, "reviewed as accepted"
            assert it.ladder is not None and it.turn is None
        if it.state in BEING_SIGNED:
            assert {each.party_id for each in it.requests} == {each.party_id for each in it.parties if must_sign(each)}
        assert len(self.references) <= 1, "the reference is given once"
        if it.state in BEING_SIGNED | SIGNED_BY_ALL:
            assert it.reference and it.text_hash
        if it.content_hash and not it.amendments:
            # Only that it is not renewed brings the end forward.
            agreed = it.content(()).model_copy(update={"effective_until": regional().effective_until})
            assert content_hash(agreed) == it.content_hash, "what is frozen does not change, annexes with it"
        if it.state == AgreementState.negotiation:
            assert not it.signatures
        frozen = [each for each in it.obligations if each.state == ObligationState.frozen]
        assert all(each.frozen_from for each in frozen)
        assert not frozen or it.state == AgreementState.suspended
        if it.state == AgreementState.suspended:
            assert not any(each.state in OWED for each in it.obligations)
        entries = [(each.obligation_id, each.occurrence) for each in it.obligations]
        assert len(entries) == len(set(entries)), "an occurrence is owed once"
        assert bool(it.obligations) <= (it.in_force_on is not None)
        used = {each.category for each in it.documents if each.state == DocumentState.used}
        assert it.state != AgreementState.suspended or "suspension_decision" in used
        assert it.state != AgreementState.terminated or "termination_decision" in used
        assert len(it.editions) <= 3
        assert all(each.ends_on <= it.effective_until for each in it.editions if each.state == EditionState.running)
        assert all(before.ends_on < after.starts_on for before, after in pairwise(it.editions))
        if it.state in (AgreementState.terminated, AgreementState.expired, AgreementState.closed):
            assert not any(each.state in (EditionState.planned, EditionState.running) for each in it.editions)


class BoundAgreementMachine(AgreementMachine):
    """The same agreement from the day on which it binds: what comes then is tried often."""

    @initialize(wait=st.just(0))
    def start(self, wait: int) -> None:
        """In force, its first edition running."""
        super().start(wait)
        self.freeze("ab" * 32)
        self.all_sign()
        self.at += timedelta(days=3)
        self.attempt("bring_into_force", lambda: self.aggregate.bring_into_force(self.today))
        self.let_time_pass()
        assert self.aggregate.state == AgreementState.in_force


class CeremonyMachine(Machine):
    """A ceremony of two agreements."""

    aggregate: Ceremony

    @initialize()
    def start(self) -> None:
        """A plan."""
        first = planned()
        order = dict.fromkeys(first.agreements, ("MA-06",))
        self.events = Ceremony.plan(first.id, title=first.title, place=first.title, planned_for=AT, agreements=order)
        self.aggregate = Ceremony.fold(first.id, self.events)

    @rule()
    def postpone(self) -> None:
        """Later."""
        self.attempt("postpone_ceremony", lambda: self.aggregate.postpone("r"))

    @rule()
    def reschedule(self) -> None:
        """A new date."""
        self.attempt("reschedule_ceremony", lambda: self.aggregate.reschedule(AT))

    @rule(missing=st.booleans())
    def prepare(self, missing: bool) -> None:
        """To the lobby."""
        lacks: Missing = {self.aggregate.agreements[0]: {"text": [new_id()]}} if missing else {}
        self.attempt("prepare_ceremony", lambda: self.aggregate.prepare(lacks))

    @rule()
    def name_chair(self) -> None:
        """Somebody presides."""
        self.attempt("name_chair", lambda: self.aggregate.name_chair(CHAIR))

    @rule(name=st.sampled_from(["a", "b"]))
    def admit(self, name: str) -> None:
        """Somebody sits down."""
        attendee = Attendee(organisation_id=CHAIR.organisation_id, name=name)
        self.attempt("admit_attendee", lambda: self.aggregate.admit(attendee))

    @rule()
    def strike(self) -> None:
        """One agreement less."""
        self.attempt("strike_agreement", lambda: self.aggregate.strike(self.aggregate.agreements[0], reason="r"))

    @rule()
    def call(self) -> None:
        """To the table."""
        self.attempt("call_agreement", lambda: self.aggregate.call(self.aggregate.agreements[0]))

    @rule()
    def open(self) -> None:
        """Begin."""
        self.attempt("open_ceremony", lambda: self.aggregate.open({}, AT))

    @rule()
    def interrupt(self) -> None:
        """Pause."""
        self.attempt("interrupt_ceremony", lambda: self.aggregate.interrupt("r"))

    @rule()
    def resume(self) -> None:
        """Go on."""
        self.attempt("resume_ceremony", self.aggregate.resume)

    @rule(signed=st.integers(0, 3))
    def close(self, signed: int) -> None:
        """End."""
        done = [each for bit, each in enumerate(self.aggregate.agreements) if signed >> bit & 1]
        minutes = {"ar": "a" * 64, "fr": "b" * 64}
        self.attempt("close_ceremony", lambda: self.aggregate.close(signed=done, minutes=minutes, at=AT))

    @rule()
    def adopt(self) -> None:
        """The minutes."""
        self.attempt("adopt_minutes", lambda: self.aggregate.adopt_minutes("c" * 64))

    @rule()
    def cancel(self) -> None:
        """Give up."""
        self.attempt("cancel_ceremony", lambda: self.aggregate.cancel("r"))

    @invariant()
    def the_rules_hold(self) -> None:
        """What is always true of a ceremony."""
        if not hasattr(self, "aggregate"):
            return
        it = self.aggregate
        assert it.agreements, "an order of business is never empty"
        assert it.called is None or it.called in it.agreements
        if it.state == CeremonyState.open:
            assert it.chair is not None
        over = it.state in (CeremonyState.closed, CeremonyState.minutes_adopted)
        assert over == bool(it.minutes) == (it.closed_at is not None)
        if over:
            assert {*it.signed, *it.unsigned} == {*it.agreements}
            assert not {*it.signed} & {*it.unsigned}


class ThreadMachine(Machine):
    """Comments on a point."""

    aggregate: Thread

    @initialize()
    def start(self) -> None:
        """The first one."""
        self.aggregate = Thread(id=new_id())
        self.events = []
        opening = Thread.open(
            self.aggregate.id,
            remark(),
            agreement_id=new_id(),
            academies=("MA-06",),
            parties=(),
            clause="budget",
            text_hash=None,
        )
        self.aggregate.evolve(opening)
        self.events += opening

    @rule()
    def answer(self) -> None:
        """Another."""
        self.attempt("answer_thread", lambda: self.aggregate.answer(remark(), parties=()))

    @rule()
    def resolve(self) -> None:
        """Settled."""
        self.attempt("resolve_thread", lambda: self.aggregate.resolve(MINISTRY_ID, parties=()))

    @rule()
    def reopen(self) -> None:
        """Or not."""
        self.attempt("reopen_thread", lambda: self.aggregate.reopen(MINISTRY_ID, parties=()))

    @invariant()
    def the_rules_hold(self) -> None:
        """Nothing that was said is lost, and none of it is published."""
        if hasattr(self, "aggregate"):
            said = [event for event in self.events if "body" in event.detail]
            assert [each.body for each in self.aggregate.comments] == [event.detail["body"] for event in said]
            assert not any("fictif" in event.model_dump_json() for event in self.events)


AgreementMachine.TestCase.settings = MANY
BoundAgreementMachine.TestCase.settings = MANY
CeremonyMachine.TestCase.settings = MANY
ThreadMachine.TestCase.settings = MANY
TestAgreementMachine = AgreementMachine.TestCase
TestBoundAgreementMachine = BoundAgreementMachine.TestCase
TestCeremonyMachine = CeremonyMachine.TestCase
TestThreadMachine = ThreadMachine.TestCase
