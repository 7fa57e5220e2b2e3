"""Searches: every filter and order, within one's jurisdiction, by an index, a page at a time or as a file."""

import csv
import io
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any, cast
from uuid import UUID

import pytest
from fastapi import FastAPI, Request
from httpx import AsyncClient
from openpyxl import load_workbook  # type: ignore[import-untyped]
from sqlalchemy import event, text

from services.agreements import commands, queries, words
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.commands import searches
from services.agreements.queries import lists as lists_as_files
from services.agreements.queries import searches as search_queries
from services.agreements.schemas.searches import Search, Sort
from services.agreements.tables import AGREEMENTS
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    network_terms,
    officer,
    president,
    regional,
    reviewed,
)
from shared.actor import NATIONAL, Actor
from shared.database import Database
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.store import put_text
from shared.web import PageRequest
from shared.web.paging import decode_cursor
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import WHOLE, client_of

SORTS: tuple[Sort, ...] = Sort.__args__  # type: ignore[attr-defined]
AMAL, NOUR = new_id(), new_id()
"""Two associations."""


async def drafted(
    database: Database, terms: Terms | None = None, *, operator: str = "Amal", **changes: Any
) -> Agreement:
    """A draft whose operator has a name."""
    terms = terms or regional(operator=AMAL)
    terms = terms.model_copy(update=changes)
    id = new_id()
    names = {
        each.organisation_id: Bilingual(ar="جمعية الأمل (وهمية)", fr=f"Association {operator} (fictive)")
        for each in terms.parties[1:2]
    }
    events = Agreement.draft(id, terms, names=names, by=MINISTRY.person)
    async with database.transaction(NATIONAL) as tx:
        return await AGREEMENTS.record(tx, Agreement(id=id), events, by=MINISTRY)


@pytest.fixture
def lists(app: FastAPI, issuer: Issuer) -> Callable[..., Awaitable[list[str]]]:
    """`await lists(by, q=…)`: the ids that somebody finds, page after page of two."""

    async def ids(by: Actor, *, limit: int = 2, **wanted: Any) -> list[str]:
        found: list[str] = []
        async with client_of(app, issuer.token(by)) as client:
            answered = await client.get("/api/v1/agreements", params={"limit": limit, **wanted})
            while True:
                assert answered.status_code == 200, answered.text
                found += [each["id"] for each in answered.json()["items"]]
                if "next" not in answered.links:
                    return found
                answered = await client.get(answered.links["next"]["url"])

    return ids


Lists = Callable[..., Awaitable[list[str]]]
WAYS = {
    "led to": {},
    "asked": {"FEW": 0},
    "followed": {"FEW": 0, "ASKED": 1},
    "asked after all": {"FEW": 0, "ASKED": 1, "MANY": 0},
}
"""The ways in which words are looked for, by the bounds that make a small register take each."""


