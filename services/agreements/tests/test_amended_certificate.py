"""What was signed, once it is amended: each text with the signatures under it, on the certificate and on the page."""

import html
import re

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands import papers
from services.agreements.commands.papers import Issued
from services.agreements.judgement import Worth
from services.agreements.papers import CertificatePaper, render_certificate
from services.agreements.papers.drawing import draw_certificate, draw_former_certificate
from services.agreements.signed import Signed, what_was_signed
from services.agreements.tables import AGREEMENTS, OrganisationRow
from services.agreements.tests.branches import (
    agree,
    branch_of,
    carry,
    owed,
    propose,
    read,
    reread,
    revise,
    reword,
    running,
)
from services.agreements.tests.branches import sign_for as sign_amendment_for
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    approved,
    attached,
    bound,
    mandate,
    officer,
    party,
    president,
    sign_for,
    signer,
)
from services.agreements.tests.pages import judge, look, page_of, said
from services.agreements.tests.reading import text_of
from services.agreements.tests.test_amendment_scans import accept as accept_scan
from services.agreements.tests.test_amendment_scans import scan
from services.agreements.tests.test_issuing import get
from shared import files
from shared.actor import NATIONAL
from shared.clock import today
from shared.database import Database
from shared.events.agreements import AgreementParty
from shared.ids import new_id
from shared.language import LANGUAGES
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer

JOINED = Bilingual(ar="هيئة ملتحقة (وهمي)", fr="Organisme arrivant (fictif)")


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force that its three parties signed."""
    return await bound(database, running())


async def owing(database: Database, agreement: Agreement) -> Amendment:
    """An applied amendment of what the second of the three owes the first, which only these two sign."""
    proposed = await propose(database, agreement)
    duty = owed(await branch_of(database, proposed))
    amendment = await carry(database, await revise(database, proposed, obligations=(duty,)))
    assert (amendment.state, len(amendment.touched)) == ("applied", 2)
    return amendment


async def introduce(database: Database, joining: AgreementParty) -> None:
    """Let a party be known by a name of its own, with somebody who may sign for it."""
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(OrganisationRow(id=joining.organisation_id, name_ar=JOINED.ar, name_fr=JOINED.fr))
        await tx.merge(mandate(joining.organisation_id))


async def certify(database: Database, agreement: Agreement) -> Issued:
    """The certificate as it is today."""
    return await papers.issue_certificate(database, agreement.id, language="fr", by=MINISTRY)


async def drawn(database: Database, agreement: Agreement) -> CertificatePaper:
    """What it says."""
    async with database.transaction(NATIONAL) as tx:
        return await draw_certificate(tx, await AGREEMENTS.read(tx, agreement.id))


async def signed_of(database: Database, agreement: Agreement) -> Signed:
    """The agreement's texts with their signatures."""
    async with database.transaction(NATIONAL) as tx:
        return await what_was_signed(tx, await AGREEMENTS.read(tx, agreement.id))


def told(page: str, term: str) -> str:
    """What a page says under a term, without its tags."""
    [found] = re.findall(rf"<dt>{term}</dt>\s*<dd>(.*?)</dd>", html.unescape(page), re.DOTALL)
    return re.sub(r"<[^>]+>", " ", found)


