"""An amendment on paper: what it changes, who signs it, and for whom it is printed."""

import hashlib

import pytest
from fastapi import FastAPI

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.content import content_hash, language_hashes
from services.agreements.papers.drawing import draw_amendment
from services.agreements.tests.branches import (
    agree,
    branch_of,
    budget_line,
    carry,
    owed,
    propose,
    read,
    rebase,
    reread,
    revise,
    reword,
    sign_for,
)
from services.agreements.tests.builders import LEGAL, MINISTRY, bound, current, officer, party, president
from services.agreements.tests.reading import all_in, text_of
from services.agreements.tests.test_issuing import get, papers_of
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force."""
    return await bound(database, current(effective_from=today()))


@pytest.fixture
async def offered(database: Database, agreement: Agreement) -> Amendment:
    """An amendment that all three parties are to sign."""
    return await agree(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))


def path_of(amendment: Amendment, language: str = "fr") -> str:
    """Where its paper is fetched."""
    return f"/api/v1/amendments/{amendment.id}/document?language={language}"


async def test_a_frozen_amendment_has_a_paper_named_after_its_number(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement, offered: Amendment
) -> None:
    given = await get(app, issuer, path_of(offered))
    assert (given.status_code, given.headers["content-type"]) == (200, "application/pdf")
    name = f"{(offered.reference or '').replace('/', '-')}-amendment-v{offered.version}-fr.pdf"
    assert given.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert given.headers["etag"] == f'"{hashlib.sha256(given.content).hexdigest()}"'
    text = text_of(given.content)
    assert agreement.reference and agreement.reference in text and f"{agreement.reference}/A1" in text
    assert f"/v/{offered.id}?h={offered.content_hash[:16]}" in text
    hashes = language_hashes((await branch_of(database, offered)).clauses)
    assert offered.content_hash in text and hashes.ar in text and hashes.fr in text
    for each in offered.parties:
        assert all_in(offered.names[each.organisation_id].fr, text)
    assert "Texte de l'article 1 (fictif). Désormais Autrement (fictif)." in text
    assert "article 2" not in text, "what stays as it is"
    assert text.count("N'a pas signé.") == 3
    [paper] = await papers_of(database)
    assert (paper.subject_id, paper.document, paper.content_hash) == (offered.id, "amendment", offered.content_hash)


async def test_the_same_version_is_one_file_for_everybody(app: FastAPI, issuer: Issuer, offered: Amendment) -> None:
    files = {(await get(app, issuer, path_of(offered, "both"), by)).content for by in (MINISTRY, officer(), LEGAL)}
    assert len(files) == 1


async def test_its_paper_shows_who_signed_at_which_level(
    app: FastAPI, database: Database, issuer: Issuer, offered: Amendment
) -> None:
    signed = await sign_for(database, offered, offered.touched[0])
    text = text_of((await get(app, issuer, path_of(offered))).content)
    assert text.count("N'a pas signé.") == 2 and "Signature simple" in text
    assert signed.signatures[0].person not in text


async def test_before_it_is_approved_it_is_printed_as_a_draft_without_a_code(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    draft = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    text = text_of((await get(app, issuer, path_of(draft))).content)
    assert "PROJET" in text and "Projet d'avenant" in text and "/v/" not in text
    assert draft.content_hash not in text
    frozen = await agree(database, draft)
    assert "PROJET" not in text_of((await get(app, issuer, path_of(frozen))).content)


async def test_one_that_is_rebased_is_a_draft_again_under_its_number(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement, offered: Amendment
) -> None:
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    text = text_of((await get(app, issuer, path_of(offered))).content)
    assert "PROJET" in text and "Avenant n° 1" in text and "/v/" not in text
    rebased = await commands.rebase_amendment(database, offered.id, by=officer())
    again = text_of((await get(app, issuer, path_of(await agree(database, rebased)))).content)
    assert "PROJET" not in again and "Autrement" in again and "Encore" not in again, "the base has it already"


async def test_a_party_that_an_earlier_amendment_let_go_is_named_where_a_later_one_still_counts_on_it(
    app: FastAPI, database: Database, issuer: Issuer
) -> None:
    agreement = await bound(database, current(effective_from=today(), others=[party(new_id(), "funder")]))
    *staying, leaver = agreement.parties
    leaving = await revise(database, await propose(database, agreement), parties=tuple(staying))
    counting = await propose(database, agreement)
    content = await branch_of(database, counting)
    duties = (owed(content, debtor=leaver.party_id), owed(content, creditor=leaver.party_id))
    counting = await revise(
        database, counting, obligations=(*content.obligations, *duties), budget=(budget_line(leaver.party_id),)
    )
    await carry(database, leaving)
    counting = await rebase(database, counting, {("party", str(leaver.party_id)): "current"})
    assert leaver.party_id not in {each.party_id for each in counting.parties}
    text = text_of((await get(app, issuer, path_of(counting))).content)
    name = agreement.names[leaver.organisation_id].fr
    told = (f"Due par {name}", f"Envers {name}", f"{name}, Équipement")
    assert [text.count(each) for each in told] == [2, 2, 1] and str(leaver.party_id) not in text


async def test_what_was_applied_stays_on_paper_as_it_was_signed(
    app: FastAPI, database: Database, issuer: Issuer, offered: Amendment
) -> None:
    for party_id in offered.touched:
        await sign_for(database, offered, party_id)
    applied = await reread(database, offered)
    text = text_of((await get(app, issuer, path_of(applied))).content)
    assert "Texte de l'article 1 (fictif). Désormais Autrement (fictif)." in text and text.count("A signé le") == 3


async def test_only_those_whom_it_touches_are_shown_as_signing(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    duty, line = owed(agreement), budget_line(agreement.parties[0].party_id)
    two = await agree(database, await revise(database, await propose(database, agreement), obligations=(duty,)))
    text = text_of((await get(app, issuer, path_of(two))).content)
    assert text.count("N'a pas signé.") == 2 and "Obligation (fictif)" in text
    all_of_them = await agree(database, await revise(database, await propose(database, agreement), budget=(line,)))
    text = text_of((await get(app, issuer, path_of(all_of_them))).content)
    assert text.count("N'a pas signé.") == 3
    assert "Ajout : la ligne budgétaire « Équipement (fictif) »" in text and "50 000,00 MAD" in text


async def test_every_part_of_a_content_is_told_with_names_for_ids(database: Database, agreement: Agreement) -> None:
    """A field that a content gains shows here, or the printer has no words for it."""
    proposed = await propose(database, agreement)
    content = await branch_of(database, proposed)
    joining = party(new_id(), "training_partner")
    changed = await revise(
        database,
        proposed,
        title=content.title.model_copy(update={"fr": "Autre titre (fictif)"}),
        parties=(*content.parties, joining),
        centers=tuple(each.model_copy(update={"funded_seats": 11}) for each in content.centers),
        obligations=(*content.obligations, owed(content)),
        budget=(budget_line(content.parties[0].party_id),),
        school_year="2030/2031",
    )
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_amendment(tx, agreement, changed)
    branch = await branch_of(database, changed)
    told = paper.model_dump_json(include={"changes"})
    assert content_hash(branch) == changed.content_hash
    assert {each.part for each in paper.changes} == {"term", "party", "center", "obligation", "budget_line"}
    for organisation in (*(each.organisation_id for each in branch.parties), *(c.operator_id for c in branch.centers)):
        if organisation != joining.organisation_id:
            assert str(organisation) not in told


async def test_whom_it_brings_in_reads_its_paper_and_not_yet_the_agreement_s(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    joining = party(new_id(), "funder")
    proposed = await propose(database, agreement)
    branch = await revise(database, proposed, parties=(*(await branch_of(database, proposed)).parties, joining))
    before = await read(database, agreement.id)
    by = president(joining.organisation_id)
    assert (await get(app, issuer, path_of(branch), by)).status_code == 200
    is_problem(await get(app, issuer, f"/api/v1/agreements/{agreement.id}/document", by), 404, "not-found")
    stranger = president(new_id())
    is_problem(await get(app, issuer, path_of(branch), stranger), 404, "not-found")
    is_problem(await get(app, issuer, path_of(branch), officer("MA-01")), 404, "not-found")
    assert (await read(database, agreement.id)).version == before.version
