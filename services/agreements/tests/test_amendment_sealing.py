"""Advanced and qualified signatures under an amendment are seals on its file, and are refused for the same reasons."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.commands import giving, papers
from services.agreements.commands import sealing as making
from services.agreements.errors import AlreadySigned, MandateNotValid, NoMandate
from services.agreements.errors.amendments import ContentHashDiffers, NotTouched
from services.agreements.errors.families import TermBeyondParent
from services.agreements.errors.sealing import (
    CertificateNotQualified,
    CertificateNotTrusted,
    CertificateNotValid,
    CertificateRevoked,
    LevelNotOffered,
    SealedFileDamaged,
    SealUnavailable,
)
from services.agreements.errors.signing import (
    DelegationOver,
    LevelTooLow,
    NotYourTurnToSign,
    OfferExpired,
    TextTampered,
)
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.papers.drawing import draw_sealable_amendment
from services.agreements.sealing import Seal, configure, examine, sealing
from services.agreements.settings import AgreementsSettings
from services.agreements.tables import AMENDMENTS, PaperRow
from services.agreements.tests.branches import (
    agree,
    carry,
    owed,
    propose,
    read,
    reread,
    revise,
    reword,
    sign_for,
)
from services.agreements.tests.builders import (
    MINISTRY,
    bound,
    change_kind,
    current,
    mandate,
    network_terms,
    officer,
    outcome_of,
    person,
    signer,
)
from services.agreements.tests.reading import all_in, text_of
from services.agreements.tests.seals import DAY, QUALIFIED, Root, seal_with
from services.agreements.tests.test_sealing import is_chain
from shared import files
from shared.actor import NATIONAL, Role
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import AmendmentPartySigned
from shared.messaging.tables import JournalRow
from shared.worker import in_worker
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

S = AmendmentState

PUT_IN_THEIR_PLACE = """
    update amendment
    set state = jsonb_set(state, '{parties,0,organisation_id}', state #> '{parties,1,organisation_id}')
"""
"""Whoever may sign for the association may sign for the academy as well."""


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force."""
    return await bound(database, current(effective_from=today()))


@pytest.fixture
async def offered(database: Database, agreement: Agreement) -> Amendment:
    """An amendment that all three parties are to sign."""
    return await agree(database, await reword(database, await propose(database, agreement), "article-1", "Autrement"))


async def seal_for(database: Database, amendment: Amendment, place: int = 0, **options: Any) -> Amendment:
    """An advanced signature for the party at this place of those whom it touches."""
    return await sign_for(database, amendment, amendment.touched[place], **({"level": "advanced"} | options))


async def seals_of(amendment: Amendment) -> tuple[Seal, ...]:
    """The seals of its file, examined."""
    return await in_worker(examine, await files.get(amendment.sealed_file or ""), sealing().trust, now())


async def tamper(database: Database, statement: str, **values: Any) -> None:
    """Change the database as its owner could."""
    async with database.engine.begin() as connection:
        await connection.execute(text("set local role none"))
        assert (await connection.execute(text(statement), values)).rowcount == 1


async def test_every_party_seals_on_top_of_the_others_and_the_last_seal_applies_it(
    database: Database, offered: Amendment
) -> None:
    for at in range(3):
        offered = await seal_for(database, offered, at)
    assert offered.state == S.applied
    assert [each.number for each in (await read(database, offered.agreement_id)).amendments] == [1]
    given = [await files.get(each.file_hash or "") for each in offered.signatures]
    archived = await files.get(offered.archived_file or "")
    assert is_chain([archived, *given]) and b"<pdfaid:part>2</pdfaid:part>" in archived
    assert offered.sealed_file == offered.signatures[-1].file_hash
    found = await seals_of(offered)
    assert [each.flaws for each in found] == [(), (), ()]
    assert [each.revision for each in found] == [each.file_hash for each in offered.signatures]
    assert [each.field for each in found] == [str(each.party_id) for each in offered.signatures]
    assert {each.content_hash for each in found} == {offered.content_hash}
    async with database.transaction(NATIONAL) as tx:
        events = [row.event() for row in await AMENDMENTS.history(tx, offered.id)]
        rows = (await tx.execute(select(PaperRow).where(col(PaperRow.subject_id) == offered.id))).scalars().all()
    told = [each for each in events if isinstance(each, AmendmentPartySigned)]
    assert [(each.level, each.file_hash) for each in told] == [("advanced", g.file_hash) for g in offered.signatures]
    assert "archived_file" not in told[0].model_dump(), "the file from before is our own affair"
    assert Amendment.fold(offered.id, events) == offered
    assert {row.hash for row in rows} == {offered.archived_file, *(each.file_hash for each in offered.signatures)}
    assert {(row.document, row.content_hash) for row in rows} == {
        ("amendment", offered.content_hash),
        ("sealed", offered.content_hash),
    }


async def test_each_signature_keeps_its_level_and_only_seals_change_the_file(
    database: Database, agreement: Agreement, offered: Amendment
) -> None:
    async with database.transaction(NATIONAL) as tx:
        before = await draw_sealable_amendment(tx, agreement, offered)
    simple = await seal_for(database, offered, 0, level="simple")
    assert simple.sealed_file is None
    async with database.transaction(NATIONAL) as tx:
        assert await draw_sealable_amendment(tx, agreement, simple) == before, "whoever signs first"
    sealed = await seal_for(database, simple, 1)
    archived = text_of(await files.get(sealed.archived_file or ""))
    assert all_in("Chaque cachet électronique est dans le cadre de sa partie", archived)
    assert all_in("Désormais Autrement (fictif)", archived)
    for signature in sealed.signatures:
        assert signature.person not in text_of(await files.get(sealed.sealed_file or ""))
    after = await seal_for(database, sealed, 2, level="simple")
    assert after.sealed_file == sealed.sealed_file and after.state == S.applied
    assert [each.level for each in after.signatures] == ["simple", "advanced", "simple"]
    assert len(await seals_of(after)) == 1


async def test_parties_that_seal_at_once_lose_no_seal(
    database: Database, offered: Amendment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the turns that one process keeps, the later one is overtaken and seals anew."""

    class Strangers(dict[Any, asyncio.Lock]):
        def setdefault(self, _key: Any, default: Any = None) -> Any:
            return default

    monkeypatch.setattr(making, "_turns", Strangers())
    made = 0
    seal = making.make_seal

    async def counted(*asked: Any) -> Any:
        nonlocal made
        made += 1
        return await seal(*asked)

    monkeypatch.setattr(giving, "make_seal", counted)
    await asyncio.gather(*(seal_for(database, offered, at) for at in range(3)))
    final = await reread(database, offered)
    assert final.state == S.applied and made > 3
    assert [each.flaws for each in await seals_of(final)] == [(), (), ()]


async def test_the_same_seal_twice_at_once_counts_once(database: Database, offered: Amendment) -> None:
    outcomes = await asyncio.gather(*(outcome_of(seal_for(database, offered)) for _ in range(2)))
    assert outcomes.count(AlreadySigned) == 1
    assert len(await seals_of(await reread(database, offered))) == 1


async def test_no_key_is_asked_for_a_signature_that_would_be_refused(
    database: Database, agreement: Agreement, offered: Amendment, tmp_path: Path
) -> None:
    root = Root()
    hands = seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    academy, operator, _ = (offered.party(each).organisation_id for each in offered.touched)
    deputy = person("deputy", Role.academy_director, "MA-06")
    with pytest.raises(NoMandate):
        await seal_for(database, offered, by=deputy)
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(academy, deputy, valid_until=today() - DAY))
    with pytest.raises(MandateNotValid):
        await seal_for(database, offered, by=deputy)
    with pytest.raises(ContentHashDiffers):
        await seal_for(database, offered, content_hash=offered.base_hash)
    narrow = await agree(
        database, await revise(database, await propose(database, agreement), obligations=(owed(agreement),))
    )
    with pytest.raises(NotTouched):
        await sign_for(database, narrow, agreement.parties[2].party_id, level="advanced")
    assert hands.asked == [] and (await reread(database, offered)).version == offered.version
    sealed = await seal_for(database, offered, 1)
    assert [each.organisation_id for each in hands.asked] == [operator] and sealed.signatures


async def test_no_key_is_asked_below_the_level_nor_before_ones_turn(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = (SigningGroup(roles=("operator",)),)
    change_kind(monkeypatch, signing=SigningRule(groups=groups, least_level="qualified"))
    root = Root()
    hands = seal_with(lambda: root.issue(now() - DAY, now() + DAY, states=QUALIFIED), root.trust, tmp_path)
    agreement = await bound(database, current(effective_from=today()))
    offered = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    hands.asked.clear()
    with pytest.raises(LevelTooLow):
        await seal_for(database, offered, 1)
    with pytest.raises(NotYourTurnToSign):
        await seal_for(database, offered, level="qualified")
    assert hands.asked == [] and (await reread(database, offered)).version == offered.version
    sealed = await seal_for(database, offered, 1, level="qualified")
    operator = offered.party(offered.touched[1]).organisation_id
    assert [each.organisation_id for each in hands.asked] == [operator] and sealed.signatures


async def test_a_delegate_seals_for_the_mandated_until_the_delegation_or_the_offer_is_over(
    database: Database, offered: Amendment, tmp_path: Path
) -> None:
    root = Root()
    hands = seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    party = offered.party(offered.touched[0])
    holder, deputy = signer(party.organisation_id), person("deputy", Role.academy_director, "MA-06")
    await commands.delegate_amendment(
        database,
        offered.id,
        party_id=party.party_id,
        delegate=deputy.person,
        valid_until=today() + DAY,
        document="(fictif) acte",
        by=holder,
    )
    for by, days, refusal in ((deputy, 3, DelegationOver), (holder, 61, OfferExpired)):
        with pytest.raises(refusal):
            await seal_for(database, offered, by=by, at=now() + days * DAY)
    assert hands.asked == []
    [given] = (await seal_for(database, offered, by=deputy)).signatures
    assert (given.person, given.on_behalf_of, given.level) == (deputy.person, holder.person, "advanced")


@pytest.mark.parametrize(
    ("statement", "places"),
    [
        ("update content set body = body || ' ' where body = 'Autrement (fictif).'", ["article-1/fr"]),
        ("update content set body = body || ' ' where hash = :content", ["table"]),
        ("update content set body = body || ' ' where body like 'Texte de l''article 1 %'", ["article-1/fr"]),
        ("update amendment set state = jsonb_set(state, '{content_hash}', to_jsonb(cast(:base as text)))", ["terms"]),
        ("update amendment set state = jsonb_set(state, '{reference}', to_jsonb(cast('X' as text)))", ["number"]),
        ("update amendment set state = jsonb_set(state, '{touched}', (state->'touched') - 2)", ["terms"]),
        ("update amendment set state = jsonb_set(state, '{names}', '{}')", ["names"]),
        ("update amendment set state = jsonb_set(state, '{base_hash}', state->'content_hash')", ["terms"]),
        (PUT_IN_THEIR_PLACE, ["parties"]),
        ("update amendment set state = jsonb_set(state, '{agreement_kind}', '\"ministry-network\"')", ["kind"]),
    ],
    ids=[
        "a clause",
        "the content",
        "what was before",
        "another content",
        "the number",
        "who signs",
        "the names",
        "no change",
        "a party",
        "the kind",
    ],
)
async def test_what_is_not_as_it_was_frozen_is_neither_signed_nor_sealed(
    database: Database, offered: Amendment, tmp_path: Path, statement: str, places: list[str]
) -> None:
    root = Root()
    hands = seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    given = {":content": offered.content_hash, ":base": offered.base_hash}
    await tamper(database, statement, **{name[1:]: value for name, value in given.items() if name in statement})
    seen = await reread(database, offered)
    for level in ("simple", "advanced"):
        with pytest.raises(TextTampered) as refused:
            await seal_for(database, seen, level=level)
        assert refused.value.values["places"] == places
    assert hands.asked == [] and (await reread(database, offered)).signatures == ()


async def test_no_key_is_asked_for_the_last_signature_of_what_cannot_be_applied(
    database: Database, tmp_path: Path
) -> None:
    start, until = today() - timedelta(days=40), today() + timedelta(days=900)
    framework = network_terms(agreement_kind="framework", effective_from=start, effective_until=until)
    parent = await bound(database, framework)
    within = current(effective_from=start, parent_id=parent.id, effective_until=until - timedelta(days=200))
    child = await bound(database, within)
    longer = await agree(database, await revise(database, await propose(database, child), effective_until=until))
    root = Root()
    hands = seal_with(lambda: root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    for at in range(2):
        longer = await seal_for(database, longer, at)
    shorter = await revise(database, await propose(database, parent), effective_until=until - timedelta(days=100))
    await carry(database, shorter)
    with pytest.raises(TermBeyondParent):
        await seal_for(database, longer, 2)
    assert len(hands.asked) == 2 and (await reread(database, longer)).version == longer.version


async def test_a_certificate_that_does_not_count_is_refused_for_its_reason(
    database: Database, offered: Amendment, tmp_path: Path
) -> None:
    root, other = Root(), Root("Ailleurs (fictif)")
    over, good = root.issue(now() - 9 * DAY, now() - DAY), root.issue(now() - DAY, now() + DAY)
    refused: list[tuple[Any, Any, Any, type[Exception]]] = [
        (over, root.trust, "advanced", CertificateNotValid),
        (good, other.trust, "advanced", CertificateNotTrusted),
        (good, root.revoking(good, now() - timedelta(hours=1)), "advanced", CertificateRevoked),
        (good, root.trust, "qualified", CertificateNotQualified),
    ]
    for pen, trust, level, refusal in refused:
        seal_with(pen, trust, tmp_path)
        with pytest.raises(refusal):
            await seal_for(database, offered, level=level)
    assert (await reread(database, offered)).version == offered.version
    seal_with(root.issue(now() - DAY, now() + DAY, states=QUALIFIED), root.trust, tmp_path)
    signed = await seal_for(database, offered, level="qualified")
    assert [each.level for each in signed.signatures] == ["qualified"]
    assert [each.qualified for each in await seals_of(signed)] == [True]


async def test_a_provider_in_trouble_leaves_nothing_half_done(
    database: Database, offered: Amendment, tmp_path: Path
) -> None:
    root = Root()
    hands = seal_with(None, root.trust, tmp_path)
    with pytest.raises(SealUnavailable):
        await seal_for(database, offered)
    assert await reread(database, offered) == offered
    async with database.transaction(NATIONAL) as tx:
        rows = select(JournalRow.aggregate_version).where(col(JournalRow.aggregate_id) == offered.id)  # type: ignore[call-overload]
        assert len((await tx.execute(rows)).all()) == offered.version
    hands.pen = root.issue(now() - DAY, now() + DAY)
    assert (await seal_for(database, offered)).signatures, "it may be tried again"


async def test_a_level_that_nobody_gives_here_is_refused(database: Database, offered: Amendment) -> None:
    with pytest.raises(LevelNotOffered) as refused:
        await seal_for(database, offered, level="qualified")
    assert refused.value.values == {"level": "qualified", "offered": ["simple", "advanced"]}
    configure(AgreementsSettings(seal="none"))
    with pytest.raises(LevelNotOffered):
        await seal_for(database, offered)
    assert (await seal_for(database, offered, level="simple")).signatures, "it needs no certificate"


async def test_nothing_is_sealed_on_top_of_a_damaged_file(
    database: Database, offered: Amendment, own_files: Path
) -> None:
    sealed = await seal_for(database, offered)
    hash = sealed.sealed_file or ""
    (own_files / hash[:2] / hash).unlink()
    with pytest.raises(SealedFileDamaged):
        await seal_for(database, sealed, 1)
    with pytest.raises(SealedFileDamaged):
        await papers.read_sealed_amendment(database, sealed.id, by=MINISTRY)
    assert (await reread(database, sealed)).version == sealed.version


async def test_a_rebase_voids_the_seals_and_the_branch_is_sealed_anew(
    database: Database, agreement: Agreement, offered: Amendment
) -> None:
    sealed = await seal_for(database, offered)
    await carry(database, await reword(database, await propose(database, agreement), "article-2", "Encore"))
    behind = await reread(database, offered)
    assert (behind.state, behind.sealed_file, behind.archived_file) == (S.rebase_needed, None, None)
    again = await agree(database, await commands.rebase_amendment(database, offered.id, by=officer()))
    anew = await seal_for(database, again)
    assert anew.archived_file != sealed.archived_file
    assert [each.content_hash for each in await seals_of(anew)] == [again.content_hash]


async def test_a_seal_is_asked_for_over_http_given_once_and_its_file_is_fetched(
    app: Any, issuer: Issuer, database: Database, offered: Amendment
) -> None:
    party_id = next(each.party_id for each in offered.parties if "supervising_ministry" in each.roles)
    body = {"party_id": str(party_id), "content_hash": offered.content_hash, "level": "advanced"}
    path = f"/api/v1/amendments/{offered.id}"
    async with client_of(app, issuer.token(MINISTRY)) as client:
        is_problem(await client.get(f"{path}/sealed"), 404, "not-found")
        answers = [
            await client.post(f"{path}/signatures", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)
        ]
        assert [each.status_code for each in answers] == [201, 201] and answers[0].content == answers[1].content
        is_problem(await client.post(f"{path}/signatures", json=body), 409, "already-signed")
        sealed = await reread(database, offered)
        given = await client.get(f"{path}/sealed")
    party = next(each for each in answers[0].json()["parties"] if each["party_id"] == str(party_id))
    assert (party["signature"]["level"], party["signature"]["file_hash"]) == ("advanced", sealed.sealed_file)
    assert given.content == await files.get(sealed.sealed_file or "")
    assert given.headers["etag"] == f'"{sealed.sealed_file}"'
    assert given.headers["content-disposition"].startswith('attachment; filename="')
    async with client_of(app, issuer.token(officer("MA-01"))) as client:
        is_problem(await client.get(f"{path}/sealed"), 404, "not-found")
