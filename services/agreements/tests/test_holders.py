"""A seal is its party's alone: whose certificate it is is compared where the installation says so, kept, and shown."""

import io
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from httpx import AsyncClient

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.sealing import CertificateOfAnother
from services.agreements.judgement import Worth
from services.agreements.papers.drawing import draw_agreement, draw_certificate
from services.agreements.papers.saying import signature as in_words
from services.agreements.sealing import certificate_of, is_of
from services.agreements.tests import branches
from services.agreements.tests.builders import approved, bound, current, operator_of, sign_for
from services.agreements.tests.pages import HOLDS, file_of, judge, look, page_of, said
from services.agreements.tests.reading import text_of
from services.agreements.tests.seals import DAY, Root, seal_with
from services.agreements.tests.test_amendment_sealing import seal_for as seal_amendment
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import AgreementPartySigned, SealingCertificate
from shared.ids import new_id
from shared.messaging import journal
from shared.territory import MINISTRY_ID

CALLED = {
    NameOID.ORGANIZATION_NAME: "Association d'ailleurs (fictif)",
    NameOID.ORGANIZATION_IDENTIFIER: "NTRMA-0000000",
    NameOID.COMMON_NAME: "Cachet (fictif)",
}
SHOWN = "Association d'ailleurs (fictif) (NTRMA-0000000)"
PERSON = {NameOID.COMMON_NAME: "Personne (fictif)", NameOID.SURNAME: "Personne", NameOID.GIVEN_NAME: "Une"}


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen, and nobody has signed."""
    return await approved(database)


def pictured(file: bytes) -> str:
    """All that a sealed file shows, what is in its frames with it."""
    document = pypdfium2.PdfDocument(file)
    document.init_forms()
    for page in document:
        page.flatten()
    return text_of(saved(document))


def saved(document: pypdfium2.PdfDocument) -> bytes:
    """The document as a file again."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def told(names: dict[x509.ObjectIdentifier, str]) -> SealingCertificate:
    """What is told of a certificate with these names."""
    return certificate_of(Root().issue(names=names).chain[0])


def test_a_certificate_is_told_by_its_organisation_and_by_no_person() -> None:
    whole = told(CALLED)
    assert (whole.holder, whole.identifier) == ("Association d'ailleurs (fictif)", "NTRMA-0000000")
    assert whole.named == SHOWN and len(whole.fingerprint) == 64
    assert told(PERSON).named is None, "a person's name is nobody's business"
    assert told(PERSON | CALLED | {NameOID.COMMON_NAME: "Personne (fictif)"}).named == SHOWN
    assert told({NameOID.COMMON_NAME: "Association (fictif)"}).named == "Association (fictif)"
    assert told({NameOID.ORGANIZATION_NAME: "Une \u202efictif\u202c  association"}).holder == "Une fictif association"
    assert told({NameOID.ORGANIZATION_NAME: "A" * 64}).named == "A" * 64


def test_a_certificate_is_compared_with_what_the_installation_says() -> None:
    """By its identifier or its O, however spaced and capitalised; of who is not listed, with the others' names."""
    ours, other = new_id(), new_id()
    certificate = told(CALLED)
    assert is_of(certificate, ours, {}), "nothing is said of anybody"
    assert is_of(certificate, ours, {ours: ["ntrma-0000000"]})
    assert is_of(certificate, ours, {ours: ["ASSOCIATION  d'ailleurs (fictif)"]})
    assert not is_of(certificate, ours, {ours: ["NTRMA-1"]})
    assert not is_of(certificate, ours, {other: ["NTRMA-0000000"]}), "it is another's"
    assert is_of(certificate, ours, {other: ["NTRMA-1"]})
    assert is_of(certificate, ours, {ours: ["NTRMA-1", "NTRMA-0000000"]}), "by the name of before, too"
    assert is_of(certificate, ours, {ours: ["NTRMA-0000000"], other: ["NTRMA-0000000"]}), (
        "one legal person, two offices"
    )


