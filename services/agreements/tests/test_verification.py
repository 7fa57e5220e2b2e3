"""The page behind the code of a paper: what it tells everybody, and what it never does."""

import asyncio
import hashlib
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from limits import parse
from markupsafe import escape

from services.agreements import commands, queries
from services.agreements.agreement import Agreement, AgreementState
from services.agreements.amendment import AmendmentState
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import CeremonyState
from services.agreements.commands import papers
from services.agreements.papers import frames_for, render_agreement
from services.agreements.papers.drawing import minutes_hash
from services.agreements.routes import verification
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    attached,
    bound,
    clauses,
    current,
    director,
    hold,
    know,
    officer,
    pdf,
    reviewed,
    sign_for,
    signer,
    suspend,
)
from services.agreements.tests.conftest import WORDING
from services.agreements.tests.pages import issue, judge, look, page_of
from services.agreements.tests.reading import text_of
from services.agreements.tests.seals import AT, Root, add_seal, sealable
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.language import LANGUAGES, Wording
from shared.territory import MINISTRY_ID


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen."""
    return await approved(database)


async def test_anybody_sees_number_parties_dates_and_hashes(anybody: AsyncClient, agreement: Agreement) -> None:
    page = await look(anybody, page_of(agreement))
    assert agreement.reference and agreement.reference in page
    assert agreement.content_hash and agreement.content_hash in page
    assert agreement.language_hashes and agreement.language_hashes.ar in page and agreement.language_hashes.fr in page
    for party in agreement.parties:
        assert agreement.names[party.organisation_id].fr in page
    assert str(agreement.effective_until.year) in page
    assert "Le texte est arrêté ; personne n&#39;a encore signé." in page


@pytest.mark.parametrize("language", ["ar", "en"])
async def test_numbers_in_an_arabic_title_stand_in_their_order(
    anybody: AsyncClient, database: Database, language: str
) -> None:
    title = Bilingual(ar="اتفاقية 2026-2027 (وهمي)", fr="Convention 2026-2027 (fictif)")
    agreement = await approved(database, current(title=title))
    assert "اتفاقية \u20662026-2027\u2069" in await look(anybody, page_of(agreement), language)


async def test_the_page_says_how_the_agreement_stands_today(anybody: AsyncClient, database: Database) -> None:
    agreement = await bound(database)
    assert "la convention produit ses effets" in await look(anybody, page_of(agreement))
    await suspend(database, agreement, reason="(fictif) secret")
    page = await look(anybody, page_of(agreement))
    assert "Ses effets sont suspendus" in page and "secret" not in page


async def test_the_page_names_no_person(anybody: AsyncClient, database: Database) -> None:
    agreement = await approved(database)
    for party in agreement.parties:
        agreement = await sign_for(database, agreement, party.organisation_id)
    page = await look(anybody, page_of(agreement))
    assert page.count("(simple, ") == len(agreement.signatures) == 3, "each party's level is told"
    for signature in agreement.signatures:
        assert signature.person not in page and signature.person.partition("#")[2] not in page
        assert str(signature.mandate_id) not in page


async def test_the_page_says_that_a_signature_is_contested(anybody: AsyncClient, database: Database) -> None:
    agreement = await bound(database)
    told = "Une des signatures est contestée"
    assert told not in await look(anybody, page_of(agreement))
    signed = agreement.signatures[0]
    await commands.contest_signatures(database, agreement.id, signed.mandate_id, ended_on=signed.day)
    assert told in await look(anybody, page_of(agreement))


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")])
async def test_the_page_speaks_the_readers_language(
    anybody: AsyncClient, agreement: Agreement, language: str, direction: str
) -> None:
    page = await look(anybody, page_of(agreement), f"{language}-MA, de;q=0.1")
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert f'<html lang="{language}"' in await look(anybody, f"{page_of(agreement)}&lang={language}", "de")


def test_every_state_has_its_meaning(app: FastAPI) -> None:
    wording = app.state.wording
    for kind, states in (("agreement", AgreementState), ("amendment", AmendmentState), ("ceremony", CeremonyState)):
        for state in states:
            for language in LANGUAGES:
                assert wording.text(f"verification.meanings.{kind}.{state}", language)
                assert wording.text(f"states.{kind}.{state}", language)


async def test_other_languages_are_a_link_away(anybody: AsyncClient, agreement: Agreement) -> None:
    links = Links.of(await look(anybody, page_of(agreement)))
    assert len(links) == 3
    for link in links:
        assert (await anybody.get(f"/v/{agreement.id}{link}")).status_code == 200


async def test_unknown_and_mismatching_are_one_answer(anybody: AsyncClient, agreement: Agreement) -> None:
    code = (agreement.content_hash or "")[:16]
    wrong = [
        f"/v/{new_id()}?h={code}",
        f"/v/{agreement.id}?h={'0' * 16}",
        f"/v/{agreement.id}?h={code[:15]}",
        f"/v/{agreement.id}?h={agreement.content_hash}",
        f"/v/{agreement.id}?h=",
        f"/v/{agreement.id}",
        "/v/not-an-id?h=x",
        f"/v/{agreement.id}?h=%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25%25",
    ]
    answers = [await anybody.get(each) for each in wrong]
    for each in answers:
        each.headers.pop("traceparent", None)  # a request's own number
    [(status, text, _)] = {(each.status_code, each.text, str(each.headers)) for each in answers}
    assert status == 404 and "لا وثيقة" in text


@pytest.mark.parametrize("written", ["https://mithaq.example{}", "  {} ", "{}&lang=ar", "mithaq.example{}.", "{upper}"])
async def test_an_address_that_is_typed_leads_to_the_papers_page(
    anybody: AsyncClient, agreement: Agreement, written: str
) -> None:
    page = page_of(agreement)
    typed = written.format(page, upper=page.upper())
    found = await anybody.get("/v/", params={"typed": typed, "lang": "fr"})
    assert (found.status_code, found.headers["location"]) == (303, f"{page}&lang=fr")
    assert agreement.reference and agreement.reference in await look(anybody, found.headers["location"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_has_no_address_is_told_where_it_is(anybody: AsyncClient, language: str) -> None:
    entry = await look(anybody, "/v/", language)
    assert f'lang="{language}"' in entry and 'name="typed"' in entry and 'role="status"' not in entry
    for typed in ("AREF-06/2026/0001", f"/v/{new_id()}", f"/v/{new_id()}?h=12", "<script>", "?h=" + "a" * 16):
        answered = await anybody.get("/v/", params={"typed": typed, "lang": language})
        assert (answered.status_code, 'role="status"' in answered.text) == (200, True), typed
        assert "<script" not in answered.text and "style=" not in answered.text
    unknown = await anybody.get(f"/v/{new_id()}?h={'0' * 16}", headers={"Accept-Language": language})
    assert unknown.status_code == 404 and f'href="/v/?lang={language}"' in unknown.text


async def test_a_draft_has_no_page(anybody: AsyncClient, database: Database) -> None:
    agreement = await reviewed(database)
    assert agreement.content_hash is None
    assert (await anybody.get(f"/v/{agreement.id}?h=")).status_code == 404


async def test_the_page_is_not_indexed_kept_or_framed_and_runs_nothing(
    anybody: AsyncClient, agreement: Agreement
) -> None:
    answered = await anybody.get(page_of(agreement))
    assert answered.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.headers["Referrer-Policy"] == "no-referrer"
    policy = answered.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
    assert "<script" not in answered.text and "style=" not in answered.text and "http" not in answered.text


async def test_a_paper_that_was_given_out_is_known_again(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    page = await judge(anybody, page_of(agreement), await issue(database, agreement))
    assert "Ce fichier est authentique." in page and f"Convention, version {agreement.version}." in page


async def test_one_changed_byte_makes_a_file_unknown(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    pdf = bytearray(await issue(database, agreement))
    pdf[len(pdf) // 2] ^= 1
    assert "n&#39;est pas reconnu" in await judge(anybody, page_of(agreement), bytes(pdf))


async def test_what_is_no_pdf_is_told_so(anybody: AsyncClient, agreement: Agreement) -> None:
    assert "n&#39;est pas un PDF" in await judge(anybody, page_of(agreement), b"\x89PNG...")


async def test_a_paper_of_another_agreement_is_told_so(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    other = await issue(database, await approved(database))
    assert "pour un autre document" in await judge(anybody, page_of(agreement), other)


async def test_a_draft_that_was_printed_is_genuine_but_out_of_date(anybody: AsyncClient, database: Database) -> None:
    draft = await reviewed(database)
    pdf = await issue(database, draft)
    frozen = await commands.approve_agreement(database, draft.id, by=LEGAL)
    assert "mais dépassé" in await judge(anybody, page_of(frozen), pdf)


async def test_a_paper_that_names_signatures_voided_since_is_genuine_and_says_so(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    first, *_ = agreement.signing_order.may_sign_now
    signed = await sign_for(database, agreement, first.organisation_id)
    pdf = await issue(database, signed)
    other = next(each for each in agreement.parties if each != first)
    declined = await commands.decline_agreement(
        database,
        agreement.id,
        party_id=other.party_id,
        text_hash=signed.text_hash or "",
        reason="(fictif)",
        by=signer(other.organisation_id),
    )
    await accept_for_all(database, declined)
    await commands.submit_for_review(database, agreement.id, by=officer())
    again = await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert again.content_hash == agreement.content_hash and not again.signatures
    assert "des signatures qu&#39;il porte ont été annulées" in await judge(anybody, page_of(again), pdf)
    signed = await sign_for(database, again, first.organisation_id)
    assert "des signatures qu&#39;il porte ont été annulées" in await judge(anybody, page_of(signed), pdf)
    later = await issue(database, signed)
    await sign_for(database, signed, other.organisation_id)
    assert "Ce fichier est authentique." in await judge(anybody, page_of(signed), later)


@pytest.mark.parametrize("all_have_signed", [False, True])
async def test_a_paper_that_names_a_signature_contested_since_is_genuine_and_says_whose(
    anybody: AsyncClient, database: Database, agreement: Agreement, all_have_signed: bool
) -> None:
    signed = await bound(database) if all_have_signed else agreement
    first, *_ = signed.parties if all_have_signed else signed.signing_order.may_sign_now
    if not all_have_signed:
        signed = await sign_for(database, signed, first.organisation_id)
    pdf = await issue(database, signed)
    assert "Ce fichier est authentique." in await judge(anybody, page_of(signed), pdf)
    given = next(each for each in signed.signatures if each.party_id == first.party_id)
    await commands.contest_signatures(database, signed.id, given.mandate_id, ended_on=given.day)
    page = await judge(anybody, page_of(signed), pdf)
    assert "une signature qu&#39;il porte est contestée depuis" in page
    name = escape(signed.names[first.organisation_id].fr)
    assert f"<li>{name}, sa signature est contestée depuis</li>" in page
    later = await issue(database, signed)
    assert "Ce fichier est authentique." in await judge(anybody, page_of(signed), later), "it shows that itself"


async def test_what_is_negotiated_again_is_not_for_everybody(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    await issue(database, agreement)
    await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())
    page = await look(anybody, page_of(agreement))
    assert str(agreement.reference) in page and "Convention renégociée" in page
    assert agreement.title.fr not in page and agreement.title.ar not in page
    assert not any(name.fr in page for name in agreement.names.values())
    assert "Prend fin le" not in page


async def test_an_annex_of_what_is_signed_is_known(anybody: AsyncClient, database: Database) -> None:
    terms = current()
    await know(database, terms)
    draft = await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())
    content = pdf("annexe (fictif)")
    await attached(database, draft, "text_annex", content=content, name="annexe.pdf")
    await commands.open_negotiation(database, draft.id, by=officer())
    await accept_for_all(database, await queries.agreement(database, draft.id, action="read_agreement", by=MINISTRY))
    await commands.submit_for_review(database, draft.id, by=officer())
    agreement = await commands.approve_agreement(database, draft.id, by=LEGAL)
    assert "une annexe de ce document" in await judge(anybody, page_of(agreement), content)
    await commands.cancel_agreement(database, agreement.id, reason="(fictif)", by=officer())
    assert "engage personne" in await judge(anybody, page_of(agreement), content)


async def test_a_long_scan_that_is_a_signature_is_known_by_its_hash(
    anybody: AsyncClient, database: Database, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_BYTES", 1_000)
    scan = pdf("x" * 3_000)
    await attached(database, agreement, "signed_copy", content=scan)
    party = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    await commands.record_scan(
        database,
        agreement.id,
        party_id=party.party_id,
        text_hash=agreement.text_hash or "",
        person=signer(party.organisation_id).person,
        file_hash=hashlib.sha256(scan).hexdigest(),
        signed_on=today(),
        by=officer(),
    )
    await commands.accept_scan(database, agreement.id, party_id=party.party_id, by=director())
    assert "un exemplaire signé de ce document" in await judge(anybody, page_of(agreement), scan)


async def test_a_code_holds_after_the_text_was_reopened_and_the_page_says_so(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    pdf = await issue(database, agreement)
    await commands.reopen_text(database, agreement.id, reason="(fictif)", by=officer())
    assert "rouvert" in await look(anybody, page_of(agreement))
    assert "mais dépassé" in await judge(anybody, page_of(agreement), pdf)


async def test_the_minutes_of_a_ceremony_are_verified_like_an_agreement(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    ceremony = await hold(database, agreement.id)
    ceremony = await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    address = f"/v/{ceremony.id}?h={minutes_hash(ceremony)[:16]}"
    assert "n&#39;est pas encore adopté" in await look(anybody, address)
    issued = await papers.issue_minutes(database, ceremony.id, language="ar", by=MINISTRY)
    assert "Ce fichier est authentique." in await judge(anybody, address, issued.pdf)


async def test_an_extract_of_minutes_is_known_behind_the_code_of_the_minutes(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    foreign = await approved(database, current("MA-07"))
    ceremony = await hold(database, agreement.id, foreign.id)
    ceremony = await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    issued = await papers.issue_minutes(database, ceremony.id, language="fr", by=officer())
    text = text_of(issued.pdf)
    assert str(agreement.reference) in text and str(foreign.reference) not in text
    address = f"/v/{ceremony.id}?h={minutes_hash(ceremony)[:16]}"
    assert address in text and issued.name.endswith("-minutes_extract-v" + f"{ceremony.version}-fr")
    judged = await judge(anybody, address, issued.pdf)
    assert "Ce fichier est authentique." in judged and "Extrait du procès-verbal, version" in judged
    altered = issued.pdf.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    assert "Ce fichier est authentique." not in await judge(anybody, address, altered)


async def test_a_form_without_a_file_says_what_to_do(anybody: AsyncClient, agreement: Agreement) -> None:
    address = page_of(agreement)
    headers = {"Accept-Language": "fr"}
    for answered in (
        await anybody.post(address, headers=headers),
        await anybody.post(address, data={"file": "x"}, headers=headers),
        await anybody.post(address, files={"file": ("", b"")}, headers=headers),
        await anybody.post(
            address, content=b"--x", headers=headers | {"Content-Type": "multipart/form-data; boundary=x"}
        ),
        await anybody.post(address, files=[("file", ("a", b"a")), ("file", ("b", b"b"))], headers=headers),
    ):
        assert answered.status_code == 200 and "Choisissez un fichier" in answered.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_file_that_is_too_long_is_refused_in_the_language_of_the_page(
    anybody: AsyncClient, agreement: Agreement, language: str
) -> None:
    file = b"%PDF-".ljust(verification.MOST_BYTES + 1, b"x")
    answered = await anybody.post(f"{page_of(agreement)}&lang={language}", files={"file": ("x.pdf", file)})
    assert (answered.status_code, answered.headers["Content-Language"]) == (413, language)
    assert answered.headers["Content-Type"].startswith("text/html") and "5000" in answered.text


def sealed_by_thirty() -> bytes:
    """A sample of as many parties and clauses as an agreement may have, sealed by all."""
    paper, root = sealable(), Root()
    parties = tuple(paper.parties[0].model_copy(update={"party_id": new_id()}) for _ in range(30))
    frames = frames_for((each.party_id, each.name) for each in parties)
    clauses = tuple(paper.clauses[number % len(paper.clauses)] for number in range(200))
    paper = paper.model_copy(update={"parties": parties, "frames": frames, "clauses": clauses})
    file = render_agreement(paper, "both")
    for place in range(30):
        sealing = paper.model_copy(update={"parties": parties[place:]})
        file = add_seal(file, sealing, 0, root.issue(), trust=root.trust, at=AT + timedelta(minutes=place))
    return file


async def test_what_thirty_parties_have_sealed_is_judged(anybody: AsyncClient, agreement: Agreement) -> None:
    file = await asyncio.to_thread(sealed_by_thirty)
    assert 2 * len(file) < verification.MOST_BYTES
    page = await judge(anybody, page_of(agreement), file)
    assert hashlib.sha256(file).hexdigest() in page
    title = Wording(WORDING).text("verification.worth.untrusted.title", "fr")
    assert title in unescape(page), "read to its end, and a stranger's"


async def test_who_asks_too_often_waits(
    anybody: AsyncClient, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "LOOKS", parse("3 per minute"))
    answers = [await anybody.get(f"/v/{new_id()}") for _ in range(3)]
    assert {each.status_code for each in answers} == {404}
    refused: Response = await anybody.get(page_of(agreement), headers={"Accept-Language": "fr"})
    assert refused.status_code == 429 and "Trop de demandes" in refused.text
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    other = await anybody.get(page_of(agreement), headers={"X-Forwarded-For": "192.0.2.7"})
    assert other.status_code == 200, "another client of the gateway's"


async def test_a_line_with_many_addresses_is_one_caller(
    anybody: AsyncClient, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "LOOKS", parse("3 per minute"))

    async def asked_from(address: str) -> int:
        return (await anybody.get(page_of(agreement), headers={"X-Forwarded-For": address})).status_code

    assert [await asked_from(f"2001:db8:1:2::{number}") for number in range(5)] == [200, 200, 200, 429, 429]
    assert await asked_from("2001:db8:1:3::1") == 200


class Links(HTMLParser):
    """The addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, page: str) -> list[str]:
        """Those of this page."""
        parser = cls()
        parser.feed(page)
        return parser.found

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect them."""
        self.found += [value for name, value in attributes if tag == "a" and name == "href" and value]
