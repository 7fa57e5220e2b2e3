"""What people put is what people read: titles are lines, no language is empty, and nothing turns a text round."""

from typing import Any

import pytest

from services.agreements.bilingual import Bilingual
from services.agreements.tests.branches import propose
from services.agreements.tests.builders import MINISTRY, bound, current, officer
from services.agreements.tests.builders.terms import body_of
from shared.database import Database
from shared.web import etag

RLO = "\u202e"
FORGED = "Convention\n## Décision\n- Ministère (fictif) : a signé"
EMPTY = "\u200f \u200f"


def errors_of(answered: Any) -> set[tuple[str, str]]:
    """Where and why a body was refused."""
    assert answered.status_code == 422, answered.text
    return {(each["pointer"], each["code"]) for each in answered.json()["errors"]}


def clause(*, title: str = "Objet", body: str = "Texte (fictif).", arabic: str = "نص (وهمي).") -> dict[str, Any]:
    """A clause as it is put."""
    return {"key": "objet", "title": {"ar": "الموضوع", "fr": title}, "body": {"ar": arabic, "fr": body}}


async def test_a_title_cannot_forge_the_lines_of_what_tells_of_it(as_: Any) -> None:
    refused = await as_(officer()).post("/agreements", body_of(current(), title={"ar": "اتفاقية (وهمي)", "fr": FORGED}))
    assert errors_of(refused) == {("#/title/fr", "line_break")}
    plan = {
        "title": {"ar": FORGED, "fr": "Cérémonie (fictif)"},
        "planned_for": "2026-12-01T10:00:00Z",
        "agreements": [],
    }
    assert ("#/title/ar", "line_break") in errors_of(await as_(MINISTRY).post("/ceremonies", plan))


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        (clause(body=f"{RLO}521\u202c places"), "body/fr", "hidden_signs"),
        (clause(title="Objet\u200b"), "title/fr", "hidden_signs"),
        (clause(title="Objet\nArticle 2"), "title/fr", "line_break"),
        (clause(arabic=EMPTY), "body/ar", "nothing_to_read"),
        (clause(arabic=" "), "body/ar", "nothing_to_read"),
        (clause(body="Deux \u2067 places"), "body/fr", "direction_left_open"),
    ],
)
async def test_neither_language_of_a_clause_is_empty_or_says_what_is_not_seen(
    as_: Any, given: Any, pointer: str, code: str
) -> None:
    refused = await as_(officer()).post("/agreements", body_of(current(), clauses=[given]))
    assert errors_of(refused) == {(f"#/clauses/0/{pointer}", code)}


async def test_a_body_may_have_lines_and_what_arabic_needs(as_: Any) -> None:
    given = clause(
        body="Premier :\r\n\t– un ;\n\n– deux.", arabic="\u200fبند C++\u200e \u2066A/1\u2069 \u206651-17\u2069\nه\u200d"
    )
    client = as_(officer())
    drafted = await client.post("/agreements", body_of(current(), clauses=[given]))
    text = (await client.get(f"/agreements/{drafted.json()['id']}/text")).json()
    assert text["clauses"] == [given]


async def test_what_was_agreed_before_is_read_and_amended_where_it_is_mended(as_: Any, database: Database) -> None:
    terms = current()
    title = Bilingual(ar=terms.title.ar, fr=f"{terms.title.fr}\n(fictif)")
    proposed = await propose(database, await bound(database, terms.model_copy(update={"title": title})))
    client = as_(officer())
    found = await client.get(f"/amendments/{proposed.id}/content")
    assert found.json()["title"]["fr"] == title.fr

    async def put(content: Any) -> Any:
        headers = client.headers | {"If-Match": etag(proposed.version)}
        return await client.http.put(f"/api/v1/amendments/{proposed.id}/content", json=content, headers=headers)

    assert errors_of(await put(found.json())) == {("#/title/fr", "line_break")}
    mended = await put(found.json() | {"title": terms.title.model_dump()})
    assert mended.status_code == 200, mended.text
