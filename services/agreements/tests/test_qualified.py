"""A signature is qualified because its certificate states it, never because somebody configured it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from httpx import AsyncClient

from services.agreements.agreement import Agreement
from services.agreements.errors.sealing import CertificateNotQualified, LevelNotOffered
from services.agreements.judgement import Worth
from services.agreements.papers import SealPaper, render_agreement, render_seal, samples
from services.agreements.sealing import configure, examine
from services.agreements.sealing.holder import certificate_of
from services.agreements.sealing.qualified import COMPLIANT, DEVICE, TYPES, is_qualified
from services.agreements.settings import AgreementsSettings
from services.agreements.tests.builders import approved, sign_for
from services.agreements.tests.pages import HOLDS, file_of, issue, judge, look, page_of, said
from services.agreements.tests.reading import all_in, text_of
from services.agreements.tests.seals import (
    AT,
    DAY,
    QUALIFIED,
    Root,
    add_seal,
    seal_with,
    sealable,
    write_p12,
    write_roots,
)
from shared.clock import now
from shared.database import Database
from shared.territory import MINISTRY_ID

POLICY, ANOTHER = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"
"""Policies (fictitious) under which certificates are issued."""


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement whose text is frozen, and nobody has signed."""
    return await approved(database)


@pytest.mark.parametrize(
    ("states", "under", "accepted", "qualified"),
    [
        ((), (), (), False),
        ((COMPLIANT,), (), (), False),
        ((DEVICE,), (), (), False),
        (QUALIFIED, (), (), True),
        (QUALIFIED, (), (POLICY,), False),
        (QUALIFIED, (ANOTHER,), (POLICY,), False),
        (QUALIFIED, (ANOTHER, POLICY), (POLICY,), True),
        ((), (POLICY,), (POLICY,), False),
        ((*QUALIFIED, TYPES), (), (), False),
    ],
)
def test_a_certificate_is_qualified_by_both_statements_and_a_policy_that_counts(
    states: Sequence[str], under: Sequence[str], accepted: Sequence[str], qualified: bool
) -> None:
    pen = Root().issue(states=states, under=under)
    assert is_qualified(Certificate.load(pen.chain[0]), accepted) is qualified


@pytest.mark.parametrize(("types", "qualified"), [((1,), True), ((2,), True), ((3,), False), ((1, 3), True)])
def test_a_certificate_that_is_for_websites_only_makes_no_qualified_signature(
    types: Sequence[int], qualified: bool
) -> None:
    pen = Root().issue(states=QUALIFIED, types=[f"{TYPES}.{each}" for each in types])
    assert is_qualified(Certificate.load(pen.chain[0])) is qualified


@pytest.mark.parametrize(
    ("types", "purpose"), [((), None), ((1,), "signature"), ((2,), "seal"), ((3,), None), ((2, 1), "signature")]
)
def test_what_a_certificate_is_for_is_what_it_states(types: Sequence[int], purpose: str | None) -> None:
    pen = Root().issue(states=QUALIFIED, types=[f"{TYPES}.{each}" for each in types])
    assert certificate_of(pen.chain[0]).purpose == purpose


def test_statements_that_cannot_be_read_say_nothing_of_what_a_certificate_is_for() -> None:
    assert certificate_of(Root().issue(states=(*QUALIFIED, TYPES)).chain[0]).purpose is None
    assert certificate_of(Root().issue().chain[0]).purpose is None


