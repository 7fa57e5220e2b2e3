"""Amendments from the proposal to the agreement that they change, and on a base that moved."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.agreements import commands, queries, schedule
from services.agreements.agreement import Agreement, ObligationState
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors import (
    AssociationNotAccredited,
    MandateNotValid,
    NoMandate,
    NotAParty,
    OperatorNotAParty,
    PartiesNotVetted,
)
from services.agreements.errors.amendments import (
    BeyondItsType,
    CenterMoved,
    CenterRemoved,
    ChildrenBeyondTerm,
    ContentHashDiffers,
    KeeperRemoved,
    NothingAmended,
    NotTouched,
    RebaseConflicts,
    SignedAmendmentStands,
    StartIsKept,
)
from services.agreements.errors.approval import AuthorDoesNotApprove, StepNotTheirs
from services.agreements.errors.families import TermBeyondParent
from services.agreements.errors.obligations import ObligationPartyUnknown
from services.agreements.errors.signing import TextTampered
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AMENDMENTS, AssociationStandingRow
from services.agreements.tests.branches import (
    agree,
    branch_of,
    budget_line,
    carry,
    owed,
    propose,
    read,
    rebase,
    reread,
    revise,
    reword,
    reworded,
    sign_for,
)
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    NAME,
    approved,
    attached,
    bound,
    center,
    current,
    director,
    end_mandate,
    in_force,
    know,
    network_terms,
    officer,
    owing,
    party,
    person,
    president,
    signer,
    suspend,
    terminate,
)
from services.agreements.tests.builders import (
    sign_for as sign_agreement_for,
)
from shared.actor import NATIONAL, Role
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.money import Money
from shared.refusals import NotAllowedNow, NotFound, Refusal, StaleVersion
from shared.web import available_actions

S = AmendmentState


def running(**changes: Any) -> Any:
    """Terms of an agreement that is in force as soon as all have signed, of an association of its own."""
    return current(**({"effective_from": today() - timedelta(days=40)} | changes))


async def test_an_amendment_goes_from_its_proposal_to_the_agreement(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await propose(database, agreement)
    assert (amendment.state, amendment.number) == (S.proposed, None)
    amendment = await reword(database, amendment, "article-1", "Autrement")
    amendment = await agree(database, amendment)
    assert (amendment.state, amendment.number, amendment.reference) == (S.agreed, 1, f"{agreement.reference}/A1")
    first, *others = amendment.touched
    amendment = await sign_for(database, amendment, first)
    assert amendment.state == S.signing
    for party_id in others:
        amendment = await sign_for(database, amendment, party_id)
    assert (amendment.state, amendment.applied_on) == (S.applied, today())
    amended = await read(database, agreement.id)
    assert amended.state == agreement.state
    assert [each.number for each in amended.amendments] == [1]
    assert amended.content_hash == amendment.content_hash
    _, clauses = await queries.text(database, agreement.id, as_of=None, by=LEGAL)
    assert clauses[0].body.fr == "Autrement (fictif)."


async def test_what_an_amendment_does_not_touch_is_what_it_was_to_the_byte(database: Database) -> None:
    terms = owing(running(), {}, {})
    terms = terms.model_copy(update={"budget": (budget_line(terms.parties[0].party_id),)})
    agreement = await bound(database, terms)
    amendment = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    await carry(database, amendment)
    amended = await read(database, agreement.id)
    for field in ("title", "parties", "centers", "duties", "budget", "school_year", "effective_until"):
        assert agreement.model_dump_json(include={field}) == amended.model_dump_json(include={field})
    _, before = await queries.text(database, agreement.id, as_of=agreement_time(agreement), by=LEGAL)
    _, after = await queries.text(database, agreement.id, as_of=None, by=LEGAL)
    assert [each.model_dump() for each in before[1:]] == [each.model_dump() for each in after[1:]]


def agreement_time(agreement: Agreement) -> Any:
    """An instant at which the agreement had all its signatures and no amendment."""
    return max(each.signed_at for each in agreement.signatures)


async def test_a_contribution_that_another_amendment_brought_survives_the_next_one(database: Database) -> None:
    """What eTools PR #3090 lost: a part that only the base has gained since the branch began."""
    agreement = await bound(database, running())
    textual = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    funding = await propose(database, agreement)
    line = budget_line(agreement.parties[0].party_id)
    duty = owed(await branch_of(database, funding))
    await carry(database, await revise(database, funding, budget=(line,), obligations=(duty,)))
    textual = await rebase(database, await reread(database, textual))
    await carry(database, textual)
    amended = await read(database, agreement.id)
    assert amended.budget == (line,) and amended.duties == (duty,)
    _, clauses = await queries.text(database, agreement.id, as_of=None, by=LEGAL)
    assert clauses[0].body.fr == "Autrement (fictif)."