async def test_a_certificate_that_is_known_to_be_another_s_seals_nothing(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    pen = root.issue(now() - DAY, now() + DAY, names=CALLED)
    for holders in ({MINISTRY_ID: ["NTRMA-1"]}, {operator_of(agreement): ["NTRMA-0000000"]}):
        seal_with(pen, root.trust, tmp_path, seal_holders=holders)
        with pytest.raises(CertificateOfAnother) as refused:
            await sign_for(database, agreement, MINISTRY_ID, level="advanced")
        assert refused.value.values["holder"] == SHOWN and refused.value.values["organisation"] == MINISTRY_ID
    seal_with(pen, root.trust, tmp_path, seal_holders={MINISTRY_ID: ["NTRMA-1", "NTRMA-0000000"]})
    assert (await sign_for(database, agreement, MINISTRY_ID, level="advanced")).sealed_file


async def test_a_key_seals_for_one_party_alone(database: Database, agreement: Agreement, tmp_path: Path) -> None:
    """Whatever its certificates say, and whoever provides it."""
    root = Root()
    pen = root.issue(now() - DAY, now() + DAY)
    seal_with(pen, root.trust, tmp_path)
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    seal_with(root.issue(now() - DAY, now() + DAY, key=pen.key, names=CALLED), root.trust, tmp_path)
    with pytest.raises(CertificateOfAnother):
        await sign_for(database, sealed, operator_of(agreement), level="advanced")
    seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    assert len((await sign_for(database, sealed, operator_of(agreement), level="advanced")).signatures) == 2


async def test_whose_certificate_it_is_is_kept_and_shown_beside_the_party(
    anybody: AsyncClient, database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    seal_with(root.issue(now() - DAY, now() + DAY, names=CALLED), root.trust, tmp_path)
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    async with database.transaction(NATIONAL) as tx:
        last = (await journal.past(tx, sealed.id))[-1].event
    assert isinstance(last, AgreementPartySigned) and last.certificate and last.certificate.named == SHOWN
    picture = pictured(await file_of(sealed))
    assert "ailleurs" in picture and "NTRMA" in picture, "in the seal's picture"
    on_page = SHOWN.replace("'", "&#39;")
    assert on_page in await look(anybody, page_of(sealed))
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.sealed) in page and page.count(on_page) == 2, "by the journal, and by the file"
    for each in (MINISTRY_ID, *(each.organisation_id for each in agreement.parties)):
        if not any(sealed.party(given.party_id).organisation_id == each for given in sealed.signatures):
            sealed = await sign_for(database, sealed, each)
    async with database.transaction(NATIONAL) as tx:
        for paper in (await draw_agreement(tx, sealed), await draw_certificate(tx, sealed)):
            [line] = [each for each in paper.signatures if each.certificate]
            for language in ("ar", "fr"):
                assert any(SHOWN in fact for fact in in_words(line, language)["facts"])


async def test_a_seal_that_turns_out_to_be_another_s_is_told_as_such(
    anybody: AsyncClient, database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    """Its recorded level says nothing then: it is not linked to its party."""
    root = Root()
    seal_with(root.issue(now() - DAY, now() + DAY, names=CALLED), root.trust, tmp_path)
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    seal_with(None, root.trust, tmp_path, seal_holders={operator_of(agreement): ["NTRMA-0000000"]})
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.not_theirs) in page and HOLDS not in page
    for other in Worth:
        assert other is Worth.not_theirs or said(other) not in page


async def test_an_amendment_s_seal_is_its_party_s_alone(database: Database, tmp_path: Path) -> None:
    agreement = await bound(database, current(effective_from=today()))
    offered: Amendment = await branches.agree(
        database, await branches.reword(database, await branches.propose(database, agreement), "article-1", "Un")
    )
    root = Root()
    seal_with(root.issue(now() - DAY, now() + DAY, names=CALLED), root.trust, tmp_path)
    sealed = await seal_amendment(database, offered)
    [given] = sealed.signatures
    assert given.certificate and given.certificate.named == SHOWN
    with pytest.raises(CertificateOfAnother):
        await seal_amendment(database, sealed, 1)