@pytest.fixture(params=WAYS)
def every_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have words looked for in each of the ways in turn."""
    for bound, value in WAYS[request.param].items():
        monkeypatch.setattr(search_queries, bound, value)


async def test_filters_are_conditions_that_all_hold(database: Database, lists: Lists) -> None:
    casa = await drafted(database)
    rabat = await drafted(database, regional("MA-04", operator=NOUR))
    network = await drafted(database, network_terms())
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.load(tx, rabat.id)
        await AGREEMENTS.record(tx, found, found.cancel(reason="(fictif)", today=found.effective_from), by=MINISTRY)
    one, two, three = str(casa.id), str(rabat.id), str(network.id)
    assert await lists(MINISTRY) == [one, two, three]
    assert await lists(MINISTRY, state="cancelled") == [two]
    assert await lists(MINISTRY, state=["cancelled", "draft"]) == [one, two, three]
    assert await lists(MINISTRY, agreement_kind="ministry-network") == [three]
    assert await lists(MINISTRY, agreement_type=["regional"]) == [one, two]
    assert await lists(MINISTRY, academy=["MA-04", "MA-06"], state="draft") == [one]
    assert await lists(MINISTRY, party=str(NOUR)) == [two]
    assert await lists(MINISTRY, party=str(new_id())) == []


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"in_effect_from": "2027-08-31"}, True),
        ({"in_effect_from": "2027-09-01"}, False),
        ({"in_effect_until": "2024-09-02"}, True),
        ({"in_effect_until": "2024-09-01"}, False),
        ({"in_effect_from": "2025-01-01", "in_effect_until": "2025-01-31"}, True),
    ],
)
async def test_a_term_is_found_by_any_day_it_has_in_common(
    database: Database, lists: Lists, window: dict[str, str], found: bool
) -> None:
    agreement = await drafted(database)
    assert await lists(MINISTRY, **window) == ([str(agreement.id)] if found else [])


@pytest.mark.usefixtures("every_way")
async def test_words_are_found_in_both_languages_by_their_beginnings(database: Database, lists: Lists) -> None:
    title = Bilingual(ar="اتفاقية الشراكة بالدار البيضاء (وهمي)", fr="Convention d'Éducation à Casablanca (fictif)")
    here, other = await drafted(database, title=title), await drafted(database, operator="Nour")
    for q in ("education", "casa", "بيضاء", "الدار", "amal casablanca", "جمعيه الامل casa", "d'éduc"):
        assert await lists(MINISTRY, q=q) == [str(here.id)], q
    assert await lists(MINISTRY, q="association") == [str(here.id), str(other.id)]
    assert await lists(MINISTRY, q="casa nour") == []
    for signs in ("%", "%_*", "«»"):
        assert await lists(MINISTRY, q=signs) == [], "signs are no words, and stand for none"
        assert await lists(MINISTRY, q=f"{signs} association") == [str(here.id), str(other.id)]
    assert await lists(MINISTRY, q=" ") == [str(here.id), str(other.id)], "nothing is looked for"


async def test_a_page_ends_where_so_many_were_asked_in_vain_and_the_next_one_goes_on(
    client: AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, value in {"FEW": 0, "ASKED": 3, "MANY": 0}.items():
        monkeypatch.setattr(search_queries, bound, value)
    made = [await drafted(database, operator="Nour" if number in (4, 6) else "Amal") for number in range(8)]
    here = [str(each.id) for number, each in enumerate(made) if number in (4, 6)]
    for order in ("drafted_at", "-drafted_at", "updated_at", "-effective_from"):
        backwards = order.startswith("-")
        pages: list[list[str]] = []
        answered = await client.get("/api/v1/agreements", params={"q": "nour", "sort": order})
        while True:
            pages.append([each["id"] for each in answered.json()["items"]])
            if "next" not in answered.links:
                break
            answered = await client.get(answered.links["next"]["url"])
        # Eight agreements, three at a time.
        assert pages == ([[here[1]], [here[0]], []] if backwards else [[], [here[0]], [here[1]]])
    told = await client.get("/api/v1/agreements/export", params={"q": "nour"})
    assert len(told.text.splitlines()) == 1 + len(here), "a file is whole"


async def test_a_file_is_refused_by_name_if_too_many_would_be_asked_for_words_that_cannot_be_followed(
    app: FastAPI, database: Database, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, value in {"FEW": 1, "ASKED": 1, "MANY": 1, "ASKED_FOR_A_FILE": 2}.items():
        monkeypatch.setattr(search_queries, bound, value)
    for terms in (regional("MA-04"), regional("MA-04", operator=NOUR), regional("MA-06")):
        await drafted(database, terms, operator="Nour" if terms.academy == "MA-06" else "Amal")
    refused = await exported(app, issuer, q="association")
    is_problem(refused, 409, "words-too-frequent")
    assert refused.json()["most"] == 2
    for narrowed, rows in (({"academy": "MA-04"}, 2), ({"q": "association nour"}, 1), ({"academy": "MA-12"}, 0)):
        whole = await exported(app, issuer, **({"q": "association"} | narrowed))
        assert len(whole.text.splitlines()) == 1 + rows, narrowed


@pytest.mark.usefixtures("every_way")
async def test_a_word_is_looked_for_in_what_people_read_and_not_in_codes(database: Database, lists: Lists) -> None:
    here = await drafted(database, operator="Orge")
    await drafted(database, regional(operator=NOUR), operator="Nour")
    for q in ("or", "org", "o"):
        for by in (MINISTRY, officer(), president(AMAL)):
            assert await lists(by, q=q) == [str(here.id)], q
        assert await lists(president(NOUR), q=q) == []


async def test_a_filter_of_another_name_is_refused_and_not_passed_over(client: AsyncClient) -> None:
    for path in ("/api/v1/agreements", "/api/v1/agreements/export"):
        answered = await client.get(path, params={"status": "signed", "limits": 1, "state": "signed"})
        told = is_problem(answered, 422, "malformed")["errors"]
        assert [each["parameter"] for each in told] == ["status", "limits"]
        assert {"state", "agreement_kind", "in_effect_from", "q", "sort"} <= {*re.findall(r"\w+", told[0]["detail"])}


async def test_more_words_than_are_looked_for_are_refused_by_name(client: AsyncClient) -> None:
    most = " ".join(f"word{number}" for number in range(words.MOST_WORDS))
    assert (await client.get("/api/v1/agreements", params={"q": f"{most} word0"})).status_code == 200, "one comes twice"
    for path in ("/api/v1/agreements", "/api/v1/agreements/export"):
        refused = await client.get(path, params={"q": f"{most} encore"})
        assert (refused.status_code, refused.json()["most"]) == (422, words.MOST_WORDS)
        assert refused.json()["type"].endswith("too-many-words")
    assert (await save(client, "Trop (fictif)", q=f"{most} encore")).status_code == 422
    assert (await client.get("/api/v1/saved-searches")).json()["items"] == []


async def test_a_reference_is_found_from_its_freezing_on(database: Database, lists: Lists) -> None:
    agreement = await reviewed(database)
    assert await lists(MINISTRY, q="aref 06 0001") == []
    agreement = await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert agreement.reference
    for q in (agreement.reference, "aref 06 0001"):
        assert await lists(MINISTRY, q=q) == [str(agreement.id)]


@pytest.mark.usefixtures("every_way")
@pytest.mark.parametrize("sort", SORTS)
async def test_every_order_is_kept_over_pages_with_equal_values(database: Database, lists: Lists, sort: Sort) -> None:
    made = [await drafted(database, effective_from=date(2024, 9, 2 + number % 2)) for number in range(5)]
    found = await lists(MINISTRY, sort=sort)
    assert await lists(MINISTRY, sort=sort, q="convention") == found
    assert sorted(found) == sorted(str(each.id) for each in made)
    if "effective_from" in sort:
        by_value = sorted(made, key=lambda each: (each.effective_from, each.id), reverse=sort.startswith("-"))
        assert found == [str(each.id) for each in by_value]
    else:
        assert found == [str(each.id) for each in (reversed(made) if sort.startswith("-") else made)]


async def test_what_changed_last_comes_last(database: Database, lists: Lists) -> None:
    first, second = await drafted(database), await drafted(database)
    async with database.transaction(NATIONAL) as tx:
        found = await AGREEMENTS.load(tx, first.id)
        await AGREEMENTS.record(tx, found, found.revise(await put_text(tx, "[]"), by=MINISTRY.person), by=MINISTRY)
    assert await lists(MINISTRY, sort="updated_at") == [str(second.id), str(first.id)]


async def test_a_cursor_of_another_order_is_refused(app: FastAPI, database: Database, issuer: Issuer) -> None:
    for _ in range(3):
        await drafted(database)
    async with client_of(app, issuer.token(MINISTRY)) as client:
        url = "/api/v1/agreements?limit=1&sort="
        cursor = (await client.get(f"{url}updated_at")).json()["next"]
        for sort in ("drafted_at", "effective_from"):
            answered = await client.get(f"{url}{sort}&cursor={cursor}")
            assert (answered.status_code, answered.json()["type"]) == (422, "/problems/malformed")
        assert (await client.get(f"{url}title")).status_code == 422


@pytest.mark.usefixtures("every_way")
async def test_everybody_finds_what_is_theirs_to_see_and_nothing_else(
    app: FastAPI, database: Database, issuer: Issuer, lists: Lists
) -> None:
    casa, rabat = await drafted(database), await drafted(database, regional("MA-04", operator=NOUR))
    network = await drafted(database, network_terms())
    everybody: dict[str, tuple[Actor, list[UUID]]] = {
        "casa": (officer("MA-06"), [casa.id, network.id]),
        "rabat": (officer("MA-04"), [rabat.id, network.id]),
        "amal": (president(AMAL), [casa.id]),
        "nour": (president(NOUR), [rabat.id]),
        "stranger": (president(new_id()), []),
    }
    for by, seen in everybody.values():
        assert await lists(by) == [str(each) for each in seen]
        assert await lists(by, q="convention") == [str(each) for each in seen]
        assert await lists(by, q="convention", state="in_force") == []
        assert await lists(by, party=str(AMAL)) == ([str(casa.id)] if casa.id in seen else [])
        async with client_of(app, issuer.token(by)) as client:
            told = (await client.get("/api/v1/agreements/export")).content.decode("utf-8-sig")
        assert len(list(csv.reader(io.StringIO(told), delimiter=";"))) == 1 + len(seen)


async def test_terms_are_hidden_with_their_agreements(database: Database) -> None:
    await drafted(database)
    for by, sees in ((officer("MA-06"), True), (president(AMAL), True), (officer("MA-04"), False)):
        async with database.transaction(by.scope) as tx:
            assert bool((await tx.execute(text("select count(*) from agreement_term"))).scalar()) == sees


async def exported(app: FastAPI, issuer: Issuer, language: str = "fr", **wanted: str) -> Any:
    """The answer to an export by the ministry."""
    async with client_of(app, issuer.token(MINISTRY)) as client:
        return await client.get("/api/v1/agreements/export", params=wanted, headers={"Accept-Language": language})


async def test_a_list_is_had_as_csv_in_the_readers_language(app: FastAPI, database: Database, issuer: Issuer) -> None:
    await drafted(database)
    headers = set()
    for language in LANGUAGES:
        answered = await exported(app, issuer, language)
        assert answered.status_code == 200
        assert answered.headers["content-disposition"] == 'attachment; filename="agreements.csv"'
        assert answered.headers["content-language"] == language
        assert answered.content.startswith(b"\xef\xbb\xbf")
        header, row = csv.reader(io.StringIO(answered.content.decode("utf-8-sig")), delimiter=";")
        headers.add(tuple(header))
        assert row[1:3] == ["اتفاقية شراكة (وهمي)", "Convention de partenariat (fictif)"]
        assert row[8:10] == ["2024-09-02", "2027-08-31"]
    assert len(headers) == len(LANGUAGES)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1"])
async def test_a_text_is_never_a_formula(app: FastAPI, database: Database, issuer: Issuer, start: str) -> None:
    await drafted(database, title=Bilingual(ar="وهمي", fr=f"{start} (fictif)"))
    answered = await exported(app, issuer)
    _, row = csv.reader(io.StringIO(answered.content.decode("utf-8-sig")), delimiter=";")
    assert row[2] == f"'{start} (fictif)"
    book = load_workbook(io.BytesIO((await exported(app, issuer, format="xlsx")).content))
    cell = book.active["C2"]
    assert (cell.data_type, cell.value) == ("s", f"{start} (fictif)")


async def test_a_list_is_had_as_a_workbook_that_reads_from_the_right_in_arabic(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    await drafted(database)
    for language in LANGUAGES:
        answered = await exported(app, issuer, language, format="xlsx", sort="-effective_from")
        sheet = load_workbook(io.BytesIO(answered.content)).active
        assert bool(sheet.sheet_view.rightToLeft) == (language == "ar")
        assert sheet.freeze_panes == "A2"
        assert (sheet.max_row, sheet["I2"].value.date()) == (2, date(2024, 9, 2))


async def test_a_workbook_is_read_without_being_arranged_first(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    long = "Convention de partenariat " + "très " * 60 + "longue (fictif)"
    await drafted(database, title=Bilingual(ar="وهمي", fr=long))
    named = {"ar": "الاتفاقيات", "fr": "Conventions", "en": "Agreements"}
    for language in LANGUAGES:
        book = load_workbook(io.BytesIO((await exported(app, issuer, language, format="xlsx")).content))
        sheet = book.active
        assert (sheet.title, book.properties.title) == (named[language], named[language])
        assert sheet.auto_filter.ref == sheet.dimensions
        assert sheet["C2"].value == long and sheet["C2"].alignment.wrap_text
        widths = {letter: dimension.width for letter, dimension in sheet.column_dimensions.items()}
        assert widths["C"] == pytest.approx(60, abs=1), "as wide as what it holds, up to a line"
        assert widths["H"] < 25
        for letter in "ADH":
            for cell in sheet[letter]:
                assert len(cell.value or "") < widths[letter], (letter, cell.value, widths)


async def test_a_list_that_is_too_long_for_a_file_is_refused_whole(
    app: FastAPI, database: Database, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_as_files, "MOST", 1)
    await drafted(database)
    assert (await exported(app, issuer)).status_code == 200
    await drafted(database)
    answered = await exported(app, issuer)
    assert (answered.status_code, answered.json()["type"]) == (409, "/problems/list-too-long")
    assert (await exported(app, issuer, state="signed")).status_code == 200


async def save(client: AsyncClient, name: str, **search: Any) -> Any:
    """The answer to keeping a search."""
    headers = {"Idempotency-Key": str(new_id())}
    return await client.post("/api/v1/saved-searches", json={"name": name, "search": search}, headers=headers)


async def test_a_search_is_kept_and_read_back_by_its_person_only(
    app: FastAPI, client: AsyncClient, issuer: Issuer
) -> None:
    wanted = {"state": ["in_force", "suspended"], "sort": "-updated_at", "q": "casa"}
    saved = (await save(client, "Les miennes (fictif)", **wanted)).json()
    again = (await client.get(f"/api/v1/saved-searches/{saved['id']}")).json()
    assert again == saved and wanted.items() <= again["search"].items()
    async with client_of(app, issuer.token(officer())) as other:
        assert (await other.get(f"/api/v1/saved-searches/{saved['id']}")).status_code == 404
        assert (await other.delete(f"/api/v1/saved-searches/{saved['id']}")).status_code == 404
        assert (await other.get("/api/v1/saved-searches")).json()["items"] == []
    found = await client.get("/api/v1/agreements", params={k: v for k, v in again["search"].items() if v})
    assert found.status_code == 200
    assert (await client.delete(f"/api/v1/saved-searches/{saved['id']}")).status_code == 204
    assert (await client.get(f"/api/v1/saved-searches/{saved['id']}")).status_code == 404


async def test_a_search_for_what_no_text_has_is_not_kept(client: AsyncClient) -> None:
    is_problem(await save(client, "Une (fictif)", q="a\0b"), 422, "malformed")
    assert (await client.get("/api/v1/saved-searches")).json()["items"] == []


async def test_a_search_of_the_same_name_is_replaced(client: AsyncClient) -> None:
    first = (await save(client, "Une (fictif)", q="casa")).json()
    second = (await save(client, "Une (fictif)", q="rabat")).json()
    assert (second["id"], second["search"]["q"]) == (first["id"], "rabat")
    assert len((await client.get("/api/v1/saved-searches")).json()["items"]) == 1


async def test_who_is_at_home_elsewhere_now_replaces_a_search_from_before(app: FastAPI, issuer: Issuer) -> None:
    before = officer("MA-06")
    for by, q in ((before, "casa"), (replace(before, jurisdiction="MA-07"), "marrakech")):
        async with client_of(app, issuer.token(by)) as client:
            assert (await save(client, "Une (fictif)", q=q)).status_code == 201
            (kept,) = (await client.get("/api/v1/saved-searches")).json()["items"]
            assert kept["search"]["q"] == q


async def test_a_person_keeps_so_many_searches_and_no_more(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MOST", 2)
    assert [(await save(client, f"{n}")).status_code for n in range(3)] == [201, 201, 409]
    assert (await save(client, "1", q="casa")).status_code == 201


MANY = 20_000
# Copies of one agreement, spread over kinds, states, academies, days and parties as a register is.
FILL = text("""
    with copies as (
        select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id, n,
               'MA-' || lpad((n % 12 + 1)::text, 2, '0') as academy,
               ('01900000-0000-7000-9000-' || lpad(to_hex(n % 2000), 12, '0'))::uuid as organisation
        from generate_series(1, :many) n
    ), written as (
        insert into agreement (id, version, head, visible_to, state, status, agreement_kind, agreement_type, academy,
                               reference, effective_from, effective_until, updated_at)
        select copies.id, version, head, array[copies.academy, 'org:' || organisation], state,
               (array['draft', 'in_force', 'in_force', 'expired'])[n % 4 + 1], agreement_kind, agreement_type,
               copies.academy, case when n % 2 = 0 then 'AREF/' || n end,
               effective_from + n % 1500, effective_until + n % 1500, updated_at + n * interval '1 minute'
        from copies, agreement
    )
    insert into agreement_term (agreement_id, term)
    select id, unnest(array['org:' || organisation, 'convention', 'partenariat', 'name' || n % 2000,
                            '§shared', '§rare' || n % 2000, '§own' || n]
                      || case when academy <> 'MA-06' then array['zone', '§abroad'] end
                      || case when n % 4 in (0, 3) or n % 1999 = 1 then array['ended', '§lapsing'] end) from copies