async def test_two_amendments_of_one_clause_are_a_named_conflict_with_both_sides(database: Database) -> None:
    agreement = await bound(database, running())
    one = await reword(database, await propose(database, agreement), "article-1", "Un")
    other = await reword(database, await propose(database, agreement), "article-1", "Deux")
    other = await reword(database, other, "article-2", "Encore")
    other = await agree(database, other)
    await carry(database, one)
    other = await reread(database, other)
    assert (other.state, other.signatures, other.touched) == (S.rebase_needed, (), ())
    _, (conflict,) = await queries.amendment_conflicts(database, other.id, by=LEGAL)
    assert (conflict.part, conflict.key) == ("clause", "article-1")
    assert [side.body.fr for side in (conflict.current, conflict.branch)] == ["Un (fictif).", "Deux (fictif)."]
    with pytest.raises(RebaseConflicts) as refused:
        await rebase(database, other)
    assert refused.value.values["places"] == ["clause article-1"]
    (named,) = refused.value.values["conflicts"]
    assert (named["current"]["body"]["fr"], named["branch"]["body"]["ar"]) == ("Un (fictif).", "Deux (وهمي).")
    assert (await reread(database, other)).version == other.version
    other = await rebase(database, other, {("clause", "article-1"): "branch"})
    assert (other.state, other.number) == (S.proposed, 1)
    other = await carry(database, other)
    assert (other.state, other.number) == (S.applied, 1)
    _, clauses = await queries.text(database, agreement.id, as_of=None, by=LEGAL)
    assert [each.body.fr for each in clauses[:2]] == ["Deux (fictif).", "Encore (fictif)."]


async def test_an_amendment_that_was_applied_first_moves_the_base_of_every_open_one(database: Database) -> None:
    agreement = await bound(database, running())
    applied, drawn, reviewed, signing, withdrawn = [
        await reword(database, await propose(database, agreement), "article-2", str(words)) for words in range(5)
    ]
    await commands.submit_amendment(database, reviewed.id, by=officer())
    signing = await agree(database, signing)
    await sign_for(database, signing, signing.touched[0])
    await commands.withdraw_amendment(database, withdrawn.id, reason="r", by=officer())
    await carry(database, applied)
    states = [(await reread(database, each)).state for each in (applied, drawn, reviewed, signing, withdrawn)]
    assert states == [S.applied, S.rebase_needed, S.rebase_needed, S.rebase_needed, S.withdrawn]


async def test_a_conflict_that_was_looked_at_before_the_agreement_changed_again_is_not_resolved(
    database: Database,
) -> None:
    agreement = await bound(database, running())
    late = await reword(database, await propose(database, agreement), "article-1", "Tard")
    await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    seen = await reread(database, late)
    await carry(
        database,
        await reword(database, await propose(database, await read(database, agreement.id)), "article-1", "Deux"),
    )
    with pytest.raises(StaleVersion):
        await commands.rebase_amendment(
            database, late.id, resolved={("clause", "article-1"): "branch"}, by=officer(), expected=seen.version
        )


async def test_what_both_sides_brought_must_hold_together_before_it_is_approved(database: Database) -> None:
    """One lets a funder go, the other has it owe something: no part is in conflict, the whole is."""
    funder = new_id()
    agreement = await bound(database, running(others=[party(funder, "funder")]))
    leaver = agreement.parties[-1]
    leaving = await propose(database, agreement)
    leaving = await revise(database, leaving, parties=agreement.parties[:-1])
    owing_more = await propose(database, agreement)
    duty = owed(await branch_of(database, owing_more), debtor=leaver.party_id)
    owing_more = await revise(database, owing_more, obligations=(duty,))
    await carry(database, leaving)
    owing_more = await rebase(database, owing_more)
    with pytest.raises(ObligationPartyUnknown):
        await commands.submit_amendment(database, owing_more.id, by=officer())
    owing_more = await revise(
        database, owing_more, obligations=(duty.model_copy(update={"debtor": agreement.parties[1].party_id}),)
    )
    assert (await carry(database, owing_more)).state == S.applied


