"""What an amendment does to its agreement."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.agreements import commands, queries, schedule
from services.agreements.agreement import Agreement, ObligationState
from services.agreements.amendment import AmendmentState
from services.agreements.commands import papers
from services.agreements.errors import CenterWithoutSeats, NotAParty, OperatorNotAParty, PartiesNotVetted
from services.agreements.errors.amendments import CenterMoved, CenterRemoved, KeeperRemoved, StartIsKept
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
    running,
    sign_for,
)
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    NAME,
    approved,
    bound,
    center,
    hold,
    in_force,
    know,
    officer,
    owing,
    party,
    president,
    suspend,
    terminate,
)
from services.agreements.tests.builders import sign_for as sign_agreement_for
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import CenterToOpen
from shared.ids import new_id
from shared.money import Money
from shared.refusals import NotAllowedNow, NotFound, Refusal


async def test_an_amendment_goes_from_its_proposal_to_the_agreement(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await propose(database, agreement)
    assert (amendment.state, amendment.number) == (AmendmentState.proposed, None)
    amendment = await reword(database, amendment, "article-1", "Autrement")
    amendment = await agree(database, amendment)
    assert (amendment.state, amendment.number, amendment.reference) == (
        AmendmentState.agreed,
        1,
        f"{agreement.reference}/A1",
    )
    first, *others = amendment.touched
    amendment = await sign_for(database, amendment, first)
    assert amendment.state == AmendmentState.signing
    for party_id in others:
        amendment = await sign_for(database, amendment, party_id)
    assert (amendment.state, amendment.applied_on) == (AmendmentState.applied, today())
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


def empty(of: Agreement) -> CenterToOpen:
    """One more center beside the first, without a seat."""
    return of.centers[0].model_copy(update={"center_id": new_id(), "funded_seats": 0, "unfunded_seats": 0})


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda of: {"centers": ()}, CenterRemoved),
        (lambda of: {"centers": (of.centers[0].model_copy(update={"province": "MA-MOH"}),)}, CenterMoved),
        (lambda of: {"centers": (of.centers[0].model_copy(update={"operator_id": new_id()}),)}, OperatorNotAParty),
        (lambda of: {"centers": (*of.centers, empty(of))}, CenterWithoutSeats),
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
    assert (moved.state, moved.due_on) == (ObligationState.pending, agreement.in_force_on + timedelta(days=90))
    assert moved.claim is None, "what was shown was of something else"
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
    assert amendment.state == AmendmentState.applied
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
    assert amendment.state == AmendmentState.applied
    amended = await read(database, agreement.id)
    assert {each.party_id for each in amended.signatures} == {each.party_id for each in amended.parties}
    with pytest.raises(NotFound):
        await queries.agreement(database, agreement.id, action="read_agreement", by=president(funder))
    assert (await queries.amendment(database, amendment.id, by=president(funder))).state == AmendmentState.applied


async def test_an_agreement_that_is_not_in_force_yet_is_amended_when_it_is(database: Database) -> None:
    agreement = await approved(database)
    for each in agreement.parties:
        agreement = await sign_agreement_for(database, agreement, each.organisation_id)
    assert agreement.state == "signed"
    amendment = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    amendment = await carry(database, amendment)
    assert (amendment.state, (await read(database, agreement.id)).amendments) == (AmendmentState.signed, ())
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == AmendmentState.signed
    await commands.bring_into_force(database, agreement.id, on=agreement.effective_from)
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == AmendmentState.applied
    assert len((await read(database, agreement.id)).amendments) == 1


async def test_a_suspended_agreement_may_be_amended(database: Database) -> None:
    agreement = await bound(database, running())
    await suspend(database, agreement)
    amendment = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    assert (amendment.state, (await read(database, agreement.id)).state) == (AmendmentState.applied, "suspended")


async def test_what_amends_an_agreement_ends_with_it(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    await terminate(database, agreement)
    with pytest.raises(NotAllowedNow):
        await sign_for(database, amendment, amendment.touched[0])
    with pytest.raises(NotAllowedNow):
        await propose(database, agreement)
    await schedule.apply_amendments(database)
    assert (await reread(database, amendment)).state == AmendmentState.withdrawn


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


async def test_whoever_is_taken_off_a_branch_sees_no_more_of_it(database: Database) -> None:
    added = party(new_id(), "funder")
    await know(database, running(others=[added]))
    agreement = await bound(database, running())
    branch = await revise(database, await propose(database, agreement), parties=(*agreement.parties, added))
    theirs = president(added.organisation_id)
    assert (await queries.amendment(database, branch.id, by=theirs)).id == branch.id
    await revise(database, branch, parties=agreement.parties)
    for reading in (queries.amendment, queries.amendment_content, queries.amendment_changes):
        with pytest.raises(NotFound):
            await reading(database, branch.id, by=theirs)


async def test_whoever_leaves_the_agreement_sees_no_more_of_its_open_amendments(database: Database) -> None:
    agreement = await bound(database, running(others=[party(new_id(), "funder")]))
    *_, leaving = agreement.parties
    theirs = president(leaving.organisation_id)
    waiting = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    assert (await queries.amendment(database, waiting.id, by=theirs)).id == waiting.id
    farewell = await revise(database, await propose(database, agreement), parties=agreement.parties[:-1])
    farewell = await carry(database, farewell)
    with pytest.raises(NotFound):
        await queries.amendment(database, waiting.id, by=theirs)
    assert (await queries.amendment(database, farewell.id, by=theirs)).state == AmendmentState.applied
    await rebase(database, waiting)
    with pytest.raises(NotFound):
        await queries.amendment(database, waiting.id, by=theirs)


async def test_who_joins_by_an_amendment_reads_the_papers_of_what_was_signed_in_a_ceremony(database: Database) -> None:
    added = party(new_id(), "funder")
    await know(database, running(others=[added]))
    agreement = await approved(database, running())
    ceremony = await hold(database, agreement.id)
    for each in agreement.signing_parties:
        await sign_agreement_for(database, agreement, each.organisation_id, ceremony_id=ceremony.id)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    await commands.let_time_pass(database, agreement.id, on=today())
    agreement = await read(database, agreement.id)
    joining = await revise(database, await propose(database, agreement), parties=(*agreement.parties, added))
    await carry(database, joining)
    theirs = president(added.organisation_id)
    for issue in (papers.issue_agreement, papers.issue_certificate):
        assert (await issue(database, agreement.id, language="fr", by=theirs)).pdf
