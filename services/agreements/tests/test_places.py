"""Places in a content are named to people by what they read there, never by the words of the data."""

from typing import Any

import pytest

from services.agreements.content import Annex
from services.agreements.merge import COLLECTIONS, TERMS, Conflict
from services.agreements.places import conflict_named, frozen_named
from services.agreements.tests.branches import budget_line, carry, propose, reread, revise, reword
from services.agreements.tests.builders import NAME, bound, clauses, current, drafted, officer, owing, regional
from services.agreements.text import table_of
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.language import LANGUAGES

TABLE = table_of(clauses())


def conflicts() -> list[Conflict]:
    """A conflict in every part that an agreement has, and in every order."""
    terms = owing(regional(), {})
    terms = terms.model_copy(update={"budget": (budget_line(terms.parties[0].party_id),)})
    annex = Annex(document_id=new_id(), name="exemple.pdf", hash="ab" * 32, media_type="application/pdf")
    content = drafted(terms).content(TABLE).model_copy(update={"annexes": (annex,)})
    found = [("term", name, getattr(content, name)) for name in TERMS]
    for part, (field, id) in COLLECTIONS.items():
        found += [(part, str(getattr(each, id)), each) for each in getattr(content, field)]
        found.append(("order", field, ["a", "b"]))
    sides = {"current": None, "branch": None}
    return [Conflict.model_validate({"part": part, "key": key, "base": each, **sides}) for part, key, each in found]


@pytest.mark.parametrize("conflict", conflicts(), ids=lambda each: each.part)
def test_every_part_of_a_content_has_its_name_in_each_language(conflict: Conflict) -> None:
    named = conflict_named(conflict, {each: NAME for each in [getattr(conflict.base, "organisation_id", None)] if each})
    assert set(named) == set(LANGUAGES) and len(set(named.values())) == len(LANGUAGES)
    assert conflict.part not in named["ar"] and conflict.key not in named["ar"]
    for words in named.values():
        assert "…" not in words and f"{conflict.part} {conflict.key}" not in words


@pytest.mark.parametrize(
    "place", ["article-1/ar", "article-1/fr", "table", "terms", "annexes", "kind", "framework", "number", "names"]
)
def test_every_place_of_a_frozen_text_has_its_name_in_each_language(place: str) -> None:
    named = frozen_named(place, TABLE)
    assert set(named) == set(LANGUAGES) and ("/" in place) == ("Article 1" in named["fr"])
    assert place not in named["ar"] and not any("…" in words or "/" in words for words in named.values())


async def test_a_conflict_is_told_by_the_titles_of_what_clashes(as_: Any, database: Database) -> None:
    agreement = await bound(database, current(effective_from=today()))
    until = agreement.effective_until
    one = await reword(database, await propose(database, agreement), "article-1", "Un")
    one = await revise(database, one, effective_until=until.replace(day=1))
    other = await reword(database, await propose(database, agreement), "article-1", "Deux")
    other = await revise(database, other, effective_until=until.replace(day=2))
    await carry(database, one)
    other = await reread(database, other)
    client = as_(officer())
    for language, title, last in (("fr", "Article 1", "la date de fin"), ("ar", "البند 1", "تاريخ نهاية السريان")):
        told = await client.http.post(
            f"/api/v1/amendments/{other.id}/rebase",
            json={"resolved": []},
            headers=client.headers | {"Accept-Language": language, "If-Match": f'"{other.version}"'},
        )
        assert told.status_code == 409
        assert title in told.json()["detail"] and last in told.json()["detail"]
        assert sorted(told.json()["places"]) == ["clause article-1", "term effective_until"]