async def test_a_refused_amendment_keeps_its_number(database: Database) -> None:
    agreement = await bound(database, running())
    first = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    content_hash, party_id = first.content_hash, first.touched[1]
    by = president(agreement.parties[1].organisation_id)
    first = await commands.decline_amendment(
        database, first.id, party_id=party_id, content_hash=content_hash, reason="(fictif)", by=by
    )
    assert (first.state, first.remarks) == (S.refused, "(fictif)")
    second = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Deux"))
    assert [first.number, second.number] == [1, 2]
    assert second.reference == f"{agreement.reference}/A2"


async def test_numbers_have_no_gaps_when_many_are_approved_at_once(database: Database) -> None:
    agreement = await bound(database, running())
    waiting = []
    for words in range(12):
        amendment = await reword(database, await propose(database, agreement), "article-1", str(words))
        waiting.append(await commands.submit_amendment(database, amendment.id, by=officer()))
    done = await asyncio.gather(*(commands.approve_amendment(database, each.id, by=LEGAL) for each in waiting))
    assert sorted(each.number or 0 for each in done) == list(range(1, 13))


async def test_who_is_not_touched_does_not_sign(database: Database) -> None:
    agreement = await bound(database, running())
    _, operator, ministry = (each.party_id for each in agreement.parties)
    amendment = await revise(database, await propose(database, agreement), budget=(budget_line(operator),))
    amendment = await agree(database, amendment)
    assert amendment.touched == (operator,)
    with pytest.raises(NotTouched):
        await sign_for(database, amendment, ministry)
    with pytest.raises(NotAParty):
        await sign_for(database, amendment, new_id(), by=MINISTRY)
    offered = {"sign_amendment", "decline_amendment"}
    for by, expected in ((director(), set()), (signer(amendment.party(operator).organisation_id), offered)):
        assert offered & {*available_actions(by, amendment, PERMISSIONS)} == expected
    assert (await sign_for(database, amendment, operator)).state == S.applied