@pytest.mark.parametrize(
    ("type", "on_paper", "on_the_page"),
    [
        (1, "Signature qualifiée", {"fr": "(qualifiée,", "ar": "(مؤهل،", "en": "(qualified,"}),
        (2, "Cachet électronique qualifié", {"fr": "(cachet qualifié,", "ar": "(ختم مؤهل،", "en": "(qualified seal,"}),
    ],
)
async def test_what_a_certificate_for_seals_makes_is_called_a_seal(
    anybody: AsyncClient,
    database: Database,
    agreement: Agreement,
    tmp_path: Path,
    type: int,
    on_paper: str,
    on_the_page: Mapping[str, str],
) -> None:
    root = Root()
    pen = root.issue(now() - DAY, now() + DAY, states=QUALIFIED, types=[f"{TYPES}.{type}"])
    seal_with(pen, root.trust, tmp_path)
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    assert on_paper in text_of(await issue(database, sealed))
    for language, words in on_the_page.items():
        assert words in await look(anybody, page_of(sealed), language)
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert page.count(on_the_page["fr"].rstrip(",")) == 2 and HOLDS in page, "once of the signature, once of its seal"


def test_a_seal_shows_that_it_is_one_in_both_languages() -> None:
    of = samples.signatures()[0].model_copy(update={"level": "qualified"})
    paper = SealPaper(drawn_at=AT, title=of.party, signature=of)
    pen = Root().issue(states=QUALIFIED, types=[f"{TYPES}.2"])
    shown = text_of(render_seal(paper.naming(certificate_of(pen.chain[0]))))
    assert all_in("Cachet électronique qualifié", shown) and all_in("ختم إلكتروني مؤهل", shown)
    assert "Signature qualifiée" not in shown


def test_a_file_shows_whether_its_certificate_is_a_qualified_one() -> None:
    root, paper = Root(), sealable()
    file = render_agreement(paper, "both")
    file = add_seal(file, paper, 0, root.issue(states=QUALIFIED), trust=root.trust, level="qualified")
    file = add_seal(file, paper, 1, root.issue(), trust=root.trust)
    assert [(each.flaws, each.qualified) for each in examine(file, root.trust, AT)] == [((), True), ((), False)]


async def test_a_trial_authority_gives_no_qualified_signature(database: Database, agreement: Agreement) -> None:
    with pytest.raises(LevelNotOffered) as refused:
        await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    assert refused.value.values == {"level": "qualified", "offered": ["simple", "advanced"]}


async def test_a_setting_makes_no_certificate_a_qualified_one(
    database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    """Neither a PKCS#12 file that is said to be, nor a provider that says so."""
    root = Root()
    plain, stated = (root.issue(now() - DAY, now() + DAY, states=states) for states in ((), QUALIFIED))
    roots, file = write_roots(tmp_path / "roots.pem", root.trust), write_p12(tmp_path / f"{MINISTRY_ID}.p12", plain)
    settings = {"seal": "pkcs12", "seal_pkcs12": file, "seal_passphrase": "fictif", "seal_roots": roots}
    configure(AgreementsSettings.model_validate(settings | {"seal_level": "qualified"}))
    with pytest.raises(CertificateNotQualified):
        await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    seal_with(plain, root.trust, tmp_path)
    with pytest.raises(CertificateNotQualified):
        await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    seal_with(stated, root.trust, tmp_path, seal_qualified_policies=[POLICY])
    with pytest.raises(CertificateNotQualified):
        await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    assert len((await sign_for(database, agreement, MINISTRY_ID, level="advanced")).signatures) == 1


async def test_a_qualified_signature_holds_for_as_long_as_its_certificate_counts_as_one(
    anybody: AsyncClient, database: Database, agreement: Agreement, tmp_path: Path
) -> None:
    root = Root()
    seal_with(root.issue(now() - DAY, now() + DAY, states=QUALIFIED), root.trust, tmp_path)
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.sealed) in page and HOLDS in page and "qualifiée" in page
    seal_with(None, root.trust, tmp_path, seal_qualified_policies=[POLICY])
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.unqualified) in page and HOLDS not in page
    for other in Worth:
        assert other is Worth.unqualified or said(other) not in page


async def test_an_advanced_signature_needs_no_statement(
    anybody: AsyncClient, database: Database, agreement: Agreement
) -> None:
    sealed = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    assert said(Worth.sealed) in await judge(anybody, page_of(sealed), await file_of(sealed))
