"""What no paper can show is refused where it is put, and again before it is frozen, with its place and its signs."""

from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.errors.papers import NotLegible
from services.agreements.legible import require_legible_branch
from services.agreements.tables import AGREEMENTS, AMENDMENTS, OrganisationRow
from services.agreements.tests.branches import branch_of, propose, read, reword, reworded
from services.agreements.tests.builders import NAME, bound, clauses, current, officer
from services.agreements.tests.builders.agreements import approver
from services.agreements.tests.builders.database import accept_for_all, reviewed
from services.agreements.tests.builders.terms import body_of
from services.agreements.text import Prose, put_clauses, put_content, table_of
from shared.actor import NATIONAL
from shared.database import Database
from shared.language import LANGUAGES

NEVER = "➀"
"""A sign that no font of ours has."""
TURNED = "\u202e521\u202c"
ENDLESS = " " + "." * 1_001


def told(refused: pytest.ExceptionInfo[NotLegible]) -> list[str]:
    """The places with their signs, in French; they are said in every language."""
    where = refused.value.values["where"]
    assert all({*each} == {*LANGUAGES} for each in where)
    return [each["fr"] for each in where]


async def negotiated(database: Database) -> Agreement:
    """A draft in the hands of its parties."""
    agreement = await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
    return await commands.open_negotiation(database, agreement.id, by=officer())


async def test_a_clause_that_no_paper_can_show_is_refused_by_its_name_and_the_sign(database: Database) -> None:
    agreement = await negotiated(database)
    with pytest.raises(NotLegible) as refused:
        await commands.revise_text(database, agreement.id, clauses(words=f" {NEVER}"), by=officer())
    assert told(refused) == [f"la clause « Article {number} » ({NEVER} U+2780)" for number in (1, 2)]
    assert (await read(database, agreement.id)).version == agreement.version


@pytest.mark.parametrize(
    ("ar", "fr", "said"),
    [
        ("." * 1_001, "Exemple", "..........… 1001"),
        ("مثال", "W" * 1_001, "WWWWWWWWWW… 1001"),
        ("من 60 \u200e- 20", "Exemple", "U+200E"),
        ("\u2067521 100\u2069 درهم", "Exemple", "U+2067, U+2069"),
        (" ", "Exemple", "U+0020"),
        ("مثال", "\n\u00a0", "U+000A, U+00A0"),
        ("مثال", "de \u200f60 - 20\u200f places", "U+200F"),
    ],
)
async def test_what_the_paper_would_show_otherwise_than_it_is_written_is_refused(
    database: Database, ar: str, fr: str, said: str
) -> None:
    agreement = await negotiated(database)
    text = [each.model_copy(update={"body": Prose(ar=ar, fr=fr)}) for each in clauses(1)]
    with pytest.raises(NotLegible) as refused:
        await commands.revise_text(database, agreement.id, text, by=officer())
    assert told(refused) == [f"la clause « Article 1 » ({said})"]


@pytest.mark.parametrize("ar", ["." * 1_000, "C++\u200e لغة", "\u2066+212-522-33\u2069", "من 60 - 20"])
async def test_what_the_paper_shows_as_it_is_written_is_taken(database: Database, ar: str) -> None:
    agreement = await negotiated(database)
    text = [each.model_copy(update={"body": Prose(ar=ar, fr="de 60 - 20 places")}) for each in clauses(1)]
    await commands.revise_text(database, agreement.id, text, by=officer())