""")
FILL_CLAUSES = text("""
    insert into clause_word (word, clause)
    values ('article', '§shared'), ('abroad', '§abroad'), ('lapsed', '§lapsing'),
           ('subvention', '§rare77'), ('منحه', '§rare77')
    union all
    select unnest(array['places', 'center' || n]), '§own' || n from generate_series(1, :many) n
    union all
    select 'opened', '§own' || n from generate_series(1, :many) n where n % 4 > 0
    union all
    select 'gone', '§gone' || n from generate_series(1, :many) n
""")
ORGANISATION = UUID("01900000-0000-7000-9000-000000000007")
SEARCHES: dict[str, dict[str, Any]] = {
    **{sort: {"sort": sort} for sort in SORTS},
    **{f"{sort} in a state": {"sort": sort, "state": ("in_force",)} for sort in SORTS},
    "state": {"state": ("draft", "expired")},
    "a state that none has": {"state": ("closed",)},
    "kind": {"agreement_kind": ("academy-association",)},
    "a kind that none has": {"agreement_kind": ("ministry-network",)},
    "type": {"agreement_type": ("network",)},
    "academy": {"academy": ("MA-06",)},
    "party": {"party": ORGANISATION},
    "dates": {"in_effect_from": date(2030, 1, 1), "in_effect_until": date(2030, 2, 1)},
    "no such dates": {"in_effect_until": date(2001, 1, 1)},
    "a rare word": {"q": "name77"},
    "a frequent word": {"q": "convention"},
    "two words": {"q": "conv name1"},
    "no such word": {"q": "zzz"},
    "a word of one rare clause": {"q": "subvention"},
    "a word of a clause that all have": {"q": "article", "sort": "-updated_at"},
    "a word of a clause in each": {"q": "places", "sort": "reference"},
    "words of titles and clauses": {"q": "convention article منحة"},
    "a word of many that hardly any has in a state": {"q": "ended", "state": ("in_force",)},
    "a word of a clause of many that hardly any has": {"q": "lapsed", "state": ("in_force",), "sort": "-updated_at"},
    "two such words": {"q": "lapsed ended", "state": ("in_force",), "sort": "reference"},
    "a word of many clauses that none has in a state": {"q": "opened", "state": ("draft",), "sort": "reference"},
    "all at once": {"q": "conv", "state": ("draft",), "academy": ("MA-06",), "sort": "-updated_at"},
}


async def test_no_search_reads_the_whole_register(database: Database, databases: Databases) -> None:
    await drafted(database)
    owner = await databases("agreements", role=None)
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(FILL, {"many": MANY})
        await tx.execute(FILL_CLAUSES, {"many": MANY})
    async with owner.transaction(NATIONAL) as tx:
        await tx.execute(text("analyze agreement, agreement_term, clause_word"))
    asked: list[tuple[str, Any]] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )
    rare = Search(q="lapsed", state=("in_force",), sort="-updated_at")
    filed = await queries.exported(database, rare, by=MINISTRY)
    assert any(is_following(statement) for statement, _ in asked), "a file follows words of many as the list does"
    assert len(filed) == len((await queries.agreements(database, rare, page=WHOLE, by=MINISTRY))[0])
    walked: dict[str, str] = {}
    followed: set[str] = set()
    for who in (MINISTRY, officer("MA-06"), president(ORGANISATION)):
        for name, wanted in SEARCHES.items():
            cursor: str | None = None
            for number in ("first", "second"):
                after = decode_cursor(cursor) if cursor else None
                page = PageRequest(cast(Request, None), after, 5)
                asked.clear()
                _, cursor = await queries.agreements(database, Search(**wanted), page=page, by=who)
                looked_up = [each for each in asked if is_look(each[0])]
                assert len(looked_up) == (who.jurisdiction[:4] != "org:") * len(wanted.get("q", "").split())
                followed |= {name for statement, _ in asked if is_following(statement)}
                for each in [each for each in asked if "FROM agreement" in each[0] or each in looked_up]:
                    plan = await plan_of(database, who, *each)
                    if "Seq Scan on agreement" in plan or "Seq Scan on clause_word" in plan:
                        walked[f"{name} by {who.jurisdiction}, {number} page"] = plan
    assert followed == {
        "a word of many that hardly any has in a state",
        "a word of a clause of many that hardly any has",
        "two such words",
        "a word of many clauses that none has in a state",
    }
    assert not walked, "\n\n".join(f"{name}\n{plan}" for name, plan in walked.items())
    # A word of others' alone, and one of clauses that nobody has any more, are followed no further than one's own.
    few, few_clauses = search_queries.FEW, search_queries.FEW_CLAUSES
    for word, most in {"zone": few, "abroad": few, "gone": few_clauses}.items():
        asked.clear()
        assert (await queries.agreements(database, Search(q=word), page=WHOLE, by=officer("MA-06")))[0] == []
        (look,) = (each for each in asked if is_look(each[0]))
        said = str(asked[: asked.index(look)])
        # The scope that it began with is the driver's affair: no other is set between the nation's and the look.
        assert "'enable_bitmapscan', 'off'" in said and said.rindex("national") > said.rfind("MA-06")
        plan = await plan_of(database, officer("MA-06"), *look, how="(analyze, timing off, summary off)")
        looks = [float(rows) * int(loops) for rows, loops in re.findall(r"actual rows=([\d.]+) loops=(\d+)", plan)]
        assert most <= max(looks) <= most + 1 and "Removed by" not in plan, plan


def is_look(statement: str) -> bool:
    """Whether a statement looks up where a word leads to."""
    return statement.lstrip().startswith("with said")


def is_following(statement: str) -> bool:
    """Whether a statement follows words of many to all agreements that have them."""
    return statement.startswith("WITH") and "materialized" in statement and "agreement_term" in statement


async def plan_of(database: Database, who: Actor, statement: str, parameters: Any, *, how: str = "") -> str:
    """How the database answers a statement within somebody's scope."""
    looks = is_look(statement) or is_following(statement) or statement.startswith("SELECT count")
    async with database.transaction(NATIONAL if looks else who.scope) as tx:
        await tx.execute(search_queries.BY_INDEX)
        rows = await (await tx.connection()).exec_driver_sql(f"explain {how} {statement}", parameters)
        return "\n".join(rows.scalars())
