"""Amendments over HTTP: content that is read, changed and put back; conflicts with both sides; papers that follow."""

from typing import Any

import pytest
from httpx import AsyncClient

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.tests.branches import agree, budget_line, carry, propose, read, reread, reword, sign_for
from services.agreements.tests.builders import LEGAL, NAME, bound, current, director, officer, owing
from services.agreements.tests.reading import text_of
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.web import etag


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force, with obligations and a budget."""
    terms = current(effective_from=today())
    opening, visa = (
        {"fulfilled_by": what, "center_id": terms.centers[0].center_id}
        for what in ("center_opened", "center_visa_granted")
    )
    terms = owing(terms, opening, {"creditor": None, **visa})
    return await bound(database, terms.model_copy(update={"budget": (budget_line(terms.parties[0].party_id),)}))


@pytest.fixture
async def proposed(database: Database, agreement: Agreement) -> Amendment:
    """An amendment that changes nothing yet."""
    return await propose(database, agreement)


async def put(client: Any, amendment: Amendment, content: Any) -> Any:
    """Put the content back."""
    headers = client.headers | {"If-Match": etag(amendment.version)}
    return await client.http.put(f"/api/v1/amendments/{amendment.id}/content", json=content, headers=headers)


async def test_what_is_put_back_as_it_was_read_changes_nothing(as_: Any, proposed: Amendment) -> None:
    client = as_(officer())
    content = (await client.get(f"/amendments/{proposed.id}/content")).json()
    answered = await put(client, proposed, content)
    assert (answered.status_code, answered.json()["version"]) == (200, proposed.version)
    assert (await client.get(f"/amendments/{proposed.id}/changes")).json()["items"] == []


async def test_what_is_there_keeps_its_id_and_what_is_new_is_given_one(as_: Any, proposed: Amendment) -> None:
    client = as_(officer())
    content = (await client.get(f"/amendments/{proposed.id}/content")).json()
    changed, kept = content["obligations"]
    new = {name: value for name, value in kept.items() if name != "obligation_id"}
    content["obligations"] = [changed | {"due_days": 45}, kept, new]
    assert (await put(client, proposed, content)).status_code == 200
    changes = (await client.get(f"/amendments/{proposed.id}/changes")).json()["items"]
    known, added = changes
    assert (known["part"], known["key"], known["before"] is None) == ("obligation", changed["obligation_id"], False)
    assert (added["part"], added["before"]) == ("obligation", None)
    assert added["key"] not in (changed["obligation_id"], kept["obligation_id"])


@pytest.mark.parametrize("part", ["centers", "obligations", "budget"])
async def test_an_id_that_nobody_gave_is_refused(as_: Any, proposed: Amendment, part: str) -> None:
    client = as_(officer())
    content = (await client.get(f"/amendments/{proposed.id}/content")).json()
    named = {"centers": "center_id", "obligations": "obligation_id", "budget": "line_id"}[part]
    content[part][0][named] = str(new_id())
    answered = await put(client, proposed, content)
    assert (answered.status_code, answered.json()["type"]) == (422, "/problems/part-unknown")


async def test_one_part_does_not_come_twice(as_: Any, proposed: Amendment) -> None:
    client = as_(officer())
    content = (await client.get(f"/amendments/{proposed.id}/content")).json()
    content["budget"] *= 2
    assert (await put(client, proposed, content)).status_code == 422


async def test_conflicts_are_a_problem_that_names_both_sides(
    as_: Any, database: Database, agreement: Agreement
) -> None:
    behind = await reword(database, await propose(database, agreement), "article-1", "Deux")
    await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    behind = await reread(database, behind)
    client = as_(officer())
    asked = {"If_Match": etag(behind.version), "Accept_Language": "ar"}
    refused = await client.post(f"/amendments/{behind.id}/rebase", {}, **asked)
    told = refused.json()
    assert (refused.status_code, told["type"]) == (409, "/problems/rebase-conflicts")
    assert told["title"] == "غيرت الاتفاقية والملحق الأجزاء نفسها" and "البند 1" in told["detail"]
    (conflict,) = told["conflicts"]
    listed = (await client.get(f"/amendments/{behind.id}/conflicts")).json()["items"]
    assert listed == [conflict]
    assert [conflict[side]["body"]["ar"] for side in ("current", "branch")] == ["Un (وهمي).", "Deux (وهمي)."]


async def test_what_can_be_done_is_offered_and_what_cannot_is_explained(as_: Any, proposed: Amendment) -> None:
    told = (await as_(officer()).get(f"/amendments/{proposed.id}")).json()
    assert told["available_actions"] == ["revise_amendment", "withdraw_amendment"]
    why = {each["action"]: each["type"] for each in told["unavailable_actions"]}
    assert why["submit_amendment"] == "/problems/nothing-amended"
    assert why["rebase_amendment"] == "/problems/not-allowed-now"


async def test_an_agreement_says_what_it_is_made_of(as_: Any, database: Database, agreement: Agreement) -> None:
    amendment = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    client = as_(director())
    told = (await client.get(f"/agreements/{agreement.id}")).json()
    assert [(each["number"], each["amended_on"]) for each in told["amendments"]] == [(1, today().isoformat())]
    listed = (await client.get(f"/agreements/{agreement.id}/amendments")).json()["items"]
    assert [each["reference"] for each in listed] == [f"{agreement.reference}/A1"]
    history = (await client.get(f"/amendments/{amendment.id}/history")).json()["items"]
    assert history[-1]["type"] == "ma.mithaq.amendment.applied.v1"


async def test_the_paper_of_an_amended_agreement_names_its_amendments_and_the_one_before_is_outdated(
    as_: Any, http: AsyncClient, database: Database, agreement: Agreement
) -> None:
    client = as_(LEGAL)
    before = (await client.get(f"/agreements/{agreement.id}/document", language="fr")).content
    assert "Avenant" not in text_of(before).replace("Avenants", "")
    amendment = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    for party_id in amendment.touched:
        amendment = await sign_for(database, amendment, party_id)
    after = (await client.get(f"/agreements/{agreement.id}/document", language="fr")).content
    printed = " ".join(text_of(after).split())
    assert "Avenant n° 1 (portée)" in printed and NAME.fr in printed and "Un (fictif)." in printed
    amended = await read(database, agreement.id)
    headers = {"Accept-Language": "fr"}
    page = f"/v/{agreement.id}?h={(amended.content_hash or '')[:16]}"
    for paper, said in ((before, "mais dépassé"), (after, "a pas changé depuis")):
        answered = await http.post(page, files={"file": ("x.pdf", paper)}, headers=headers)
        assert "Modifiée en dernier lieu le" in answered.text and said in answered.text
