"""Documents: which papers are there, which are missing for what, and until when they hold."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.agreements.agreement import Agreement, AgreementState, DocumentState
from services.agreements.agreement.documents import DECIDES, MOST
from services.agreements.agreement.family import Parent
from services.agreements.errors.documents import (
    DocumentAttachedAlready,
    DocumentCategoryUnknown,
    DocumentMissing,
    DocumentMustExpire,
    DocumentNotAllowedNow,
    DocumentOver,
    DocumentsFull,
    NoDocumentToWithdraw,
)
from services.agreements.errors.signing import FileUnknown
from services.agreements.kinds import KINDS
from services.agreements.tests.builders import (
    AT,
    attach,
    drafted,
    in_force,
    network_terms,
    ready,
    sign,
    stored,
)
from services.agreements.tests.builders import (
    DECISION as GROUNDS,
)
from shared.ids import new_id
from shared.refusals import NotFound

DAY = date(2024, 9, 2)
DECISION: dict[str, Any] = GROUNDS | {"today": DAY}


def bound() -> Agreement:
    """An agreement in force without any paper."""
    agreement = ready()
    for each in agreement.parties:
        sign(agreement, each.party_id)
    return agreement.evolve(agreement.bring_into_force(agreement.effective_from))


def states(agreement: Agreement) -> list[str]:
    """Where its documents stand."""
    return [each.state for each in agreement.documents]


def test_an_agreement_rests_and_ends_only_on_a_paper() -> None:
    agreement = bound()
    with pytest.raises(DocumentMissing) as refused:
        agreement.suspend(scope="money", centers=(), **DECISION)
    assert refused.value.values["categories"] == ["suspension_decision"]
    assert refused.value.values["documents"] == [{"ar": "قرار التوقيف", "fr": "Décision de suspension"}]
    attach(agreement, "suspension_decision")
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION))
    with pytest.raises(DocumentMissing):
        agreement.terminate(**DECISION)
    attach(agreement, "termination_decision")
    agreement.evolve(agreement.terminate(**DECISION))
    assert agreement.state == AgreementState.terminated


def test_a_decision_decides_once() -> None:
    agreement = attach(bound(), "suspension_decision")
    agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION))
    assert states(agreement) == [DocumentState.used]
    agreement.evolve(agreement.resume(reason="(fictif)", effective_on=DAY, today=DAY))
    with pytest.raises(DocumentMissing):
        agreement.suspend(scope="money", centers=(), **DECISION)
    with pytest.raises(NoDocumentToWithdraw):
        agreement.withdraw(agreement.documents[0].document_id, reason="r")
    attach(agreement, "suspension_decision")
    assert agreement.suspend(scope="money", centers=(), **DECISION)


def test_what_is_only_announced_has_used_its_decision() -> None:
    agreement = attach(bound(), "termination_decision")
    ahead = DECISION | {"effective_on": DAY + timedelta(days=60)}
    agreement.evolve(agreement.terminate(**ahead))
    assert agreement.announcement and states(agreement) == [DocumentState.used]
    agreement.evolve(agreement.withdraw_announcement(reason="r", today=DAY))
    with pytest.raises(DocumentMissing):
        agreement.terminate(**ahead)


def test_what_the_parent_ends_needs_no_paper_of_its_own() -> None:
    child, parent = bound(), in_force(network_terms())
    parent.evolve(parent.terminate(**DECISION))
    assert child.catch_up(DAY, Parent(parent))


def test_a_paper_that_was_withdrawn_is_missing_and_can_still_be_read() -> None:
    agreement = attach(bound(), "termination_decision")
    (paper,) = agreement.documents
    agreement.require_file(paper.hash)
    agreement.evolve(agreement.withdraw(paper.document_id, reason="(fictif) autre version"))
    assert agreement.refusal_of("terminate_agreement")
    assert agreement.document(paper.document_id).reason == "(fictif) autre version"
    with pytest.raises(FileUnknown):
        agreement.require_file(paper.hash)
    with pytest.raises(NoDocumentToWithdraw):
        agreement.withdraw(paper.document_id, reason="r")


def test_a_paper_takes_the_place_of_another_of_its_category() -> None:
    agreement = attach(attach(bound(), "annex"), "evidence")
    annex, evidence = agreement.documents
    with pytest.raises(NotFound):
        attach(agreement, "annex", replaces=evidence.document_id)
    with pytest.raises(NotFound):
        attach(agreement, "annex", replaces=new_id())
    attach(agreement, "annex", replaces=annex.document_id)
    assert states(agreement) == [DocumentState.replaced, DocumentState.current, DocumentState.current]
    with pytest.raises(DocumentNotAllowedNow):
        attach(agreement, "annex", replaces=annex.document_id)
    with pytest.raises(DocumentNotAllowedNow):
        agreement.withdraw(annex.document_id, reason="r")


def test_the_same_file_is_there_once_per_category() -> None:
    agreement = attach(drafted(), "annex", file=stored())
    with pytest.raises(DocumentAttachedAlready):
        attach(agreement, "annex", file=stored())
    attach(agreement, "evidence", file=stored())
    agreement.evolve(agreement.withdraw(agreement.documents[0].document_id, reason="r"))
    attach(agreement, "annex", file=stored())


def test_a_kind_says_which_papers_there_are() -> None:
    with pytest.raises(DocumentCategoryUnknown) as refused:
        attach(drafted(network_terms()), "insurance_certificate")
    assert "annex" in refused.value.values["known"]


def test_a_paper_that_holds_for_a_time_says_until_when() -> None:
    with pytest.raises(DocumentMustExpire):
        attach(drafted(), "insurance_certificate", expires_on=None)
    with pytest.raises(DocumentOver):
        attach(drafted(), "insurance_certificate", expires_on=AT.date() - timedelta(days=1))
    assert attach(drafted(), "insurance_certificate", expires_on=AT.date()).documents


def test_a_paper_is_recalled_before_its_last_day_and_missing_after_it() -> None:
    until = DAY + timedelta(days=100)
    agreement = attach(bound(), "insurance_certificate", expires_on=until)
    told: dict[date, list[str]] = {}
    while agreement.documents[0].state == DocumentState.current:
        day = min(agreement.next_on() or date.max, until + timedelta(days=1))
        events = agreement.pass_time(day)
        told[day] = [event.type.split(".")[3] for event in events if "document" in event.type]
        agreement.evolve(events)
    told = {day: kinds for day, kinds in told.items() if kinds}
    recalled = {until - timedelta(days=days): ["document_reminded"] for days in (30, 7, 1)}
    assert told == recalled | {until + timedelta(days=1): ["document_expired"]}
    assert [rule.category for rule in agreement.missing_for("renew_agreement")] == ["insurance_certificate"]
    paper = agreement.documents[0].document_id
    attach(agreement, "insurance_certificate", replaces=paper)
    assert not agreement.missing_for("renew_agreement")


def test_of_reminders_that_an_outage_missed_the_last_is_caught_up_with() -> None:
    until = DAY + timedelta(days=100)
    agreement = attach(drafted(), "insurance_certificate", expires_on=until)
    (reminded,) = agreement.pass_time(until - timedelta(days=3))
    assert reminded.model_dump()["days"] == 7


def test_an_agreement_that_is_over_recalls_no_paper() -> None:
    agreement = attach(drafted(), "insurance_certificate", expires_on=DAY)
    agreement.evolve(agreement.cancel(reason="r", today=DAY))
    assert agreement.next_on() is None
    assert agreement.pass_time(DAY + timedelta(days=100)) == []
    assert agreement.refusal_of("attach_document")


def test_an_agreement_holds_a_bounded_number_of_papers() -> None:
    agreement = drafted()
    for number in range(MOST):
        attach(agreement, "annex", file=stored(str(number).encode()))
    with pytest.raises(DocumentsFull):
        attach(agreement, "annex")


def test_what_is_published_of_a_paper_does_not_tell_its_name() -> None:
    agreement = drafted()
    (attached,) = agreement.attach(
        new_id(),
        **stored().model_dump(),
        category="annex",
        name="(fictif) un nom.pdf",
        organisation_id=agreement.parties[0].organisation_id,
        expires_on=None,
        replaces=None,
        at=AT,
        today=DAY,
    )
    assert "nom" not in attached.model_dump_json() and attached.detail["name"] == "(fictif) un nom.pdf"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_asks_for_papers_before_actions_that_there_are(kind: Any) -> None:
    for rule in kind.documents:
        assert rule.before is None or rule.before in Agreement.ALLOWED
        assert not rule.once or rule.before in DECIDES.values()
    needed = {rule.before for rule in kind.documents}
    assert {"suspend_agreement", "terminate_agreement"} <= needed


ENTERING: dict[str, Any] = {
    "suspended": lambda it: it.suspend(scope="money", centers=(), **DECISION),
    "terminated": lambda it: it.terminate(**DECISION),
}


@pytest.mark.parametrize(
    ("kind", "state"),
    # How the papers of the freezing are asked for is told in test_freezing.
    [(kind, state) for kind in KINDS.values() for state in kind.required if state != "ready_to_sign"],
    ids=lambda each: getattr(each, "id", each),
)
def test_no_state_is_entered_without_each_of_the_papers_that_the_kind_requires_in_it(kind: Any, state: str) -> None:
    agreement = in_force().model_copy(update={"agreement_kind": kind.id, "documents": ()})
    for category in kind.required[state]:
        with pytest.raises(DocumentMissing) as refused:
            ENTERING[state](agreement)
        assert category in refused.value.values["categories"]
        agreement = attach(agreement, category)
    agreement.evolve(ENTERING[state](agreement))
    assert agreement.state == state


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_paper_that_an_action_needs_is_required_in_a_state_unless_the_action_leaves_the_state(kind: Any) -> None:
    assert {"suspended", "terminated"} <= set(kind.required) <= set(AgreementState)
    stateless = {rule.before for rule in kind.documents if rule.before and rule.state is None}
    assert stateless <= {"renew_agreement"}, "name the state in kinds.ENTERS"