async def test_a_certificate_says_of_each_signature_which_text_it_is_under(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    amendment = await owing(database, agreement)
    given = await get(app, issuer, f"/api/v1/agreements/{agreement.id}/certificate?language=fr")
    first, _, rest = text_of(given.content).partition("Avenant n° 1 (portée), appliqué le")
    amended, _, _ = rest.partition("Place dans le journal")
    assert agreement.content_hash and agreement.language_hashes
    assert "avant ses avenants" in first and agreement.content_hash in first and agreement.language_hashes.ar in first
    assert first.count("A signé le") == 3 and amendment.content_hash not in first
    assert amended.count("A signé le") == 2 and amendment.content_hash in amended
    assert agreement.content_hash not in amended
    for each in amendment.signatures:
        assert str(each.mandate_id) in amended


async def test_a_certificate_without_amendments_names_its_text_once(database: Database, agreement: Agreement) -> None:
    said_there = text_of((await certify(database, agreement)).pdf)
    assert said_there.count(agreement.content_hash or "") == 1 and "avenant" not in said_there.lower()


@pytest.mark.parametrize(
    ("language", "first", "under"),
    [
        ("ar", "توقيعات على النص قبل الملاحق", "كما عدلها هذا الملحق في"),
        ("fr", "sous le texte d'avant les avenants", "Avenant n° 1, signé par"),
        ("en", "under the text before its amendments", "Amendment no. 1, signed by"),
    ],
)
async def test_the_page_says_which_text_the_signatures_are_under(
    anybody: AsyncClient, database: Database, agreement: Agreement, language: str, first: str, under: str
) -> None:
    assert first not in html.unescape(await look(anybody, page_of(agreement), language))
    amendment = await owing(database, agreement)
    page = html.unescape(await look(anybody, page_of(await read(database, agreement.id)), language))
    assert language in LANGUAGES and first in page and under in page
    assert agreement.content_hash and agreement.content_hash in page and amendment.content_hash in page


async def test_the_page_counts_those_who_signed_the_first_text_and_names_those_of_an_amendment(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    amendment = await owing(database, agreement)
    page = await look(anybody, page_of(await read(database, agreement.id)))
    signed = told(page, "Parties signataires")
    assert "3 sur 3" in signed and (agreement.content_hash or "") in signed and amendment.content_hash not in signed
    amended = told(page, "Avenant n° 1, signé par")
    assert amendment.content_hash in amended and amended.count("(simple,") == 2
    for each in (*agreement.signatures, *amendment.signatures):
        assert each.person not in page and str(each.mandate_id) not in page


async def test_a_party_that_left_stays_on_what_it_signed_with_its_scan(
    anybody: AsyncClient, database: Database
) -> None:
    funder = party(new_id(), "funder")
    agreement = await approved(database, running(others=[funder]))
    for rule in agreement.rules.documents:
        if rule.before and rule.before != "approve_agreement":
            await attached(database, agreement, rule.category)
    paper = (await attached(database, agreement, "signed_copy")).documents[-1].hash
    leaving = next(each for each in agreement.parties if each.organisation_id == funder.organisation_id)
    await commands.record_scan(
        database,
        agreement.id,
        party_id=leaving.party_id,
        text_hash=agreement.text_hash or "",
        person=signer(leaving.organisation_id).person,
        file_hash=paper,
        signed_on=today(),
        by=officer(),
    )
    await commands.accept_scan(database, agreement.id, party_id=leaving.party_id, by=LEGAL)
    for each in agreement.parties:
        if each != leaving:
            await sign_for(database, agreement, each.organisation_id)
    proposed = await propose(database, agreement, "parties")
    staying = tuple(each for each in (await branch_of(database, proposed)).parties if each.party_id != leaving.party_id)
    await carry(database, await revise(database, proposed, parties=staying))

    amended = await read(database, agreement.id)
    assert leaving.party_id not in {each.party_id for each in amended.signatures}
    certificate = await drawn(database, agreement)
    [line] = [each for each in certificate.signatures if each.level == "handwritten_scan"]
    assert (len(certificate.signatures), line.signed_on) == (4, today())
    assert [each.kind for each in certificate.files if each.hash == paper] == ["scan"]
    page = await judge(anybody, page_of(amended), await files.get(paper))
    assert said(Worth.sealed) in page and "4 sur 4" in page
    assert told(page, "Parties signataires").count("(manuscrite,") == 1


async def test_a_party_that_joined_stands_under_the_amendment_that_brought_it_in(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    joining = party(new_id(), "training_partner")
    await introduce(database, joining)
    proposed = await propose(database, agreement, "parties")
    parties = (*(await branch_of(database, proposed)).parties, joining)
    amendment = await carry(database, await revise(database, proposed, parties=parties))
    certificate = await drawn(database, agreement)
    [amended] = certificate.amendments
    assert JOINED in {each.party for each in amended.signatures}
    assert len(certificate.signatures) == 3 and JOINED not in {each.party for each in certificate.signatures}
    page = await look(anybody, page_of(await read(database, agreement.id)))
    assert JOINED.fr in told(page, "Avenant n° 1, signé par") and "3 sur 3" in page
    assert JOINED.fr not in told(page, "Parties signataires") and JOINED.fr in told(page, "Parties")

    # Where the agreement keeps it and where the amendment does, it is one signature.
    [given] = [each for each in amendment.signatures if each.party_id == joining.party_id]
    await commands.contest_signatures(database, agreement.id, given.mandate_id, ended_on=today())
    await commands.contest_amendment(database, amendment.id, given.mandate_id, ended_on=today())
    [_, doubted] = (await signed_of(database, agreement)).texts
    assert [each.party_id for each in doubted.signatures if each.in_doubt] == [joining.party_id]
    await commands.confirm_signature(
        database,
        agreement.id,
        party_id=joining.party_id,
        text_hash=amendment.content_hash,
        by=signer(joining.organisation_id),
    )
    [_, confirmed] = (await signed_of(database, agreement)).texts
    assert not any(each.in_doubt for each in confirmed.signatures)


async def test_a_certificate_shows_what_became_known_of_the_signatures_under_the_first_text(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    await owing(database, agreement)
    amended = await read(database, agreement.id)
    given = amended.signatures[1]
    await commands.contest_signatures(database, agreement.id, given.mandate_id, ended_on=given.day)
    certificate = await drawn(database, agreement)
    assert [each.mandate_id for each in certificate.signatures if each.contested] == [given.mandate_id]
    assert not any(each.contested for each in certificate.amendments[0].signatures)
    assert "contestée)" in told(await look(anybody, page_of(amended)), "Parties signataires")


async def test_a_certificate_is_known_again_and_says_when_a_signature_under_an_amendment_is_contested_since(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    amendment = await owing(database, agreement)
    amended, earlier = await read(database, agreement.id), await certify(database, agreement)
    assert said(Worth.known) in await judge(anybody, page_of(amended), earlier.pdf)
    given = amendment.signatures[0]
    await commands.contest_amendment(database, amendment.id, given.mandate_id, ended_on=given.day)
    page = await judge(anybody, page_of(amended), earlier.pdf)
    assert said(Worth.doubted) in page and "Une des signatures est contestée" in page
    later = await certify(database, agreement)
    assert later.pdf != earlier.pdf and "Contestée" in text_of(later.pdf)
    assert said(Worth.known) in await judge(anybody, page_of(amended), later.pdf), "it shows that itself"


async def test_a_certificate_from_before_an_amendment_is_genuine_and_out_of_date(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    before = await certify(database, agreement)
    assert said(Worth.known) in await judge(anybody, page_of(agreement), before.pdf)
    await owing(database, agreement)
    once = await certify(database, agreement)
    for address in (page_of(agreement), page_of(await read(database, agreement.id))):
        assert said(Worth.outdated) in await judge(anybody, address, before.pdf)
    await carry(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))
    page = await judge(anybody, page_of(await read(database, agreement.id)), once.pdf)
    assert said(Worth.outdated) in page and "Avenant n° 2, signé par" in page


async def test_a_certificate_that_named_the_amended_text_alone_is_known_again_as_out_of_date(
    anybody: AsyncClient, database: Database, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owing(database, agreement)
    with monkeypatch.context() as as_before:
        as_before.setattr(papers, "draw_certificate", draw_former_certificate)
        false = await certify(database, agreement)
    amended = await read(database, agreement.id)
    assert amended.content_hash and amended.content_hash in text_of(false.pdf)
    assert (agreement.content_hash or "") not in text_of(false.pdf)
    page = await judge(anybody, page_of(amended), false.pdf)
    assert said(Worth.outdated) in page and said(Worth.known) not in page and said(Worth.unproven) not in page
    assert said(Worth.known) in await judge(anybody, page_of(amended), (await certify(database, agreement)).pdf)


@pytest.mark.parametrize("type", ["ma.mithaq.agreement.signed.v1", "ma.mithaq.amendment.party_signed.v1"])
async def test_a_page_tells_nothing_of_what_was_signed_where_a_journal_was_edited(
    anybody: AsyncClient, database: Database, databases: Databases, agreement: Agreement, type: str
) -> None:
    """Of the agreement as of its amendment, however little of it can still be read."""
    await owing(database, agreement)
    amended = await read(database, agreement.id)
    async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
        await tx.execute(text("update journal set data = '{}', detail = null where type = :type"), {"type": type})
    answered = await anybody.get(page_of(amended), headers={"Accept-Language": "fr"})
    assert answered.status_code == 409 and agreement.content_hash and agreement.content_hash not in answered.text
    assert (await anybody.get(page_of(amended, "0" * 16))).status_code == 404


async def test_the_same_version_is_one_certificate_for_whoever_may_read_it(
    app: FastAPI, database: Database, issuer: Issuer, agreement: Agreement
) -> None:
    """Also for a party that signed no amendment, and one that was no party when the agreement was signed."""
    joining = party(new_id(), "funder")
    await introduce(database, joining)
    await owing(database, agreement)
    proposed = await propose(database, agreement, "parties")
    parties = (*(await branch_of(database, proposed)).parties, joining)
    await carry(database, await revise(database, proposed, parties=parties))
    path = f"/api/v1/agreements/{agreement.id}/certificate?language=both"
    readers = (MINISTRY, officer(), president(joining.organisation_id))
    answers = [await get(app, issuer, path, by) for by in readers]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert len({each.content for each in answers}) == 1
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_certificate(tx, await AGREEMENTS.read(tx, agreement.id))
    assert render_certificate(paper, "both") == answers[0].content
    assert [each.number for each in paper.amendments] == [1, 2]


async def test_a_scan_under_an_amendment_is_among_the_certificate_s_files(
    database: Database, agreement: Agreement
) -> None:
    agreement = await attached(database, agreement, "signed_copy")
    offered = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    await scan(database, offered)
    await accept_scan(database, offered)
    for party_id in offered.touched[1:]:
        await sign_amendment_for(database, offered, party_id)
    assert (await reread(database, offered)).state == "applied"
    [file] = [each for each in (await drawn(database, agreement)).files if each.number == 1]
    assert (file.kind, file.hash) == ("scan", agreement.documents[-1].hash)
    assert "Avenant n° 1 : Signature sur papier" in text_of((await certify(database, agreement)).pdf)
