"""Terms that change after the drafting: which clauses still say the former ones, who is told, what draws them anew."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.drafting import draft_text
from services.agreements.errors.amendments import BeyondItsType
from services.agreements.errors.texts import NothingToRedraw, TextOutdated
from services.agreements.outdated import Facts, differing, outdated
from services.agreements.surroundings import OutdatedClause
from services.agreements.terms import BudgetLine, Terms
from services.agreements.tests.branches import carry, propose, read, revise, running
from services.agreements.tests.builders import (
    LEGAL,
    body_of,
    bound,
    clauses,
    know,
    officer,
    operator_of,
    owing,
    party,
    regional,
    signer,
)
from services.agreements.text import Clause, Prose, table_of
from shared.database import Database
from shared.events.agreements import AmendmentType
from shared.ids import new_id
from shared.money import Money

LATER = date(2026, 8, 31)
DRAWN_FROM_SEATS = {"learners"}
DRAWN_FROM_DAYS = {"duration"}


def seats(terms: Terms, funded: int, unfunded: int = 20) -> Terms:
    """The same terms with other seats in its only center."""
    only = terms.centers[0].model_copy(update={"funded_seats": funded, "unfunded_seats": unfunded})
    return terms.model_copy(update={"centers": (only,)})


def facts(terms: Terms) -> Facts:
    """These terms, with its parties' names."""
    return Facts(
        terms, {each.organisation_id: Bilingual(ar="طرف (وهمي)", fr="Partie (fictif)") for each in terms.parties}
    )


def drawn(terms: Terms) -> list[Clause]:
    """The kind's text."""
    return draft_text(*facts(terms))


def with_words(text: Sequence[Clause], key: str, words: str) -> list[Clause]:
    """One of the clauses as somebody wrote it."""
    body = Prose(ar=f"{words} (وهمي).", fr=f"{words} (fictif).")
    return [each.model_copy(update={"body": body}) if each.key == key else each for each in text]


def keys(found: Sequence[OutdatedClause], *, redrawn: bool) -> set[str]:
    """Those that are drawn anew, or are not."""
    return {each.key for each in found if each.redrawn == redrawn}


def test_what_the_kind_drew_from_other_terms_is_outdated() -> None:
    terms = regional()
    present = seats(terms, 77).model_copy(update={"effective_until": LATER})
    found = outdated(drawn(terms), facts(present), [facts(terms)])
    assert keys(found, redrawn=True) == DRAWN_FROM_SEATS | DRAWN_FROM_DAYS
    assert not keys(found, redrawn=False)
    assert {each.key: each.says for each in found}["duration"] == ("31 غشت 2027", "31 août 2027")


def test_what_says_the_present_terms_is_not_outdated() -> None:
    terms = regional()
    present = seats(terms, 77)
    assert outdated(drawn(present), facts(present), [facts(terms)]) == []
    assert outdated(drawn(terms), facts(terms), [facts(present)]) == [], "back to what they were"


def test_only_what_says_something_else_is_compared_with_former_terms() -> None:
    terms = regional()
    present = seats(terms, 77)
    assert differing(table_of(drawn(present)), facts(present)) == []
    assert {each.key for each in differing(table_of(drawn(terms)), facts(present))} == DRAWN_FROM_SEATS


def test_a_clause_from_terms_before_the_last_ones_is_outdated() -> None:
    first = regional()
    second, present = seats(first, 70), seats(first, 77)
    assert keys(outdated(drawn(first), facts(present), [facts(first), facts(second)]), redrawn=True) == DRAWN_FROM_SEATS


def test_words_that_somebody_wrote_are_looked_at_if_they_name_a_former_value() -> None:
    terms = regional()
    present = seats(terms, 77).model_copy(update={"effective_until": LATER})
    text = with_words(with_words(drawn(terms), "learners", "Pas moins de 60 places"), "duration", "Jusqu'en 2026")
    found = outdated(text, facts(present), [facts(terms)])
    assert [(each.key, each.redrawn, each.says) for each in found] == [("learners", False, ("60",))]


@pytest.mark.parametrize(
    "words",
    ["la loi 60.17", "la loi 43-60", "160 places", "le 60/2024", "6,60 dirhams", "77 places"],
)
def test_a_number_is_named_where_it_stands_alone(words: str) -> None:
    terms = regional()
    text = with_words(drawn(terms), "staff", words)
    assert "staff" not in {each.key for each in outdated(text, facts(seats(terms, 77)), [facts(terms)])}