@pytest.mark.parametrize("part", ["title", "center", "obligation", "budget_line"])
async def test_terms_that_no_paper_can_show_are_refused_at_the_draft_and_later(
    as_: Any, database: Database, part: str
) -> None:
    agreement = await negotiated(database)
    body = body_of(current())
    text = {"ar": "مثال", "fr": f"Exemple {NEVER}"}
    payer = body["parties"][0]["organisation_id"]
    match part:
        case "title":
            body |= {"title": text}
        case "center":
            body["centers"][0] |= {"name_ar": text["ar"], "name_fr": text["fr"]}
        case "obligation":
            body |= {"obligations": [{"debtor_id": payer, "what": text, "due_days": 1}]}
        case _:
            money = {"amount": {"amount": "10.00", "currency": "MAD"}, "kind": "cash", "budget_year": 2026}
            body |= {"budget": [{"payer_id": payer, "heading": text} | money]}
    client = as_(officer())
    for path, method in (("/agreements", "POST"), (f"/agreements/{agreement.id}/terms", "PUT")):
        left_out = () if method == "POST" else ("agreement_kind", "academy", "clauses")
        sent = {name: value for name, value in body.items() if name not in left_out}
        answered = await client.http.request(
            method,
            f"/api/v1{path}",
            json=sent,
            headers=client.headers | {"If-Match": f'"{agreement.version}"', "Accept-Language": "fr"},
        )
        assert (answered.status_code, answered.json()["type"]) == (409, "/problems/not-legible"), answered.text
        assert "U+2780" in answered.json()["detail"]


@pytest.mark.parametrize("words", [NEVER, TURNED, ENDLESS])
async def test_what_was_put_before_this_was_asked_is_not_handed_to_review(database: Database, words: str) -> None:
    agreement = await negotiated(database)
    async with database.transaction(NATIONAL) as tx:
        table = await put_clauses(tx, clauses(1, words=words))
        events = agreement.revise(await put_content(tx, agreement.content(table)), by=officer().person)
        agreement = await AGREEMENTS.record(tx, agreement, events, by=officer())
    await accept_for_all(database, agreement)
    with pytest.raises(NotLegible) as refused:
        await commands.submit_for_review(database, agreement.id, by=officer())
    signs = {NEVER: f"{NEVER} U+2780", TURNED: "U+202C, U+202E"}.get(words, "..........… 1001")
    assert told(refused) == [f"la clause « Article 1 » ({signs})"]


async def test_a_partys_name_that_no_paper_can_show_is_refused_before_it_is_frozen(database: Database) -> None:
    agreement = await reviewed(database)
    party = agreement.parties[1].organisation_id
    async with database.transaction(NATIONAL) as tx:
        row = await tx.get(OrganisationRow, party)
        assert row
        row.name_fr = f"Association {NEVER} (fictif)"
    assert agreement.nearly_frozen
    with pytest.raises(NotLegible) as refused:
        await commands.approve_agreement(database, agreement.id, by=approver(agreement))
    assert told(refused) == [f"la partie « Association {NEVER} (fictif) » ({NEVER} U+2780)"]
    assert (await read(database, agreement.id)).reference is None


async def test_an_amendment_changes_nothing_into_what_no_paper_can_show(database: Database) -> None:
    amendment = await propose(database, await bound(database))
    with pytest.raises(NotLegible) as refused:
        await reword(database, amendment, "article-1", NEVER)
    assert told(refused) == [f"la clause « Article 1 » ({NEVER} U+2780)"]
    text = await reworded(database, amendment, "article-1", NEVER)
    async with database.transaction(NATIONAL) as tx:
        await put_clauses(tx, text)
        branch = (await branch_of(database, amendment)).model_copy(update={"clauses": table_of(text)})
        known: dict[str, Any] = {"parties": amendment.parties, "names": amendment.names, "codes": amendment.codes}
        events = amendment.revise(await put_content(tx, branch), **known, by=officer().person)
        await AMENDMENTS.record(tx, amendment, events, by=officer())
    with pytest.raises(NotLegible):
        await commands.submit_amendment(database, amendment.id, by=officer())


async def test_an_amendment_leaves_alone_what_was_agreed_before(database: Database) -> None:
    amendment = await propose(database, await bound(database))
    title = Bilingual(ar="اتفاقية (وهمي)", fr=f"Convention {NEVER} (fictif)")
    base = (await branch_of(database, amendment)).model_copy(update={"title": title})
    async with database.transaction(NATIONAL) as tx:
        await require_legible_branch(tx, base, base.model_copy(update={"school_year": "2030/2031"}), amendment.names)
        with pytest.raises(NotLegible):
            await require_legible_branch(tx, base.model_copy(update={"title": NAME}), base, amendment.names)
