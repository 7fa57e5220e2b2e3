"""Amendments are numbered and approved."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.agreements import commands, schedule
from services.agreements.amendment import AmendmentState
from services.agreements.errors.amendments import BeyondItsType, NothingAmended
from services.agreements.errors.approval import AuthorDoesNotApprove, StepNotTheirs
from services.agreements.tables import AMENDMENTS
from services.agreements.tests.branches import agree, budget_line, propose, revise, reword, running
from services.agreements.tests.builders import LEGAL, MINISTRY, bound, director, officer, president
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import AmendmentApprovalsVoided, AmendmentRebaseNeeded, AmendmentReturned
from shared.refusals import NotAllowedNow


async def test_a_refused_amendment_keeps_its_number(database: Database) -> None:
    agreement = await bound(database, running())
    first = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    content_hash, party_id = first.content_hash, first.touched[1]
    by = president(agreement.parties[1].organisation_id)
    first = await commands.decline_amendment(
        database, first.id, party_id=party_id, content_hash=content_hash, reason="(fictif)", by=by
    )
    assert (first.state, first.remarks) == (AmendmentState.refused, "(fictif)")
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
        late = [(row.data["level"], row.data["roles"]) for row in history if "overdue" in row.type]
        assert late == [(each, list(step.roles)) for each in range(1, level + 1)]
    assert (await commands.approve_amendment(database, amendment.id, by=LEGAL)).state == AmendmentState.agreed


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
    assert (await commands.approve_amendment(database, correction.id, by=director())).state == AmendmentState.agreed


async def test_an_author_does_not_approve_and_a_substitute_does(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    days: dict[str, Any] = {"valid_from": today(), "valid_until": today()}
    await commands.grant_substitution(database, substitute=MINISTRY.person, reason="r", by=LEGAL, **days)
    amendment = await commands.approve_amendment_as_substitute(database, amendment.id, person=LEGAL.person, by=MINISTRY)
    assert amendment.state == AmendmentState.agreed and amendment.ladder
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
    assert (amendment.state, amendment.remarks, amendment.ladder) == (
        AmendmentState.proposed,
        "(fictif) à revoir",
        None,
    )
    assert (await agree(database, await reword(database, amendment, "article-1", "Deux"))).remarks is None


async def test_the_approvals_that_a_returned_amendment_loses_are_told(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await commands.submit_amendment(database, amendment.id, by=officer())
    assert [each.type for each in amendment.send_back("r", LEGAL.person, LEGAL.roles)] == [AmendmentReturned.type], (
        "none was given"
    )
    ladder = amendment.climbing
    two = ladder.tiers[0].model_copy(update={"needed": 2})
    given = ladder.approve(LEGAL.person, LEGAL.roles, now())
    amendment.ladder = ladder.model_copy(update={"tiers": (two,)}).having(given)
    voided, returned = amendment.send_back("r", LEGAL.person, LEGAL.roles)
    assert isinstance(voided, AmendmentApprovalsVoided) and isinstance(returned, AmendmentReturned)
    assert (voided.because, voided.steps, voided.approvals) == ("returned", (two.id,), 1)


async def test_the_approvals_that_an_amendment_loses_with_its_base_are_told_once(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    voided, lost = amendment.lose_base(None)
    assert isinstance(voided, AmendmentApprovalsVoided) and isinstance(lost, AmendmentRebaseNeeded)
    assert (voided.because, voided.approvals) == ("rebase_needed", 1)
    again = amendment.evolve([voided, lost]).lose_base(None)
    assert [each.type for each in again] == [AmendmentRebaseNeeded.type]


async def test_what_reviewers_refuse_is_over(database: Database) -> None:
    agreement = await bound(database, running())
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    await commands.submit_amendment(database, amendment.id, by=officer())
    amendment = await commands.refuse_amendment(database, amendment.id, reason="(fictif)", by=LEGAL)
    assert (amendment.state, amendment.number) == (AmendmentState.refused, None)
    with pytest.raises(NotAllowedNow):
        await reword(database, amendment, "article-1", "Deux")
