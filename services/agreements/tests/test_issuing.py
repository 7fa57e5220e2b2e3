"""Papers over HTTP: who gets which file, under which name, and that it is remembered."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import select

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.commands import papers
from services.agreements.tables import AGREEMENTS, PaperRow
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    approved,
    bound,
    clauses,
    current,
    hold,
    officer,
    plan,
    reviewed,
    sign_for,
)
from services.agreements.tests.reading import text_of
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Database
from shared.worker import in_worker
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of


async def get(
    app: FastAPI, issuer: Issuer, path: str, by: Actor = MINISTRY, headers: Mapping[str, str] | None = None
) -> Response:
    """What this person gets there."""
    async with client_of(app, issuer.token(by)) as client:
        return await client.get(path, headers=headers)


async def papers_of(database: Database) -> list[PaperRow]:
    """Every paper that was given out."""
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(select(PaperRow))).scalars())


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen."""
    return await approved(database)


async def test_a_paper_is_a_file_named_after_its_reference(app: FastAPI, issuer: Issuer, agreement: Agreement) -> None:
    answered = await get(app, issuer, f"/api/v1/agreements/{agreement.id}/document?language=fr")
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/pdf")
    name = f"{(agreement.reference or '').replace('/', '-')}-agreement-v{agreement.version}-fr.pdf"
    assert answered.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answered.headers["etag"] == f'"{hashlib.sha256(answered.content).hexdigest()}"'
    assert f"/v/{agreement.id}?h={(agreement.content_hash or '')[:16]}" in text_of(answered.content)


async def test_the_same_version_is_one_file_for_everybody(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    path = f"/api/v1/agreements/{agreement.id}/document"
    files = {(await get(app, issuer, path, by)).content for by in (MINISTRY, officer(), LEGAL)}
    assert len(files) == 1
    [paper] = await papers_of(database)
    assert paper.hash == hashlib.sha256(files.pop()).hexdigest()
    assert (paper.subject_id, paper.version, paper.language) == (agreement.id, agreement.version, "both")
    assert paper.content_hash == agreement.content_hash


async def test_a_paper_that_many_ask_for_is_printed_once(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = []

    async def counted(render: Any, *args: Any) -> Any:
        printed.append(render.__name__)
        return await in_worker(render, *args)

    monkeypatch.setattr(papers, "in_worker", counted)
    path = f"/api/v1/agreements/{agreement.id}/document"
    answers = await asyncio.gather(*(get(app, issuer, f"{path}?language=fr") for _ in range(4)))
    assert len({each.content for each in answers}) == 1
    assert printed == ["render_agreement"]
    await get(app, issuer, f"{path}?language=ar")
    assert printed == ["render_agreement"] * 2
    await sign_for(database, agreement, agreement.parties[0].organisation_id)
    changed = await get(app, issuer, f"{path}?language=fr")
    assert printed == ["render_agreement"] * 3, "another version is another paper"
    assert changed.content != answers[0].content


async def test_a_file_that_one_has_is_not_sent_again(app: FastAPI, issuer: Issuer, agreement: Agreement) -> None:
    path = f"/api/v1/agreements/{agreement.id}/document"
    tag = (await get(app, issuer, path)).headers["etag"]
    again = await get(app, issuer, path, headers={"If-None-Match": f'"another", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


async def test_an_agreement_can_be_printed_as_it_was(app: FastAPI, database: Database, issuer: Issuer) -> None:
    draft = await reviewed(database)
    path = f"/api/v1/agreements/{draft.id}/document?language=fr"
    before = await get(app, issuer, path)
    then = now()
    await commands.approve_agreement(database, draft.id, by=LEGAL)
    async with client_of(app, issuer.token(MINISTRY)) as client:
        past = await client.get(path, params={"language": "fr", "as_of": then.isoformat()})
    assert past.content == before.content and "PROJET" in text_of(past.content)
    assert "PROJET" not in text_of((await get(app, issuer, path)).content)


async def test_what_the_fonts_cannot_print_is_named_before_anything_is_given_out(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    terms = current()
    agreement = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    title = Bilingual(ar="ⵜ (وهمي)", fr="Convention (fictif)")
    async with database.transaction(NATIONAL) as tx:
        # As it was put before what no paper can show was refused there.
        events = agreement.revise_terms(terms.model_copy(update={"title": title}), names={}, by=officer().person)
        await AGREEMENTS.record(tx, agreement, events, by=officer())
    refused = await get(app, issuer, f"/api/v1/agreements/{agreement.id}/document")
    told = is_problem(refused, 409, "characters-not-printable")
    assert told["characters"] == "ⵜ (U+2D5C)"
    assert await papers_of(database) == []


async def test_there_is_no_certificate_before_all_have_signed(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    refused = await get(app, issuer, f"/api/v1/agreements/{agreement.id}/certificate")
    is_problem(refused, 409, "not-allowed-now")
    signed = await bound(database)
    given = await get(app, issuer, f"/api/v1/agreements/{signed.id}/certificate?language=fr")
    text = text_of(given.content)
    assert given.status_code == 200 and signed._head.hex() in text
    assert text.count("A signé le") == len(signed.signatures)
    for signature in signed.signatures:
        assert signature.person not in text


async def test_minutes_are_printed_from_the_closing_on(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    ceremony = await plan(database, agreement.id)
    is_problem(await get(app, issuer, f"/api/v1/ceremonies/{ceremony.id}/minutes.pdf"), 409, "not-allowed-now")
    held = await commands.close_ceremony(
        database, (await hold(database, (await approved(database)).id)).id, by=MINISTRY
    )
    given = await get(app, issuer, f"/api/v1/ceremonies/{held.id}/minutes.pdf?language=fr")
    assert given.status_code == 200 and f"/v/{held.id}?h=" in text_of(given.content)
