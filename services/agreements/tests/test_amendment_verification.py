"""The page behind the code of an amendment: what it tells everybody, and what a file is worth that somebody brings."""

import asyncio
import html
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from sqlalchemy import text

from services.agreements import commands, judgement
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands import papers
from services.agreements.judgement import Worth
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.papers.drawing import CODE, draw_sealable_amendment
from services.agreements.reactions import end_mandate
from services.agreements.sealing.keys import KeyPen
from services.agreements.tests.branches import agree, carry, propose, reread, reword, sign_for
from services.agreements.tests.builders import LEGAL, MINISTRY, approved, attached, bound, change_kind, current, officer
from services.agreements.tests.builders import sign_for as sign_agreement_for
from services.agreements.tests.pages import HOLDS, TEXTS, judge, look, page_of, said
from services.agreements.tests.seals import DAY, Root, add_seal, seal_with
from services.agreements.tests.test_amendment_scans import accept, scan
from services.agreements.tests.test_examination import with_white_over_the_page, written
from services.agreements.verification import look_up
from shared import files
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.base import Occurrence
from shared.events.network import MandateEnded
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.territory import MINISTRY_ID


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


@pytest.fixture
async def sealed(database: Database, offered: Amendment) -> Amendment:
    """An amendment that two of the three have sealed."""
    for party_id in offered.touched[:2]:
        offered = await sign_for(database, offered, party_id, level="advanced")
    return offered


async def file_of(amendment: Amendment) -> bytes:
    """Its file with the seals."""
    return await files.get(amendment.sealed_file or "")


async def test_a_sealed_file_is_genuine_and_each_seal_is_told(
    anybody: AsyncClient, database: Database, sealed: Amendment
) -> None:
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.sealed) in page and page.count(HOLDS) == 2 and "Exemplaire avec ses cachets" in page
    assert page.count("(avancée") == 4, "two signatures, and the seals that carry them"
    for each in sealed.signatures:
        assert each.person not in page and str(each.mandate_id) not in page
    earlier = await files.get(sealed.signatures[0].file_hash or "")
    page = await judge(anybody, page_of(sealed), earlier)
    assert said(Worth.earlier) in page and page.count(HOLDS) == 1
    assert said(Worth.known) in await judge(anybody, page_of(sealed), await files.get(sealed.archived_file or ""))
    applied = await sign_for(database, sealed, sealed.touched[2], level="advanced")
    page = await judge(anybody, page_of(applied), await file_of(applied))
    assert applied.state == "applied" and said(Worth.sealed) in page and page.count(HOLDS) == 3


async def test_a_file_that_was_changed_is_told_how(anybody: AsyncClient, sealed: Amendment) -> None:
    file, page = await file_of(sealed), page_of(sealed)
    writer = IncrementalPdfFileWriter(io.BytesIO(file))
    with_white_over_the_page(writer)
    gap = file.rindex(b"00000000>")
    for changed, worth in (
        (file.replace(b"/Lang", b"/Lung", 1), Worth.altered),
        (written(writer), Worth.extended),
        (file[:-300], Worth.unreadable),
        (file[:gap] + b"1" + file[gap + 1 :], Worth.unrecorded),
    ):
        assert said(worth) in await judge(anybody, page, changed)


async def test_a_seal_that_we_did_not_record_is_told_by_its_flaw(
    anybody: AsyncClient, database: Database, agreement: Agreement, sealed: Amendment, tmp_path: Path
) -> None:
    archived = await files.get(sealed.archived_file or "")
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_sealable_amendment(tx, agreement, sealed)
    root, at = Root(), now().replace(microsecond=0)

    async def forged(pen: KeyPen) -> bytes:
        return await asyncio.to_thread(add_seal, archived, paper, 0, pen, at=at)

    good, over = root.issue(now() - DAY, now() + DAY), root.issue(now() - 9 * DAY, now() - DAY)
    assert said(Worth.untrusted) in await judge(anybody, page_of(sealed), await forged(good))
    seal_with(None, root.trust, tmp_path)
    assert said(Worth.unrecorded) in await judge(anybody, page_of(sealed), await forged(good))
    assert said(Worth.expired) in await judge(anybody, page_of(sealed), await forged(over))
    seal_with(None, root.revoking(good, now() - timedelta(hours=2), told=now()), tmp_path)
    assert said(Worth.revoked) in await judge(anybody, page_of(sealed), await forged(good))


async def test_a_qualified_signature_whose_certificate_states_none_is_told_so(
    database: Database, databases: Any, sealed: Amendment
) -> None:
    standing = await look_up(database, str(sealed.id), sealed.content_hash[:CODE])
    assert standing
    async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
        statement = "update amendment set state = jsonb_set(state, '{signatures,0,level}', '\"qualified\"')"
        await tx.execute(text(statement))
    found = await judgement.judge(database, standing, sealed.sealed_file or "", await file_of(sealed))
    assert found and found.worth == Worth.unqualified


