"""The page behind the code of an amendment: what it tells everybody, and what a file is worth that somebody brings."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands import papers
from services.agreements.judgement import Worth
from services.agreements.tests.branches import agree, carry, propose, reread, reword, sign_for
from services.agreements.tests.builders import LEGAL, MINISTRY, attached, bound, current, officer
from services.agreements.tests.test_amendment_scans import accept, scan
from services.agreements.tests.test_sealed_files import said
from services.agreements.tests.test_verification import judge, look, page_of
from shared import files
from shared.clock import today
from shared.database import Database
from shared.language import LANGUAGES
from tests.web.routes import client_of


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Somebody who is not signed in."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force, with a paper that serves as a scan."""
    return await attached(database, await bound(database, current(effective_from=today())), "signed_copy")


@pytest.fixture
async def offered(database: Database, agreement: Agreement) -> Amendment:
    """An amendment that all three parties are to sign."""
    return await agree(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))


async def issue(database: Database, amendment: Amendment) -> bytes:
    """The amendment on paper."""
    return (await papers.issue_amendment(database, amendment.id, language="fr", by=MINISTRY)).pdf


async def test_anybody_sees_number_agreement_parties_and_hash(
    anybody: AsyncClient, agreement: Agreement, offered: Amendment
) -> None:
    page = await look(anybody, page_of(offered))
    assert "Avenant n° 1 :" in page and f"{agreement.reference}/A1" in page and offered.content_hash in page
    assert f'<bdi dir="ltr">{agreement.reference}</bdi>' in page
    for party in offered.parties:
        assert offered.names[party.organisation_id].fr in page
    assert "personne n&#39;a encore signé." in page and "0 sur 3" in page


async def test_the_page_tells_each_signature_s_level_and_names_no_person(
    anybody: AsyncClient, database: Database, offered: Amendment
) -> None:
    first, second, _ = offered.touched
    await sign_for(database, offered, first)
    await scan(database, offered, second)
    signed = await accept(database, offered, second)
    page = await look(anybody, page_of(signed))
    assert "2 sur 3" in page and "(simple, " in page and "(manuscrite, " in page
    for each in signed.signatures:
        assert each.person not in page and each.person.partition("#")[2] not in page
        assert str(each.mandate_id) not in page
    assert "(fictif) motif" not in page


async def test_the_page_says_how_the_amendment_stands_today(
    anybody: AsyncClient, database: Database, offered: Amendment
) -> None:
    for party_id in offered.touched:
        await sign_for(database, offered, party_id)
    page = await look(anybody, page_of(offered))
    assert "et la convention est modifiée" in page and "Appliqué le" in page and "3 sur 3" in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_tells_it(anybody: AsyncClient, offered: Amendment, language: str) -> None:
    page = await look(anybody, page_of(offered), language)
    numbered = {"ar": "الملحق رقم", "fr": "Avenant n° 1 :", "en": "Amendment no. 1:"}
    assert numbered[language] in page and f'<html lang="{language}"' in page


async def test_a_branch_that_is_not_approved_has_no_page(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    draft = await reword(database, await propose(database, agreement), "article-1", "Autrement")
    assert (await anybody.get(page_of(draft))).status_code == 404
    await issue(database, draft)
    assert (await anybody.get(page_of(draft))).status_code == 404, "a draft bears no code"


async def test_the_code_of_its_agreement_is_not_its_own(
    anybody: AsyncClient, agreement: Agreement, offered: Amendment
) -> None:
    assert (await anybody.get(page_of(offered, (agreement.content_hash or "")[:16]))).status_code == 404


async def test_a_paper_that_was_given_out_is_known_again(
    anybody: AsyncClient, database: Database, agreement: Agreement, offered: Amendment
) -> None:
    pdf = await issue(database, offered)
    page = await judge(anybody, page_of(offered), pdf)
    assert said(Worth.known) in page and f"Avenant, version {offered.version}." in page
    assert said(Worth.of_another) in await judge(anybody, page_of(agreement), pdf)
    assert said(Worth.unknown) in await judge(anybody, page_of(offered), pdf + b"\n")


async def test_a_code_holds_after_the_agreement_changed_and_the_page_says_so(
    anybody: AsyncClient, database: Database, agreement: Agreement, offered: Amendment
) -> None:
    pdf = await issue(database, offered)
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    page = await judge(anybody, page_of(offered), pdf)
    assert said(Worth.outdated) in page and "ses signatures sont annulées" in page and "rouvert" in page
    rebased = await commands.rebase_amendment(database, offered.id, by=officer())
    again = await agree(database, rebased)
    assert said(Worth.known) in await judge(anybody, page_of(again), await issue(database, again))
    assert said(Worth.outdated) in await judge(anybody, page_of(again), pdf)


async def test_the_scan_of_a_signature_is_genuine_until_it_is_contested(
    anybody: AsyncClient, database: Database, offered: Amendment
) -> None:
    await scan(database, offered)
    signed = await accept(database, offered)
    [given] = signed.signatures
    picture = await files.get(given.file_hash or "")
    assert said(Worth.sealed) in await judge(anybody, page_of(signed), picture)
    await commands.contest_amendment(database, signed.id, given.mandate_id, ended_on=today())
    page = await judge(anybody, page_of(signed), picture)
    assert said(Worth.contested) in page and "contestée)" in page
    assert "Une des signatures est contestée" in page


async def test_one_that_was_withdrawn_binds_nobody_and_is_still_known(
    anybody: AsyncClient, database: Database, offered: Amendment
) -> None:
    pdf = await issue(database, offered)
    await commands.withdraw_amendment(database, offered.id, reason="(fictif) secret", by=officer())
    withdrawn = await reread(database, offered)
    page = await judge(anybody, page_of(withdrawn), pdf)
    assert "Il a été retiré" in page and "secret" not in page and said(Worth.known) in page
    assert withdrawn.state == "withdrawn" and LEGAL.person not in page
