"""Registers as files: what is owed and what is amended, each to whom it concerns, in their language."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]

from services.agreements.agreement import Agreement
from services.agreements.queries import lists
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.builders import MINISTRY, bound, current, late, officer, operator_of, president
from services.agreements.tests.clients import Client
from shared.actor import Actor
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.language import LANGUAGES

KINDS = ("obligations", "amendments")


async def told(client: Client, register: str, language: str = "fr", **wanted: Any) -> list[list[str]]:
    """The rows of a register as CSV, the header first."""
    headers = client.headers | {"Accept-Language": language}
    answered = await client.http.get(f"/api/v1/{register}/export", params=wanted, headers=headers)
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-disposition"] == f'attachment; filename="{register}.csv"'
    return list(csv.reader(io.StringIO(answered.content.decode("utf-8-sig")), delimiter=";"))


async def amended(database: Database) -> Agreement:
    """An agreement with an amendment that is agreed and one that is proposed."""
    agreement = await bound(database, current(effective_from=today()))
    await agree(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))
    await propose(database, agreement)
    return agreement


async def test_what_is_late_is_had_as_a_file(as_: Any, database: Database) -> None:
    agreement = await late(database)
    due_on = today() - timedelta(days=10)
    header, row = await told(as_(MINISTRY), "obligations", late=True)
    of = dict(zip(header, row, strict=True))
    assert of["Référence"] == agreement.reference
    assert (of["Pour le"], of["En retard depuis le"]) == (str(due_on), str(due_on + timedelta(days=1)))
    names = {each.organisation_id: agreement.names[each.organisation_id].fr for each in agreement.parties}
    assert (of["Doit"], of["À"]) == (
        names[agreement.parties[1].organisation_id],
        names[agreement.parties[0].organisation_id],
    )
    assert len(await told(as_(MINISTRY), "obligations", late=False)) == 1
    assert len(await told(as_(MINISTRY), "obligations", party=agreement.parties[0].organisation_id)) == 1


async def test_amendments_are_had_as_a_file(as_: Any, database: Database) -> None:
    agreement = await amended(database)
    header, agreed, proposed = await told(as_(MINISTRY), "amendments", agreement_id=agreement.id)
    of = dict(zip(header, agreed, strict=True))
    assert (of["Référence"], of["Avenant n°"], of["État"]) == (agreement.reference, "1", "approuvé")
    assert dict(zip(header, proposed, strict=True))["Avenant n°"] == ""
    assert len(await told(as_(MINISTRY), "amendments", state="agreed")) == 2
    assert len(await told(as_(MINISTRY), "amendments", agreement_id=new_id())) == 1


@pytest.mark.parametrize("register", KINDS)
async def test_a_register_holds_what_its_reader_may_see(as_: Any, database: Database, register: str) -> None:
    agreement = await (late if register == "obligations" else amended)(database)
    everybody: dict[str, tuple[Actor, bool]] = {
        "its academy": (officer("MA-06"), True),
        "its association": (president(operator_of(agreement)), True),
        "another academy": (officer("MA-04"), False),
        "another association": (president(new_id()), False),
    }
    for name, (by, sees) in everybody.items():
        assert (len(await told(as_(by), register)) > 1) == sees, name


@pytest.mark.parametrize("register", KINDS)
async def test_a_register_is_a_workbook_in_the_readers_language(as_: Any, database: Database, register: str) -> None:
    await (late if register == "obligations" else amended)(database)
    client, titles = as_(MINISTRY), set()
    for language in LANGUAGES:
        headers = client.headers | {"Accept-Language": language}
        answered = await client.http.get(f"/api/v1/{register}/export?format=xlsx", headers=headers)
        sheet = load_workbook(io.BytesIO(answered.content)).active
        titles.add(sheet.title)
        assert sheet.auto_filter.ref == sheet.dimensions and sheet.max_row > 1
        assert [cell.value for cell in sheet[1]] == (await told(client, register, language))[0]
    assert len(titles) >= 2, "Obligations are called so in French and in English"


@pytest.mark.parametrize("register", KINDS)
async def test_a_register_that_is_too_long_for_a_file_is_refused_whole(
    as_: Any, database: Database, monkeypatch: pytest.MonkeyPatch, register: str
) -> None:
    await (late if register == "obligations" else amended)(database)
    monkeypatch.setattr(lists, "MOST", 0)
    answered = await as_(MINISTRY).get(f"/{register}/export")
    assert (answered.status_code, answered.json()["type"]) == (409, "/problems/list-too-long")