def paying(terms: Terms, *amounts: str, words: str = "") -> Terms:
    """The same terms with a line of the budget for each amount, and a duty in these words."""
    payer = terms.parties[0].party_id
    lines = tuple(
        BudgetLine(
            line_id=new_id(),
            payer=payer,
            heading=Bilingual(ar="منحة (وهمي)", fr="Subvention (fictif)"),
            kind="cash",
            amount=Money.model_validate({"amount": each}),
            budget_year=2026,
        )
        for each in amounts
    )
    what = Bilingual(ar=f"{words} (وهمي)", fr=f"{words} (fictif)")
    return owing(terms, {"what": what}).model_copy(update={"budget": lines})


def amounts_said(words: str, *, before: Terms, now: Terms) -> tuple[str, ...]:
    """What a clause in these words is found to name."""
    found = outdated(with_words(drawn(now), "staff", words), facts(now), [facts(before)])
    return next((each.says for each in found if each.key == "staff"), ())


@pytest.mark.parametrize(
    "written",
    [
        "125 000",
        "125\u00a0000",
        "125\u202f000,00",
        "125.000,00",
        "125,000.00",
        "125'000",
        "125000",
        "125000,0",
        "١٢٥٠٠٠",
        "١٢٥٬٠٠٠",
        "١٢٥ ٠٠٠٫٠٠",
        "125 000DH",
        "ب125 000 درهم",
        "(125 000)",
        "125 000.",
    ],
)
def test_an_amount_of_former_terms_is_named_however_it_is_written(written: str) -> None:
    before, now = (paying(regional(), each) for each in ("125000.00", "150000.00"))
    (said,) = amounts_said(written, before=before, now=now)
    assert said in written and {*map(int, re.findall(r"\d{3}", said))} <= {125, 0}
    assert amounts_said(written, before=now, now=before) == (), "what the present terms say"


@pytest.mark.parametrize(
    "written",
    [
        "1 125 000",
        "125 000 000",
        "125 000,50",
        "125 000/2026",
        "2-125 000",
        "125 000-2",
        "2026 125 000",
        "0 125 000",
        "12.125.000.5",
        "A125000",
        "125",
        "1 2 5 0 0 0",
        "125 " * 2_000,
        "1" * 900,
    ],
)
def test_a_number_that_is_part_of_another_is_no_amount(written: str) -> None:
    before, now = (paying(regional(), each) for each in ("125000.00", "150000.00"))
    assert amounts_said(written, before=before, now=now) == ()


def test_a_short_number_is_an_amount_only_where_it_is_written_as_one() -> None:
    for amount, no, yes in (("2026.00", "2026", "2 026"), ("20250.00", "20250", "20.250,00"), ("900.00", "900,00", "")):
        before, now = paying(regional(), amount), paying(regional(), "150000.00")
        assert amounts_said(f"en {no} à", before=before, now=now) == ()
        assert amounts_said(f"soit {yes} dirhams", before=before, now=now) == ((yes,) if yes else ())


def test_the_total_of_a_former_budget_and_the_words_of_a_former_obligation_are_former_amounts() -> None:
    before = paying(regional(), "100000.00", "60000.00", words="Verser 45 000 DH")
    now = paying(regional(), "100000.00", "80000.00", words="Verser 48 000 DH")
    assert amounts_said("total de 160 000", before=before, now=now) == ("160 000",)
    assert amounts_said("soit 60 000 et 45.000", before=before, now=now) == ("60 000", "45.000")
    assert amounts_said("100 000, 80 000, 180 000, 48 000", before=before, now=now) == ()


async def test_an_amount_in_words_that_somebody_wrote_is_told_when_the_budget_is_another(database: Database) -> None:
    terms = paying(regional(), "125000.00", words="Verser 45 000 DH")
    text = clauses(words=" : 125.000,00 درهم")
    agreement = await commands.draft_agreement(database, terms, clauses=text, by=officer())
    other = paying(terms, "150000.00", words="Verser 45 000 DH")
    agreement = await commands.revise_terms(database, agreement.id, other, by=officer())
    assert {each.key: each.says for each in agreement.outdated_clauses} == {each.key: ("125.000,00",) for each in text}
    back = await commands.revise_terms(database, agreement.id, terms, by=officer())
    assert not back.outdated_clauses


async def test_an_amendment_of_the_budget_tells_which_amounts_its_branch_still_says(database: Database) -> None:
    terms = running()
    agreement = await bound(database, paying(terms, "125000.00"), text=clauses(words=" : 125 000 DH"))
    amendment = await propose(database, agreement, "budget")
    line = agreement.budget[0].model_copy(update={"amount": Money(centimes=150_000_00)})
    amendment = await revise(database, amendment, budget=(line,))
    assert {each.says for each in amendment.outdated_clauses} == {("125 000",)}


