"""Amendments side by side: what one brings, the other keeps, or is asked about."""

from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors import NotAParty
from services.agreements.errors.amendments import RebaseConflicts
from services.agreements.kinds import EditionRule
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
from services.agreements.tests.builders import LEGAL, bound, change_kind, director, officer, party
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.refusals import StaleVersion


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
    assert (other.state, other.signatures, other.touched) == (AmendmentState.rebase_needed, (), ())
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
    assert (other.state, other.number) == (AmendmentState.proposed, 1)
    other = await carry(database, other)
    assert (other.state, other.number) == (AmendmentState.applied, 1)
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
    assert states == [
        AmendmentState.applied,
        AmendmentState.rebase_needed,
        AmendmentState.rebase_needed,
        AmendmentState.rebase_needed,
        AmendmentState.withdrawn,
    ]


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


async def let_go_and_named(database: Database) -> tuple[Agreement, Amendment]:
    """An agreement that an amendment lets a funder go of, and another one that has it owe and pay something."""
    agreement = await bound(database, running(others=[party(new_id(), "funder")]))
    leaver = agreement.parties[-1]
    leaving = await propose(database, agreement)
    leaving = await revise(database, leaving, parties=agreement.parties[:-1])
    naming = await propose(database, agreement)
    duty = owed(await branch_of(database, naming), debtor=leaver.party_id)
    naming = await revise(database, naming, obligations=(duty,), budget=(budget_line(leaver.party_id),))
    await carry(database, leaving)
    return agreement, await reread(database, naming)


async def test_a_party_that_one_lets_go_and_the_other_names_is_a_conflict_with_both_sides(
    as_: Any, database: Database
) -> None:
    agreement, naming = await let_go_and_named(database)
    leaver = agreement.parties[-1]
    (told,) = (await as_(officer()).get(f"/amendments/{naming.id}/conflicts")).json()["items"]
    assert (told["part"], told["key"]) == ("party", str(leaver.party_id))
    assert (told["current"], told["branch"]["organisation_id"]) == (None, str(leaver.organisation_id))
    with pytest.raises(RebaseConflicts) as refused:
        await rebase(database, naming)
    assert refused.value.values["places"] == [f"party {leaver.party_id}"]
    kept = await carry(database, await rebase(database, naming, {("party", str(leaver.party_id)): "branch"}))
    assert kept.state == AmendmentState.applied
    amended = await read(database, agreement.id)
    assert leaver in amended.parties and len(amended.duties) == len(amended.budget) == 1


async def test_what_names_a_party_that_stays_let_go_is_read_and_written_anew(as_: Any, database: Database) -> None:
    """It is kept, refused by name until it holds together, and can be read."""
    agreement, naming = await let_go_and_named(database)
    operator, leaver = agreement.parties[1], agreement.parties[-1]
    naming = await rebase(database, naming, {("party", str(leaver.party_id)): "current"})
    with pytest.raises(NotAParty):
        await commands.submit_amendment(database, naming.id, by=officer())
    client, path = as_(officer()), f"/amendments/{naming.id}/content"
    answer = await client.get(path)
    content = answer.json()
    (duty,), (line,) = content["obligations"], content["budget"]
    assert duty["debtor_id"] == line["payer_id"] == str(leaver.organisation_id)
    refused = await client.put(path, content, If_Match=answer.headers["ETag"])
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/obligation-party-unknown")
    duty["debtor_id"] = line["payer_id"] = str(operator.organisation_id)
    written = await client.put(path, content, If_Match=answer.headers["ETag"])
    assert written.status_code == 200, written.text
    assert (await carry(database, await reread(database, naming))).state == AmendmentState.applied


async def test_a_shorter_term_because_of_no_renewal_moves_the_base_too(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    deadline = agreement.editions[0].ends_on
    await commands.let_time_pass(database, agreement.id, on=deadline - timedelta(days=30))
    await commands.evaluate_renewal(database, agreement.id, outcome="unfavourable", reason="(fictif)", by=officer())
    await commands.decline_renewal(database, agreement.id, reason="(fictif)", by=director())
    assert (await read(database, agreement.id)).effective_until == deadline
    amendment = await reread(database, amendment)
    assert amendment.state == AmendmentState.rebase_needed
    amendment = await rebase(database, amendment)
    assert (await branch_of(database, amendment)).effective_until == deadline


async def test_the_end_with_the_last_edition_moves_the_base_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_kind(monkeypatch, editions=EditionRule(most=2, lead_days=90), documents=())
    agreement = await bound(database, running(effective_until=today() + timedelta(days=600)))
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    starts_on = agreement.editions[0].ends_on + timedelta(days=1)
    await commands.let_time_pass(database, agreement.id, on=starts_on - timedelta(days=30))
    await commands.evaluate_renewal(database, agreement.id, outcome="favourable", reason="(fictif)", by=officer())
    ends_on, edition = starts_on + timedelta(days=90), agreement.editions[0]
    kept: dict[str, Any] = edition.model_dump(include={"funded_seats", "unfunded_seats", "parties", "obligations"})
    year: dict[str, Any] = {"budget_year": starts_on.year, "ends_on": ends_on, "amount": edition.amount}
    year |= {"school_year": "2030/2031"}
    await commands.renew_agreement(database, agreement.id, **kept, **year, by=director())
    assert (await reread(database, amendment)).state != AmendmentState.rebase_needed
    agreement = await commands.let_time_pass(database, agreement.id, on=starts_on)
    assert (agreement.state, agreement.effective_until) == ("in_force", ends_on)
    assert (await reread(database, amendment)).state == AmendmentState.rebase_needed
