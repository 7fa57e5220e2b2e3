"""Agreements from their draft to the end of their file."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from services.agreements.agreement import (
    BEING_SIGNED,
    SIGNED_BY_ALL,
    Agreement,
    AgreementState,
    DocumentState,
    EditionState,
    ObligationState,
)
from services.agreements.agreement.obligation import OWED
from services.agreements.content import content_hash
from services.agreements.signed import as_all_signed
from services.agreements.terms import Recurrence, must_sign
from services.agreements.tests.builders import owing, party, regional
from services.agreements.tests.machines.editions import Editions
from services.agreements.tests.machines.kinds import Kinds
from services.agreements.tests.machines.negotiation import PEOPLE, Negotiation
from services.agreements.tests.machines.obligations import Obligations
from services.agreements.tests.machines.signing import Signing
from shared.events.agreements import AgreementApproved
from shared.ids import new_id

DRAFTED = datetime(2024, 8, 30, 10, tzinfo=UTC)
"""Three days before its start."""
KINDS_TRIED = ["academy-association", "directorate-association", "academy-association-visa"]


class AgreementMachine(Negotiation, Signing, Obligations, Editions, Kinds):
    """An agreement between four parties, one a witness, over some years."""

    @initialize(wait=st.integers(0, 400), kind=st.sampled_from(KINDS_TRIED))
    def start(self, wait: int, kind: str = "academy-association", **changes: Any) -> None:
        """A draft, some days before its start; approved in one step, or in two by three people."""
        terms = regional(agreement_kind=kind, others=[party(new_id(), "witness")], **changes)
        quarterly = Recurrence(first_due_on=date(2024, 12, 31), every_months=3)
        opening = {"fulfilled_by": "center_opened", "center_id": terms.centers[0].center_id}
        returning = {"recurrence": quarterly, "blocks": ("renewal",)}
        # One is due when the renewal may be decided already, one when a year is over that may be the last.
        terms = owing(terms, opening, {"survives": True}, returning, {"due_days": 330}, {"due_days": 500})
        self.aggregate = Agreement(id=new_id())
        self.events = []
        self.at = DRAFTED - timedelta(days=wait)
        self.references = set()
        events = Agreement.draft(self.aggregate.id, terms, names={}, by=PEOPLE[0].person)
        self.aggregate.evolve(events)
        self.events += events

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
            "close_agreement", lambda: self.aggregate.close(confirmed=confirmed, document="d", today=self.today)
        )

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
        if it.amendments:
            first = as_all_signed(it.id, self.events)
            approved = [each for each in self.events if isinstance(each, AgreementApproved)]
            assert first.content_hash == approved[-1].content_hash and not first.amendments
            assert {each.text_hash for each in first.signatures} == {first.text_hash}, "all sign the same text"
            stay = [each for each in it.signatures if each.text_hash == first.text_hash]
            assert all(each in first.signatures for each in stay), "with what became known of them since"
        assert (it.state in SIGNED_BY_ALL) == (bool(it.signatures) and not it.missing_signatures)
        assert (it.state == AgreementState.suspended) == (it.suspension is not None)
        assert it.visa is None or it.rules.visa, "nobody records what is not asked for"
        if it.in_force_on and it.rules.visa:
            assert it.visa and it.visa.recorded_on <= it.in_force_on, "nothing binds before its visa"
        if it.suspension:
            assert it.in_force_on and it.in_force_on <= it.suspension.effective_on, "what binds nobody does not rest"
        for stands_on in (it.suspension, it.announcement, it.ending):
            if stands_on and stands_on.notified_on:
                assert it.signed_on and stands_on.notified_on >= it.signed_on, "nobody gives notice of what is to come"
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
        waiting = [
            each.obligation_id for each in it.obligations if ObligationState.pending in (each.state, each.frozen_from)
        ]
        assert len(waiting) == len(set(waiting)), "one after the other"
        assert bool(it.obligations) <= (it.in_force_on is not None)
        used = {each.category for each in it.documents if each.state == DocumentState.used}
        assert it.state != AgreementState.suspended or "suspension_decision" in used
        assert it.state != AgreementState.terminated or "termination_decision" in used
        editions = [each for each in it.editions if each.state != EditionState.cancelled]
        assert len(editions) <= 3
        assert not it.renewal_deadline_on or editions[-1].ends_on < it.effective_until, "there is time to renew for"
        assert all(each.ends_on <= it.effective_until for each in it.editions if each.state == EditionState.running)
        assert all(before.ends_on < after.starts_on for before, after in pairwise(editions))
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