async def test_an_agreement_and_its_amendment_know_one_another_s_files_as_of_another(
    anybody: AsyncClient, database: Database, sealed: Amendment
) -> None:
    other = await sign_agreement_for(database, await approved(database), MINISTRY_ID, level="advanced")
    assert said(Worth.of_another) in await judge(anybody, page_of(other), await file_of(sealed))
    assert said(Worth.of_another) in await judge(anybody, page_of(sealed), await files.get(other.sealed_file or ""))


async def test_a_rebase_makes_the_sealed_file_void(
    anybody: AsyncClient, database: Database, agreement: Agreement, sealed: Amendment
) -> None:
    file = await file_of(sealed)
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    assert said(Worth.stale) in await judge(anybody, page_of(sealed), file)
    again = await agree(database, await commands.rebase_amendment(database, sealed.id, by=officer()))
    page = await judge(anybody, page_of(again), file)
    assert said(Worth.stale) in page and HOLDS not in page
    anew = await sign_for(database, again, again.touched[0], level="advanced")
    assert said(Worth.sealed) in await judge(anybody, page_of(anew), await file_of(anew))


async def test_a_mandate_s_end_that_is_learned_later_contests_the_seal(
    anybody: AsyncClient, database: Database, sealed: Amendment
) -> None:
    given = sealed.signatures[0]
    ended = MandateEnded(
        mandate_id=given.mandate_id,
        organisation_id=sealed.party(given.party_id).organisation_id,
        ended_on=today() - DAY,
        how="revoked",
    )
    occurrence = Occurrence(
        event=ended,
        id=new_id(),
        subject=given.mandate_id,
        version=2,
        audience=(),
        actor="x",
        time=now(),
        correlation=new_id(),
    )
    async with database.transaction(NATIONAL) as tx:
        await end_mandate(tx, occurrence)
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.contested) in page and page.count(HOLDS) == 1 and "contestée)" in page


async def test_one_that_was_withdrawn_binds_nobody_and_is_still_known(
    anybody: AsyncClient, database: Database, offered: Amendment
) -> None:
    pdf = await issue(database, offered)
    await commands.withdraw_amendment(database, offered.id, reason="(fictif) secret", by=officer())
    withdrawn = await reread(database, offered)
    page = await judge(anybody, page_of(withdrawn), pdf)
    assert "Il a été retiré" in page and "secret" not in page and said(Worth.void) in page
    assert withdrawn.state == "withdrawn" and LEGAL.person not in page


async def test_the_files_of_one_that_was_withdrawn_are_genuine_and_bind_nobody(
    anybody: AsyncClient, database: Database, sealed: Amendment
) -> None:
    assert sealed.offered_until
    await commands.let_amendment_time_pass(database, sealed.id, on=sealed.offered_until + DAY)
    await commands.withdraw_amendment(database, sealed.id, reason="(fictif)", by=officer())
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.void) in page and said(Worth.sealed) not in page and page.count(HOLDS) == 2


@pytest.mark.parametrize("language", LANGUAGES)
async def test_while_who_signs_is_open_nobody_is_counted(
    anybody: AsyncClient, database: Database, agreement: Agreement, offered: Amendment, language: str
) -> None:
    await issue(database, offered)
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    for withdrawn in (False, True):
        if withdrawn:
            await commands.withdraw_amendment(database, offered.id, reason="(fictif)", by=officer())
        page = await look(anybody, page_of(offered), language)
        assert TEXTS.text("verification.signed.amendment", language) not in page
        assert (TEXTS.text("verification.reopened", language) in html.unescape(page)) is not withdrawn


@pytest.fixture
def two_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of which two parties sign for all."""
    group = SigningGroup(roles=("granting_authority", "operator", "supervising_ministry"), needed=2)
    change_kind(monkeypatch, signing=SigningRule(groups=(group,)))


@pytest.mark.usefixtures("two_are_enough")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_some_signatures_are_enough_the_page_claims_no_more(
    anybody: AsyncClient, database: Database, offered: Amendment, language: str
) -> None:
    for party_id in offered.touched[:2]:
        offered = await sign_for(database, offered, party_id)
    assert offered.state == "applied"
    page = html.unescape(await look(anybody, page_of(offered), language))
    assert TEXTS.text("verification.count", language, signed=2, of=3) in page
    enough = {
        "ar": "اكتملت التوقيعات المطلوبة",
        "fr": "Toutes les signatures requises sont données",
        "en": "All the signatures required are given",
    }
    assert enough[language] in page