def test_a_name_within_a_longer_one_of_today_is_not_a_former_one() -> None:
    terms = regional()
    longer = terms.model_copy(update={"title": Bilingual(ar=terms.title.ar + " ثان", fr=terms.title.fr + " bis")})
    text = with_words(drawn(longer), "staff", f"{longer.title.fr} {longer.title.ar}")
    assert outdated(text, facts(longer), [facts(terms)]) == []


def test_a_clause_of_a_party_that_left_is_looked_at_and_stays() -> None:
    terms = regional()
    funder = party(new_id(), "funder")
    before = terms.model_copy(update={"parties": (*terms.parties, funder)})
    names = {**facts(before).names, funder.organisation_id: Bilingual(ar="ممول (وهمي)", fr="Bailleur (fictif)")}
    found = outdated(draft_text(before, names), Facts(terms, names), [Facts(before, names)])
    assert "duties-funder" in keys(found, redrawn=False)


async def revised(as_: Any, agreement_id: str, etag: str, terms: Terms) -> Any:
    """The answer to other terms."""
    body = {
        name: value for name, value in body_of(terms).items() if name not in ("agreement_kind", "academy", "clauses")
    }
    return await as_(officer()).put(f"/agreements/{agreement_id}/terms", body, If_Match=etag)


async def test_other_terms_are_answered_with_what_the_text_still_says(as_: Any, database: Database) -> None:
    terms = regional()
    await know(database, terms)
    desk = as_(officer())
    made = await desk.post("/agreements", body_of(terms) | {"clauses": []})
    assert made.json()["outdated_clauses"] == [] and "redraw_clauses" not in made.json()["available_actions"]
    other = await revised(as_, made.json()["id"], made.headers["ETag"], seats(terms, 77))
    assert other.status_code == 200, other.text
    told = other.json()
    assert [(each["key"], each["redrawn"]) for each in told["outdated_clauses"]] == [("learners", True)]
    assert "redraw_clauses" in told["available_actions"] and told["text_hash"] != made.json()["text_hash"]
    at = f"/agreements/{told['id']}"
    partner = (await as_(signer(operator_of(await read(database, told["id"])))).get(at)).json()
    assert partner["outdated_clauses"] == told["outdated_clauses"], "whoever reads it is told"
    again = await desk.post(f"{at}/redrawing", If_Match=other.headers["ETag"])
    assert (again.status_code, again.json()["outdated_clauses"]) == (200, [])
    assert "redraw_clauses" not in again.json()["available_actions"]
    text = {each["key"]: each["body"] for each in (await desk.get(f"{at}/text")).json()["clauses"]}
    assert "97" in text["learners"]["fr"] and "97" in text["learners"]["ar"]
    refused = await desk.post(f"{at}/redrawing", If_Match=again.headers["ETag"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/nothing-to-redraw")


async def test_only_clauses_that_nobody_has_edited_are_drawn_anew(database: Database) -> None:
    terms = regional()
    agreement = await commands.draft_agreement(database, terms, by=officer())
    text = (await queries.text(database, agreement.id, as_of=None, by=LEGAL))[1]
    mine = with_words(text, "duration", "Du 2 septembre 2024 au 31 août 2027")
    await commands.revise_text(database, agreement.id, mine, by=officer())
    other = seats(terms, 77).model_copy(update={"effective_until": LATER})
    agreement = await commands.revise_terms(database, agreement.id, other, by=officer())
    assert keys(agreement.outdated_clauses, redrawn=True) == {"learners"}
    assert keys(agreement.outdated_clauses, redrawn=False) == {"duration"}
    agreement = await commands.redraw_clauses(database, agreement.id, by=officer())
    assert keys(agreement.outdated_clauses, redrawn=False) == {"duration"} and not agreement.to_redraw
    after = (await queries.text(database, agreement.id, as_of=None, by=LEGAL))[1]
    assert [each.key for each in after if each not in mine] == ["learners"]


async def negotiated(database: Database) -> Agreement:
    """In negotiation, with seats that its text does not say."""
    terms = regional()
    await know(database, terms)
    agreement = await commands.draft_agreement(database, terms, by=officer())
    await commands.open_negotiation(database, agreement.id, by=officer())
    return await commands.revise_terms(database, agreement.id, seats(terms, 77), by=officer())


async def test_a_text_of_other_terms_is_neither_accepted_nor_reviewed(database: Database) -> None:
    agreement = await negotiated(database)
    accepting: dict[str, Any] = {"party_id": agreement.keeper.party_id, "by": officer()}
    with pytest.raises(TextOutdated) as refused:
        await commands.accept_text(database, agreement.id, text_hash=agreement.text_hash or "", **accepting)
    assert refused.value.values["clauses"] == ["learners"]
    with pytest.raises(TextOutdated):
        await commands.submit_for_review(database, agreement.id, by=officer())
    agreement = await commands.redraw_clauses(database, agreement.id, by=officer())
    await commands.accept_text(database, agreement.id, text_hash=agreement.text_hash or "", **accepting)
    with pytest.raises(NothingToRedraw):
        await commands.redraw_clauses(database, agreement.id, by=officer())


async def test_who_holds_the_text_draws_it_anew(as_: Any, database: Database) -> None:
    agreement = await negotiated(database)
    partner = as_(signer(operator_of(agreement)))
    refused = await partner.post(f"/agreements/{agreement.id}/redrawing", If_Match=f'"{agreement.version}"')
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-your-turn")
    operator = next(each.party_id for each in agreement.parties if "operator" in each.roles)
    agreement = await commands.pass_turn(database, agreement.id, party_id=operator, by=officer())
    done = await partner.post(f"/agreements/{agreement.id}/redrawing", If_Match=f'"{agreement.version}"')
    assert done.status_code == 200, done.text


async def more_seats(database: Database, of: AmendmentType = "seats") -> Amendment:
    """An amendment of the seats of an agreement in force whose text is its kind's."""
    agreement = await bound(database, running(), text=())
    amendment = await propose(database, agreement, of)
    centers = tuple(each.model_copy(update={"funded_seats": 77}) for each in agreement.centers)
    return await revise(database, amendment, centers=centers)


async def test_an_amendment_tells_what_its_branch_still_says(as_: Any, database: Database) -> None:
    amendment = await more_seats(database)
    assert keys(amendment.outdated_clauses, redrawn=True) == DRAWN_FROM_SEATS
    at, desk = f"/amendments/{amendment.id}", as_(officer())
    told = (await desk.get(at)).json()
    assert [each["key"] for each in told["outdated_clauses"]] == ["learners"]
    assert "redraw_amendment" in told["available_actions"]
    done = await desk.post(f"{at}/redrawing", If_Match=f'"{amendment.version}"')
    assert (done.status_code, done.json()["outdated_clauses"]) == (200, [])
    changed = {(each["part"], each["key"]) for each in (await desk.get(f"{at}/changes")).json()["items"]}
    assert ("clause", "learners") in changed and len([part for part, _ in changed if part == "clause"]) == 1


async def test_an_amendment_that_leaves_its_text_behind_says_so_to_its_approvers(as_: Any, database: Database) -> None:
    amendment = await more_seats(database)
    submitted = await as_(officer()).post(f"/amendments/{amendment.id}/review", If_Match=f'"{amendment.version}"')
    assert submitted.status_code == 200, submitted.text
    assert [each["key"] for each in submitted.json()["outdated_clauses"]] == ["learners"]
    seen = await as_(LEGAL).get(f"/amendments/{amendment.id}")
    assert [each["key"] for each in seen.json()["outdated_clauses"]] == ["learners"]
    approved = await as_(LEGAL).post(f"/amendments/{amendment.id}/approval", If_Match=seen.headers["ETag"])
    assert [each["key"] for each in approved.json()["outdated_clauses"]] == ["learners"]


async def test_a_later_amendment_draws_anew_what_an_earlier_one_left(database: Database) -> None:
    amendment = await carry(database, await more_seats(database))
    agreement = await read(database, amendment.agreement_id)
    assert sum(each.funded_seats for each in agreement.centers) == 77
    later = await propose(database, agreement, "correction")
    await commands.redraw_amendment(database, later.id, by=officer())
    _, found = await queries.amendment_changes(database, later.id, by=LEGAL)
    assert [(each.part, each.key) for each in found] == [("clause", "learners")]
    assert "97" in found[0].after.body.fr


async def test_an_amendment_of_a_type_that_changes_no_clause_draws_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    amendment = await more_seats(database)
    monkeypatch.setattr(Amendment, "reach", ("center", "obligation"))
    with pytest.raises(BeyondItsType):
        await commands.redraw_amendment(database, amendment.id, by=officer())


async def test_a_text_that_somebody_brought_is_never_drawn_anew(database: Database) -> None:
    terms = regional()
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(words=" 60 places"), by=officer())
    agreement = await commands.revise_terms(database, agreement.id, seats(terms, 77), by=officer())
    assert keys(agreement.outdated_clauses, redrawn=False) == {"article-1", "article-2"}
    with pytest.raises(NothingToRedraw):
        await commands.redraw_clauses(database, agreement.id, by=officer())