async def test_an_approval_that_waits_too_long_is_told_once_per_level(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    amendment = await reword(database, await propose(database, await bound(database, running())), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    step = amendment.climbing.tiers[0]
    for times, level in ((1, 0), (1, 0), (step.levels, step.levels), (step.levels + 5, step.levels)):
        day = now() + timedelta(days=times * (step.days or 0), hours=1 if level else -1)
        monkeypatch.setattr(schedule, "now", lambda day=day: day)
        await schedule.report_overdue(database)
        async with database.transaction(NATIONAL) as tx:
            history = await AMENDMENTS.history(tx, amendment.id)
        assert [row.data["level"] for row in history if "overdue" in row.type] == list(range(1, level + 1))
    assert (await commands.approve_amendment(database, amendment.id, by=LEGAL)).state == S.agreed


async def test_each_type_has_its_own_ladder_and_its_own_reach(database: Database) -> None:
    agreement = await bound(database, running())
    correction = await propose(database, agreement, "correction")
    with pytest.raises(BeyondItsType) as refused:
        await revise(database, correction, budget=(budget_line(agreement.parties[0].party_id),))
    assert refused.value.values["parts"] == ["budget_line"]
    correction = await reword(database, correction, "article-1", "Corrigé")
    await commands.submit_amendment(database, correction.id, by=officer())
    with pytest.raises(StepNotTheirs):
        await commands.approve_amendment(database, correction.id, by=LEGAL)
    assert (await commands.approve_amendment(database, correction.id, by=director())).state == S.agreed


async def test_an_author_does_not_approve_and_a_substitute_does(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    days: dict[str, Any] = {"valid_from": today(), "valid_until": today()}
    await commands.grant_substitution(database, substitute=MINISTRY.person, reason="r", by=LEGAL, **days)
    amendment = await commands.approve_amendment_as_substitute(database, amendment.id, person=LEGAL.person, by=MINISTRY)
    assert amendment.state == S.agreed and amendment.ladder
    assert amendment.ladder.approvals[0].substitute == MINISTRY.person


async def test_a_national_amendment_is_not_approved_by_who_wrote_it(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await propose(database, agreement, "correction")
    amendment = await reword(database, amendment, "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    assert isinstance(amendment.approver_refusal(officer().person, director().roles), AuthorDoesNotApprove)


async def test_nothing_is_submitted_that_changes_nothing(database: Database) -> None:
    amendment = await propose(database, await bound(database, running()))
    with pytest.raises(NothingAmended):
        await commands.submit_amendment(database, amendment.id, by=officer())


async def test_an_amendment_that_was_returned_is_changed_and_approved_again(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    await commands.submit_amendment(database, amendment.id, by=officer())
    amendment = await commands.return_amendment(database, amendment.id, remarks="(fictif) à revoir", by=LEGAL)
    assert (amendment.state, amendment.remarks, amendment.ladder) == (S.proposed, "(fictif) à revoir", None)
    assert (await agree(database, await reword(database, amendment, "article-1", "Deux"))).remarks is None


async def test_what_reviewers_refuse_is_over(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    await commands.submit_amendment(database, amendment.id, by=officer())
    amendment = await commands.refuse_amendment(database, amendment.id, reason="(fictif)", by=LEGAL)
    assert (amendment.state, amendment.number) == (S.refused, None)
    with pytest.raises(NotAllowedNow):
        await reword(database, amendment, "article-1", "Deux")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda of: {"centers": ()}, CenterRemoved),
        (lambda of: {"centers": (of.centers[0].model_copy(update={"province": "MA-MOH"}),)}, CenterMoved),
        (lambda of: {"centers": (of.centers[0].model_copy(update={"operator_id": new_id()}),)}, OperatorNotAParty),
        (lambda of: {"effective_from": of.effective_from + timedelta(days=1)}, StartIsKept),
        (lambda of: {"budget": (budget_line(new_id()),)}, NotAParty),
    ],
)
async def test_an_amendment_does_not_bring_about(database: Database, change: Any, refusal: type[Refusal]) -> None:
    agreement = await bound(database, running())
    with pytest.raises(refusal):
        await revise(database, await propose(database, agreement), **change(agreement))


def test_the_keeper_of_an_agreement_stays_a_party() -> None:
    agreement = in_force()
    content = agreement.content(()).model_copy(update={"parties": agreement.parties[1:]})
    with pytest.raises(KeeperRemoved):
        agreement.check_amended(content)


async def test_seats_dates_and_money_of_editions_follow(database: Database) -> None:
    terms = running(effective_until=today() + timedelta(days=200))
    year = today().year
    terms = terms.model_copy(update={"budget": (budget_line(terms.parties[0].party_id, 100, budget_year=year),)})
    agreement = await commands.let_time_pass(database, (await bound(database, terms)).id, on=today())
    (edition,) = agreement.editions
    amendment = await revise(
        database,
        await propose(database, agreement),
        centers=(agreement.centers[0].model_copy(update={"funded_seats": 90}),),
        budget=(agreement.budget[0].model_copy(update={"amount": Money(centimes=250)}),),
        effective_until=today() + timedelta(days=800),
    )
    await carry(database, amendment)
    amended = await read(database, agreement.id)
    (followed,) = amended.editions
    assert followed.funded_seats == edition.funded_seats + 30
    assert followed.amount.centimes == edition.amount.centimes + 150
    assert followed.ends_on > edition.ends_on
    assert followed.ends_on < amended.effective_until


async def test_the_ledger_follows(database: Database) -> None:
    terms = owing(running(), {"due_days": 10}, {"due_days": 60}, {"due_days": 50})
    agreement = await commands.let_time_pass(database, (await bound(database, terms)).id, on=today())
    kept, changed, dropped = agreement.duties
    agreement = await commands.claim_obligation(
        database,
        agreement.id,
        changed.obligation_id,
        evidence="(fictif)",
        by=president(terms.parties[1].organisation_id),
    )
    amendment = await propose(database, agreement)
    added = owed(await branch_of(database, amendment))
    later = changed.model_copy(update={"due_days": 90})
    await carry(database, await revise(database, amendment, obligations=(kept, later, added)))
    amended = await read(database, agreement.id)
    entries = {each.obligation_id: each for each in amended.obligations}
    assert entries[kept.obligation_id] == agreement.obligation(kept.obligation_id, 1)
    moved = entries[changed.obligation_id]
    assert agreement.in_force_on
    assert (moved.state, moved.due_on) == (ObligationState.claimed, agreement.in_force_on + timedelta(days=90))
    assert moved.claim and moved.claim.evidence == "(fictif)"
    assert entries[dropped.obligation_id].state == ObligationState.cancelled
    assert entries[added.obligation_id].state == ObligationState.pending
    async with database.transaction(NATIONAL) as tx:
        rows = (await tx.execute(text("select obligation_id, state, due_on from obligation order by 1"))).all()
    assert [(row[0], row[1], row[2]) for row in rows] == sorted(
        (each.obligation_id, each.state, each.due_on) for each in amended.obligations
    )


async def test_a_party_that_joins_signs_is_named_and_sees_the_agreement_from_then_on(database: Database) -> None:
    agreement = await bound(database, running())
    joining = new_id()
    newcomer = party(joining, "operator")
    amendment = await revise(database, await propose(database, agreement), parties=(*agreement.parties, newcomer))
    await commands.submit_amendment(database, amendment.id, by=officer())
    with pytest.raises(PartiesNotVetted):
        await commands.approve_amendment(database, amendment.id, by=LEGAL)
    await know(database, agreement_with(running(), newcomer))
    amendment = await commands.approve_amendment(database, amendment.id, by=LEGAL)
    assert newcomer.party_id in amendment.touched
    assert (await queries.amendment(database, amendment.id, by=president(joining))).id == amendment.id
    with pytest.raises(NotFound):
        await queries.agreement(database, agreement.id, action="read_agreement", by=president(joining))
    for party_id in amendment.touched:
        amendment = await sign_for(database, amendment, party_id)
    assert amendment.state == S.applied
    seen = await queries.agreement(database, agreement.id, action="read_agreement", by=president(joining))
    assert seen.names[joining] == NAME
    assert seen.missing_signatures == ()
    assert seen.signatures[-1].party_id == newcomer.party_id


def agreement_with(terms: Any, newcomer: Any) -> Any:
    """The terms with the newcomer alone."""
    return terms.model_copy(update={"parties": (newcomer,)})


async def test_a_party_that_leaves_signs_and_sees_the_agreement_no_more(database: Database) -> None:
    funder = new_id()
    agreement = await bound(database, running(others=[party(funder, "funder")]))
    amendment = await revise(database, await propose(database, agreement), parties=agreement.parties[:-1])
    amendment = await carry(database, amendment)
    assert amendment.state == S.applied
    amended = await read(database, agreement.id)
    assert {each.party_id for each in amended.signatures} == {each.party_id for each in amended.parties}
    with pytest.raises(NotFound):
        await queries.agreement(database, agreement.id, action="read_agreement", by=president(funder))
    assert (await queries.amendment(database, amendment.id, by=president(funder))).state == S.applied


async def test_an_agreement_that_is_not_in_force_yet_is_amended_when_it_is(database: Database) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    assert agreement.state == "signed"
    amendment = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    amendment = await carry(database, amendment)
    assert (amendment.state, (await read(database, agreement.id)).amendments) == (S.signed, ())
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == S.signed
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == S.applied
    assert len((await read(database, agreement.id)).amendments) == 1


async def test_a_suspended_agreement_may_be_amended(database: Database) -> None:
    agreement = await bound(database, running())
    await suspend(database, agreement)
    amendment = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    assert (amendment.state, (await read(database, agreement.id)).state) == (S.applied, "suspended")


async def test_what_amends_an_agreement_ends_with_it(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    await terminate(database, agreement)
    with pytest.raises(NotAllowedNow):
        await sign_for(database, amendment, amendment.touched[0])
    with pytest.raises(NotAllowedNow):
        await propose(database, agreement)
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == S.withdrawn


async def test_a_shorter_term_because_of_no_renewal_moves_the_base_too(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    deadline = agreement.editions[0].ends_on
    await commands.let_time_pass(database, agreement.id, on=deadline + timedelta(days=1))
    assert (await read(database, agreement.id)).effective_until == deadline
    amendment = await reread(database, amendment)
    assert amendment.state == S.rebase_needed
    amendment = await rebase(database, amendment)
    assert (await branch_of(database, amendment)).effective_until == deadline


async def test_no_amendment_lets_a_child_outlive_its_parent(database: Database) -> None:
    start, until = today() - timedelta(days=40), today() + timedelta(days=900)
    parent = await bound(
        database, network_terms(agreement_kind="framework", effective_from=start, effective_until=until)
    )
    child = await bound(database, running(parent_id=parent.id, effective_until=until - timedelta(days=100)))
    longer = await propose(database, child)
    with pytest.raises(TermBeyondParent):
        await revise(database, longer, effective_until=until + timedelta(days=1))
    shorter = await propose(database, parent)
    with pytest.raises(ChildrenBeyondTerm) as refused:
        await revise(database, shorter, effective_until=until - timedelta(days=200))
    assert refused.value.values["children"] == [child.id]
    shorter = await carry(database, await revise(database, shorter, effective_until=until - timedelta(days=100)))
    assert (await read(database, parent.id)).effective_until == until - timedelta(days=100)
    with pytest.raises(TermBeyondParent):
        await revise(database, longer, effective_until=until)


async def test_what_a_parent_no_longer_allows_is_refused_at_the_last_signature(database: Database) -> None:
    start, until = today() - timedelta(days=40), today() + timedelta(days=900)
    parent = await bound(
        database, network_terms(agreement_kind="framework", effective_from=start, effective_until=until)
    )
    child = await bound(database, running(parent_id=parent.id, effective_until=until - timedelta(days=200)))
    longer = await agree(database, await revise(database, await propose(database, child), effective_until=until))
    *most, last = longer.touched
    for party_id in most:
        longer = await sign_for(database, longer, party_id)
    shorter = await propose(database, parent)
    await carry(database, await revise(database, shorter, effective_until=until - timedelta(days=100)))
    with pytest.raises(TermBeyondParent):
        await sign_for(database, longer, last)
    assert (await reread(database, longer)).state == S.signing
    assert (await read(database, child.id)).amendments == ()


async def hindered_by_a_child(database: Database) -> tuple[Agreement, Agreement, Amendment]:
    """A framework that was in force too late to become as short as it signed to be: a child outlasts it by then."""
    until = today() + timedelta(days=900)
    parent = await approved(
        database,
        network_terms(agreement_kind="framework", effective_from=today() + timedelta(days=1), effective_until=until),
    )
    for each in parent.parties:
        parent = await sign_agreement_for(database, parent, each.organisation_id)
    shorter = await propose(database, parent)
    shorter = await revise(database, shorter, effective_until=until - timedelta(days=200))
    shorter = await carry(database, shorter)
    assert shorter.state == S.signed
    child = await approved(database, current(parent_id=parent.id, effective_until=until))
    for each in child.parties:
        child = await sign_agreement_for(database, child, each.organisation_id)
    parent = await commands.bring_into_force(database, parent.id, on=parent.effective_from)
    await schedule.apply_amendments(database)
    return parent, child, await reread(database, shorter)


async def test_a_signed_amendment_that_cannot_be_applied_says_why_once_and_is_not_tried_blindly(
    database: Database,
) -> None:
    parent, child, shorter = await hindered_by_a_child(database)
    assert (shorter.state, (await read(database, parent.id)).amendments) == (S.signed, ())
    assert shorter.hindrance and shorter.hindrance.refusal == "children-beyond-term"
    assert shorter.hindrance.values["children"] == [str(child.id)]
    await schedule.apply_amendments(database)
    await schedule.try_hindered_amendments(database)
    assert (await reread(database, shorter)).version == shorter.version


async def test_a_signed_amendment_is_applied_once_what_hindered_it_is_gone(database: Database) -> None:
    parent, child, shorter = await hindered_by_a_child(database)
    await terminate(database, await attached(database, child, "termination_decision"))
    await schedule.apply_amendments(database)
    assert (await reread(database, shorter)).state == S.signed
    await schedule.try_hindered_amendments(database)
    shorter = await reread(database, shorter)
    assert (shorter.state, shorter.hindrance) == (S.applied, None)
    assert len((await read(database, parent.id)).amendments) == 1


async def test_a_signed_amendment_that_cannot_be_applied_can_be_withdrawn(database: Database) -> None:
    _, _, shorter = await hindered_by_a_child(database)
    assert {"withdraw_amendment", "rebase_amendment"} <= {*available_actions(MINISTRY, shorter, PERMISSIONS)}
    shorter = await commands.withdraw_amendment(database, shorter.id, reason="(fictif)", by=MINISTRY)
    await schedule.try_hindered_amendments(database)
    assert (await reread(database, shorter)).state == S.withdrawn


async def test_a_signed_amendment_that_cannot_be_applied_is_rebased_revised_and_signed_again(
    database: Database,
) -> None:
    _, child, shorter = await hindered_by_a_child(database)
    shorter = await rebase(database, shorter)
    assert (shorter.state, shorter.number, shorter.signatures, shorter.hindrance) == (S.proposed, 1, (), None)
    with pytest.raises(ChildrenBeyondTerm):
        await commands.submit_amendment(database, shorter.id, by=MINISTRY)
    text = await reworded(database, shorter, "article-1", "Autrement")
    shorter = await revise(database, shorter, clauses=text, effective_until=child.effective_until)
    shorter = await carry(database, shorter)
    assert (shorter.state, shorter.number) == (S.applied, 1)


async def test_an_amendment_whose_term_has_passed_says_so_when_it_is_applied(database: Database) -> None:
    agreement = await approved(database, current(effective_until=today() + timedelta(days=500)))
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    until = today() + timedelta(days=30)
    amendment = await carry(database, await revise(database, await propose(database, agreement), effective_until=until))
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    late = now() + timedelta(days=31)
    amendment = await commands.apply_amendment(database, amendment.id, at=late)
    assert amendment.hindrance and amendment.hindrance.refusal == "term-over"


async def test_what_all_have_signed_is_neither_withdrawn_nor_rebased_while_nothing_hinders_it(
    database: Database,
) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    amendment = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    assert amendment.state == S.signed
    with pytest.raises(SignedAmendmentStands):
        await commands.withdraw_amendment(database, amendment.id, reason="(fictif)", by=officer())
    with pytest.raises(SignedAmendmentStands):
        await rebase(database, amendment)


async def test_a_text_that_was_tampered_with_is_not_signed(database: Database, databases: Any) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    owner = await databases("agreements", role=None)
    for change in (
        "update content set body = 'autre' where body = 'Un (fictif).'",
        f"update content set body = replace(body, '2', '3') where hash = '{amendment.content_hash}'",
    ):
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text(change))
        with pytest.raises(TextTampered):
            await sign_for(database, amendment, amendment.touched[0])


async def test_a_signature_names_the_content_that_it_signs(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    with pytest.raises(ContentHashDiffers):
        await sign_for(database, amendment, amendment.touched[0], content_hash=amendment.base_hash)


async def test_a_signature_rests_on_a_mandate_of_its_day_and_on_an_accredited_association(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    operator = agreement.parties[1]
    stranger = person("nobody", Role.association_manager, f"org:{operator.organisation_id}")
    with pytest.raises(NoMandate):
        await sign_for(database, amendment, operator.party_id, by=stranger)
    with pytest.raises(MandateNotValid):
        await sign_for(database, amendment, operator.party_id, at=now() + timedelta(days=500))
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator.organisation_id, standing="suspended"))
    with pytest.raises(AssociationNotAccredited):
        await sign_for(database, amendment, operator.party_id)


async def test_a_mandate_that_turns_out_to_have_ended_contests_the_signature(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    amendment = await sign_for(database, amendment, agreement.parties[1].party_id)
    (given,) = amendment.signatures
    yesterday = today() - timedelta(days=1)
    await end_mandate(database, given.mandate_id, on=yesterday)
    (contested,) = (await reread(database, amendment)).signatures
    assert contested.contested == yesterday


async def test_the_past_of_an_amended_agreement_is_as_it_was(database: Database) -> None:
    agreement = await bound(database, running())
    before = agreement_time(agreement)
    await carry(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))
    _, then = await queries.text(database, agreement.id, as_of=before, by=LEGAL)
    assert "Autrement" not in then[0].body.fr
    told = await queries.agreement_changes(
        database, agreement.id, before=queries.Instants(before), after=queries.Instants(now()), by=LEGAL
    )
    assert "/clauses/article-1/body/fr" in {each.path for each in told}
    assert any(each.path.startswith("/amendments") for each in told)


async def test_the_changes_of_an_amendment_are_told_part_by_part_in_both_languages(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    more = center(agreement.parties[1].organisation_id, agreement.centers[0].province)
    amendment = await revise(database, amendment, centers=(*agreement.centers, more))
    _, told = await queries.amendment_changes(database, amendment.id, by=LEGAL)
    assert [(each.part, each.key) for each in told] == [("clause", "article-1"), ("center", str(more.center_id))]
    clause, added = told
    assert (clause.after.body.ar, clause.after.body.fr) == ("Autrement (وهمي).", "Autrement (fictif).")
    assert added.before is None and added.after == more
