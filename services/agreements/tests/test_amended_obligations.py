"""What an amendment makes of what is owed: what is settled or shown, and what is owed as amended."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.tests.amended import MONTHLY, OCTOBER, amended, amending, at_work, every, once
from services.agreements.tests.branches import carry, propose, revise
from services.agreements.tests.branches import running as running_terms
from services.agreements.tests.builders import DECISION, bound, officer, operator_of, owing, president
from services.agreements.tests.years import carried, central, evaluated, renewed, running
from shared.clock import today
from shared.database import Database
from shared.events.agreements import AgreementObligationReturned
from shared.web import etag

OTHER = {"what": Bilingual(ar="التزام آخر (وهمي)", fr="Autre obligation (fictif)")}


def met(agreement: Agreement, occurrence: int, on: date) -> Agreement:
    """The agreement, what its first duty owes shown and confirmed."""
    id = agreement.duties[0].obligation_id
    agreement.evolve(agreement.claim(id, occurrence, evidence="e", documents=(), today=on))
    return agreement.evolve(agreement.confirm(id, occurrence, today=on))


def said(agreement: Agreement) -> list[tuple[str, str, str]]:
    """Its entries with what each is of, briefly."""
    return [(agreement.agreed(each).what.fr, each.due_on.isoformat(), each.state) for each in agreement.obligations]


FORMER, NOW = "Obligation (fictif)", "Autre obligation (fictif)"


@pytest.mark.parametrize("how", ["fulfilled", "waived"])
def test_what_is_settled_stays_as_it_was_agreed_and_the_obligation_is_owed_anew_as_amended(how: str) -> None:
    agreement = at_work(once(OCTOBER), until=OCTOBER)
    if how == "fulfilled":
        met(agreement, 1, OCTOBER)
    else:
        agreement.evolve(agreement.waive(agreement.duties[0].obligation_id, 1, reason="r", today=OCTOBER))
    settled = agreement.obligations[0]
    amended(agreement, OCTOBER, OTHER | once(date(2024, 12, 28)))
    assert said(agreement) == [(FORMER, "2024-10-20", how), (NOW, "2024-12-28", "pending")]
    assert agreement.obligations[0] == settled
    agreement.evolve(agreement.pass_time(date(2025, 1, 15)))
    assert said(agreement) == [(FORMER, "2024-10-20", how), (NOW, "2024-12-28", "due")]
    met(agreement, 2, date(2025, 1, 15))
    amended(agreement, date(2025, 1, 15), {"evidence": OTHER["what"]})
    assert [each.state for each in agreement.obligations] == [how, "fulfilled", "pending"], "and again"
    assert said(agreement)[0] == (FORMER, "2024-10-20", how), "in its own words for good"


def test_what_is_owed_anew_is_owed_in_the_edition_that_runs() -> None:
    agreement = renewed(running(owing(central(), {"due_on": date(2024, 11, 1)})))
    then = date(2025, 11, 20)
    for occurrence, day in ((1, date(2025, 7, 1)), (2, then)):
        met(agreement.evolve(agreement.pass_time(day)), occurrence, day)
    amended(agreement, then, OTHER)
    assert said(agreement) == [
        (FORMER, "2024-11-01", "fulfilled"),
        (FORMER, "2025-11-01", "fulfilled"),
        (NOW, "2025-11-01", "pending"),
    ]


def test_what_waits_for_the_next_edition_already_is_owed_as_amended_on_a_day_that_is_to_come_in_this_one() -> None:
    agreement = evaluated(running(owing(central(), {"due_on": date(2025, 8, 15)})))
    then = date(2025, 7, 10)
    met(agreement, 1, then)
    agreement.evolve(agreement.renew(**carried(agreement)))
    assert said(agreement)[1:] == [(FORMER, "2026-08-15", "pending")]
    amended(agreement, then, OTHER)
    assert said(agreement) == [(FORMER, "2025-08-15", "fulfilled"), (NOW, "2025-08-15", "pending")]
    agreement.evolve(agreement.pass_time(date(2025, 9, 2)))
    assert said(agreement)[1:] == [(NOW, "2025-08-15", "due"), (NOW, "2026-08-15", "pending")]


def test_what_failed_stays_what_it_was() -> None:
    agreement = renewed(running(owing(central(), {"due_on": date(2024, 11, 1)})))
    then = date(2025, 9, 10)
    agreement.evolve(agreement.pass_time(then))
    agreement.evolve(agreement.close_edition(1, today=then))
    amended(agreement, then, OTHER)
    assert said(agreement) == [(FORMER, "2024-11-01", "failed"), (NOW, "2025-11-01", "pending")]


def test_of_what_comes_back_the_settled_occurrences_stay_and_the_open_ones_follow() -> None:
    agreement = met(at_work(MONTHLY, until=OCTOBER), 1, OCTOBER)
    amended(agreement, OCTOBER, OTHER)
    assert said(agreement) == [
        (FORMER, "2024-09-10", "fulfilled"),
        (NOW, "2024-10-10", "due"),
        (NOW, "2024-11-10", "pending"),
    ]


def test_what_came_back_and_is_owed_once_is_owed_on_its_day_though_a_later_occurrence_was_met() -> None:
    agreement = met(met(at_work(MONTHLY, until=OCTOBER), 1, OCTOBER), 2, OCTOBER)
    amended(agreement, OCTOBER, once(date(2024, 10, 1)))
    assert [day for _, day, state in said(agreement) if state == "pending"] == ["2024-10-01"]


def test_what_was_owed_once_and_met_comes_back_on_its_new_days() -> None:
    agreement = met(at_work(once(date(2025, 6, 1)), until=OCTOBER), 1, OCTOBER)
    amended(agreement, OCTOBER, every(2, date(2024, 12, 15)))
    assert said(agreement) == [(FORMER, "2025-06-01", "fulfilled"), (FORMER, "2024-12-15", "pending")]


@pytest.mark.parametrize("change", [{"survives": True}, {"blocks": ("renewal",)}])
def test_what_is_met_is_not_owed_anew_when_only_what_hangs_on_it_changes(change: dict[str, Any]) -> None:
    agreement = met(at_work(once(OCTOBER), until=OCTOBER), 1, OCTOBER)
    amended(agreement, OCTOBER, change)
    assert said(agreement) == [(FORMER, "2024-10-20", "fulfilled")]


@pytest.mark.parametrize("rests", [False, True])
def test_what_is_claimed_of_an_obligation_that_is_amended_is_returned_to_who_claimed_it(rests: bool) -> None:
    agreement = at_work(once(OCTOBER), once(OCTOBER), until=OCTOBER)
    for each in agreement.duties:
        agreement.evolve(agreement.claim(each.obligation_id, 1, evidence="e", documents=(), today=OCTOBER))
    if rests:
        agreement.evolve(agreement.suspend(scope="money", centers=(), **DECISION, effective_on=OCTOBER, today=OCTOBER))
    first, other = agreement.duties
    debtor = next(each.party_id for each in agreement.parties if each.party_id not in (first.debtor, first.creditor))
    returned, _ = amending(agreement, first.model_copy(update={"debtor": debtor}), other, today=OCTOBER)
    assert isinstance(returned, AgreementObligationReturned)
    assert (returned.because, returned.awaited) == ("amended", (agreement.obligations[0].debtor_id,))
    amended(agreement, OCTOBER, {"debtor": debtor})
    owed, claimed = agreement.obligations
    assert (owed.state, owed.claim) == ("frozen" if rests else "due", None)
    assert owed.debtor_id == agreement.party(debtor).organisation_id
    assert (claimed.state, claimed.claim and claimed.claim.evidence) == ("claimed", "e")


def test_what_was_amended_while_the_settled_followed_is_told_so_for_good() -> None:
    agreement = met(at_work(once(OCTOBER), once(OCTOBER), until=OCTOBER), 1, OCTOBER)
    (event,) = amending(agreement, *(each.model_copy(update=OTHER) for each in agreement.duties), today=OCTOBER)
    kept = {name: value for name, value in event.detail.items() if name != "anew"}
    agreement.evolve([event.model_copy().keeping(**kept)])
    assert said(agreement) == [(NOW, "2024-10-20", "fulfilled"), (NOW, "2024-10-20", "due")]
    assert agreement.former == ()


async def test_the_ledger_and_the_list_tell_what_was_met_and_what_is_owed_now(as_: Any, database: Database) -> None:
    """An obligation that was met is not told as what an amendment made of it, and that is owed."""
    day = today() - timedelta(days=10)
    agreement = await bound(database, owing(running_terms(), {"due_on": day}))
    agreement = await commands.let_time_pass(database, agreement.id, on=today())
    id = agreement.duties[0].obligation_id
    debtor, academy = as_(president(operator_of(agreement))), as_(officer())
    shown = {"evidence": "10 (fictif)"}
    claimed = await debtor.post(
        f"/agreements/{agreement.id}/obligations/{id}/claim", shown, If_Match=etag(agreement.version)
    )
    version = etag(claimed.json()["version"])
    await academy.post(f"/agreements/{agreement.id}/obligations/{id}/confirmation", {}, If_Match=version)
    later = {"due_on": today() + timedelta(days=60), "evidence": OTHER["what"]}
    duty = agreement.duties[0].model_copy(update=OTHER | later)
    await carry(database, await revise(database, await propose(database, agreement), obligations=(duty,)))
    for path in (f"/agreements/{agreement.id}/obligations", "/obligations"):
        told = (await debtor.get(path)).json()["items"]
        assert [(each["occurrence"], each["what"]["fr"], each["due_on"], each["state"]) for each in told] == [
            (1, FORMER, str(day), "fulfilled"),
            (2, NOW, str(later["due_on"]), "pending"),
        ]
    former, _ = (await debtor.get(f"/agreements/{agreement.id}/obligations")).json()["items"]
    assert (former["claim"]["evidence"], former["evidence_wanted"]) == ("10 (fictif)", None)
    listed = (await academy.get("/obligations/export")).text
    assert FORMER in listed and NOW in listed
