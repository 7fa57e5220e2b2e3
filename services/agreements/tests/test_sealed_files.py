"""What the page behind the code says of a sealed file that somebody brings: whether it holds, and if not, why."""

import asyncio
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from markupsafe import escape
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from services.agreements import commands, judgement
from services.agreements.agreement import Agreement
from services.agreements.errors.sealing import PlaceSealed
from services.agreements.judgement import Worth
from services.agreements.papers.drawing import draw_sealable, minutes_hash
from services.agreements.routes import verification
from services.agreements.sealing import Flaw, configure
from services.agreements.settings import AgreementsSettings
from services.agreements.tests.branches import carry, propose, revise
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    attached,
    clauses,
    current,
    director,
    hold,
    officer,
    operator_of,
    party,
    sign_for,
    signer,
)
from services.agreements.tests.pages import HOLDS, TEXTS, file_of, judge, page_of, said
from services.agreements.tests.seals import DAY, Root, add_seal, seal_with
from services.agreements.tests.test_examination import with_white_over_the_page, written
from shared import files
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.language import LANGUAGES
from shared.territory import MINISTRY_ID
from shared.worker import in_worker
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of

UNCHECKED = "n&#39;a pas été vérifiée"
"""What is said of revocation where no list tells."""


@pytest.fixture
async def sealed(database: Database) -> Agreement:
    """An agreement that two of its three parties have sealed."""
    agreement = await approved(database)
    for organisation in (MINISTRY_ID, operator_of(agreement)):
        agreement = await sign_for(database, agreement, organisation, level="advanced")
    return agreement


async def test_a_sealed_file_is_genuine_and_each_seal_is_told(anybody: AsyncClient, sealed: Agreement) -> None:
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.sealed) in page and page.count(HOLDS) == 2
    assert "avancée" in page and UNCHECKED not in page, "the trial authority has a revocation list"
    for each in sealed.signatures:
        assert each.person not in page and each.person.partition("#")[2] not in page
        assert str(each.mandate_id) not in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_tells_it(anybody: AsyncClient, sealed: Agreement, language: str) -> None:
    answered = await anybody.post(
        f"{page_of(sealed)}&lang={language}", files={"file": ("x.pdf", await file_of(sealed))}
    )
    assert answered.status_code == 200 and TEXTS.text("verification.seals.holds", language) in answered.text
    assert {f"verification.worth.{worth}.detail" for worth in Worth} <= set(TEXTS.keys("verification.worth."))
    assert {f"verification.flaws.{flaw}" for flaw in Flaw} == set(TEXTS.keys("verification.flaws."))


async def test_an_earlier_copy_is_genuine_and_says_that_others_signed_since(
    anybody: AsyncClient, sealed: Agreement
) -> None:
    first = await files.get(sealed.signatures[0].file_hash or "")
    page = await judge(anybody, page_of(sealed), first)
    assert said(Worth.earlier) in page and page.count(HOLDS) == 1
    archived = await files.get(sealed.archived_file or "")
    assert said(Worth.known) in await judge(anybody, page_of(sealed), archived)


async def test_what_we_gave_out_is_given_more_time_and_believed_no_more(
    anybody: AsyncClient, sealed: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list[object]()

    async def noted(*args: Any, **named: Any) -> Any:
        given.append(named["ours"])
        return await in_worker(*args, **named)

    monkeypatch.setattr(judgement, "in_worker", noted)
    file = await file_of(sealed)
    assert said(Worth.sealed) in await judge(anybody, page_of(sealed), file)
    assert said(Worth.altered) in await judge(anybody, page_of(sealed), file.replace(b"/Lang", b"/Lung", 1))
    assert given == [True, False]
    configure(AgreementsSettings.model_validate({"seal": "none"}))
    assert said(Worth.untrusted) in await judge(anybody, page_of(sealed), file)


async def test_an_altered_file_is_told_so(anybody: AsyncClient, sealed: Agreement) -> None:
    file = (await file_of(sealed)).replace(b"/Lang", b"/Lung", 1)
    page = await judge(anybody, page_of(sealed), file)
    assert said(Worth.altered) in page and HOLDS not in page


async def test_an_addition_after_the_seals_is_told_so(anybody: AsyncClient, sealed: Agreement) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(await file_of(sealed)))
    with_white_over_the_page(writer)
    page = await judge(anybody, page_of(sealed), written(writer))
    assert said(Worth.extended) in page and HOLDS not in page


async def test_one_byte_where_no_seal_looks_is_told_by_the_journal(anybody: AsyncClient, sealed: Agreement) -> None:
    """A signature lies in a gap that no signature covers, and ends before the gap does."""
    file = await file_of(sealed)
    gap = file.rindex(b"00000000>")
    page = await judge(anybody, page_of(sealed), file[:gap] + b"1" + file[gap + 1 :])
    assert said(Worth.unrecorded) in page and page.count(HOLDS) == 1


async def test_a_truncated_file_is_told_so(anybody: AsyncClient, sealed: Agreement) -> None:
    page = await judge(anybody, page_of(sealed), (await file_of(sealed))[:-300])
    assert said(Worth.unreadable) in page


@pytest.mark.parametrize("year", [b"0001", b"1989", b"2199", b"9999"])
async def test_a_seal_of_a_time_that_cannot_be_is_not_read(
    anybody: AsyncClient, sealed: Agreement, year: bytes
) -> None:
    file = re.sub(rb"(\(D\\072)\d{4}", rb"\g<1>" + year, await file_of(sealed))
    assert file != await file_of(sealed)
    assert said(Worth.unreadable) in await judge(anybody, page_of(sealed), file)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_no_page_can_say_of_a_file_makes_it_unreadable(
    anybody: AsyncClient, sealed: Agreement, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsayable(*_: Any) -> str:
        raise OverflowError

    monkeypatch.setattr(verification, "instant", unsayable)
    address = f"{page_of(sealed)}&lang={language}"
    answered = await anybody.post(address, files={"file": ("x.pdf", await file_of(sealed))})
    assert answered.status_code == 200
    assert escape(TEXTS.text("verification.worth.unreadable.title", language)) in answered.text


async def test_a_foreign_certificate_is_told_so(anybody: AsyncClient, database: Database, sealed: Agreement) -> None:
    """The very text of the agreement, sealed by somebody who names their certificates as they like."""
    archived = await files.get(sealed.archived_file or "")
    page = await judge(anybody, page_of(sealed), await forged(database, sealed, archived, Root()))
    assert said(Worth.untrusted) in page and HOLDS not in page


async def test_a_seal_of_a_trusted_certificate_that_was_never_recorded_is_told_so(
    anybody: AsyncClient, database: Database, sealed: Agreement, tmp_path: Path
) -> None:
    root = Root()
    seal_with(None, root.trust, tmp_path)
    archived = await files.get(sealed.archived_file or "")
    page = await judge(anybody, page_of(sealed), await forged(database, sealed, archived, root))
    assert said(Worth.unrecorded) in page


async def forged(database: Database, agreement: Agreement, archived: bytes, root: Root) -> bytes:
    """The file with a seal that no journal knows."""
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_sealable(tx, agreement)
    return await asyncio.to_thread(
        add_seal, archived, paper, 0, root.issue(now() - DAY, now() + DAY), at=now().replace(microsecond=0)
    )


async def test_a_certificate_that_had_expired_is_told_so(
    anybody: AsyncClient, database: Database, sealed: Agreement, tmp_path: Path
) -> None:
    root = Root()
    seal_with(None, root.trust, tmp_path)
    async with database.transaction(NATIONAL) as tx:
        paper = await draw_sealable(tx, sealed)
    pen = root.issue(now() - 9 * DAY, now() - DAY)
    archived = await files.get(sealed.archived_file or "")
    file = await asyncio.to_thread(add_seal, archived, paper, 0, pen, at=now())
    assert said(Worth.expired) in await judge(anybody, page_of(sealed), file)


async def test_a_certificate_that_ends_later_leaves_the_seal_good(
    anybody: AsyncClient, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    root = Root()
    seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    agreement = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    monkeypatch.setattr("services.agreements.judgement.now", lambda: now() + 2 * DAY)
    page = await judge(anybody, page_of(agreement), await file_of(agreement))
    assert said(Worth.sealed) in page and HOLDS in page and "a pris fin depuis" in page
    assert UNCHECKED in page, "no list of its issuer is at hand"


async def test_a_certificate_revoked_before_the_seal_is_told_so(
    anybody: AsyncClient, database: Database, tmp_path: Path
) -> None:
    agreement = await approved(database)
    root = Root()
    pen = root.issue(now() - DAY, now() + DAY)
    seal_with(pen, root.trust, tmp_path)
    agreement = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    seal_with(pen, root.revoking(pen, now() - timedelta(hours=2), told=now()), tmp_path)
    assert said(Worth.revoked) in await judge(anybody, page_of(agreement), await file_of(agreement))


async def test_a_file_of_another_agreement_is_told_so(
    anybody: AsyncClient, database: Database, sealed: Agreement
) -> None:
    other = await sign_for(database, await approved(database), MINISTRY_ID, level="advanced")
    assert said(Worth.of_another) in await judge(anybody, page_of(sealed), await file_of(other))
    ceremony = await commands.close_ceremony(database, (await hold(database, other.id)).id, by=MINISTRY)
    address = f"/v/{ceremony.id}?h={minutes_hash(ceremony)[:16]}"
    assert said(Worth.of_another) in await judge(anybody, address, await file_of(other))


async def declined(database: Database, sealed: Agreement) -> Agreement:
    """The agreement in negotiation again: whoever has not signed yet will not sign."""
    party = sealed.missing_signatures[0]
    told: dict[str, Any] = {"party_id": party.party_id, "text_hash": sealed.text_hash, "reason": "(fictif)"}
    return await commands.decline_agreement(database, sealed.id, **told, by=signer(party.organisation_id))


async def test_a_text_that_was_reopened_makes_the_file_void(
    anybody: AsyncClient, database: Database, sealed: Agreement
) -> None:
    file = await file_of(sealed)
    reopened = await declined(database, sealed)
    assert said(Worth.stale) in await judge(anybody, page_of(sealed), file)
    changed = await commands.revise_text(
        database, sealed.id, clauses=clauses(words=" autre"), by=officer(), expected=reopened.version
    )
    await accept_for_all(database, changed)
    await commands.submit_for_review(database, sealed.id, by=officer())
    frozen = await commands.approve_agreement(database, sealed.id, by=LEGAL)
    page = await judge(anybody, page_of(frozen), file)
    assert said(Worth.stale) in page and HOLDS not in page
    again = await sign_for(database, frozen, MINISTRY_ID, level="advanced")
    assert said(Worth.sealed) in await judge(anybody, page_of(again), await file_of(again))


async def test_the_same_text_settled_again_does_not_revive_the_seals(
    anybody: AsyncClient, database: Database, sealed: Agreement
) -> None:
    file = await file_of(sealed)
    reopened = await declined(database, sealed)
    await accept_for_all(database, reopened)
    await commands.submit_for_review(database, sealed.id, by=officer())
    frozen = await commands.approve_agreement(database, sealed.id, by=LEGAL)
    assert frozen.content_hash == sealed.content_hash
    assert said(Worth.stale) in await judge(anybody, page_of(frozen), file)


async def test_an_amendment_leaves_the_file_genuine_and_out_of_date(anybody: AsyncClient, database: Database) -> None:
    """Also the seal of a party that the amendment lets go."""
    terms = current(effective_from=today() - DAY, others=[party(new_id(), "funder")])
    agreement = await approved(database, terms)
    for each in reversed(agreement.parties):
        agreement = await sign_for(database, agreement, each.organisation_id, level="advanced")
    file = await file_of(agreement)
    branch = await revise(database, await propose(database, agreement), parties=agreement.parties[:-1])
    await carry(database, branch)
    page = await judge(anybody, page_of(agreement), file)
    assert said(Worth.outdated) in page and page.count(HOLDS) == 4
    assert page.count("(avancée)") == 4 and TEXTS.text("verification.seals.nobody", "fr") not in page


async def test_a_mandate_s_end_that_is_learned_later_is_told(
    anybody: AsyncClient, database: Database, sealed: Agreement
) -> None:
    mandate_id = sealed.signatures[0].mandate_id
    await commands.contest_signatures(database, sealed.id, mandate_id, ended_on=today() - DAY)
    page = await judge(anybody, page_of(sealed), await file_of(sealed))
    assert said(Worth.contested) in page and page.count(HOLDS) == 1


async def test_a_contested_seal_stays_contested_though_its_party_signs_again_on_paper(
    anybody: AsyncClient, database: Database, sealed: Agreement
) -> None:
    contested, file = sealed.signatures[0], await file_of(sealed)
    await commands.contest_signatures(database, sealed.id, contested.mandate_id, ended_on=today() - DAY)
    with pytest.raises(PlaceSealed):
        await sign_for(database, sealed, MINISTRY_ID, level="advanced")
    brought = await attached(database, sealed, "signed_copy")
    await commands.record_scan(
        database,
        sealed.id,
        party_id=contested.party_id,
        text_hash=sealed.text_hash or "",
        person=MINISTRY.person,
        file_hash=brought.documents[-1].hash,
        signed_on=today(),
        by=officer(),
    )
    again = await commands.accept_scan(database, sealed.id, party_id=contested.party_id, by=director())
    assert [each.contested for each in again.signatures] == [None, None]
    page = await judge(anybody, page_of(again), file)
    assert said(Worth.contested) in page and page.count(HOLDS) == 1


async def test_the_scan_of_a_signature_is_genuine_until_it_is_contested(
    anybody: AsyncClient, database: Database
) -> None:
    agreement = await attached(database, await approved(database), "signed_copy")
    ministry = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    scan = agreement.documents[-1].hash
    await commands.record_scan(
        database,
        agreement.id,
        party_id=ministry.party_id,
        text_hash=agreement.text_hash or "",
        person=MINISTRY.person,
        file_hash=scan,
        signed_on=today(),
        by=officer(),
    )
    signed = await commands.accept_scan(database, agreement.id, party_id=ministry.party_id, by=director())
    assert said(Worth.sealed) in await judge(anybody, page_of(signed), await files.get(scan))
    mandate_id = signed.signatures[0].mandate_id
    await commands.contest_signatures(database, signed.id, mandate_id, ended_on=today() - DAY)
    assert said(Worth.contested) in await judge(anybody, page_of(signed), await files.get(scan))


async def test_the_sealed_file_is_fetched_by_those_who_see_the_agreement(
    app: FastAPI, issuer: Issuer, database: Database, sealed: Agreement
) -> None:
    path = f"/api/v1/agreements/{sealed.id}/sealed"
    async with client_of(app, issuer.token(MINISTRY)) as client:
        given = await client.get(path)
        assert given.content == await file_of(sealed)
        assert given.headers["etag"] == f'"{sealed.sealed_file}"'
        unsealed = await approved(database)
        is_problem(await client.get(f"/api/v1/agreements/{unsealed.id}/sealed"), 404, "not-found")
    async with client_of(app, issuer.token(officer("MA-01"))) as client:
        is_problem(await client.get(path), 404, "not-found")


async def test_nobody_gives_a_signature_by_hand_without_its_scan(
    app: FastAPI, issuer: Issuer, database: Database
) -> None:
    agreement = await approved(database)
    party = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    one = {"party_id": str(party.party_id), "text_hash": agreement.text_hash}
    async with client_of(app, issuer.token(MINISTRY)) as client:
        path = f"/api/v1/agreements/{agreement.id}/signatures"
        is_problem(await client.post(path, json=one | {"level": "handwritten_scan"}), 422, "malformed")
        batch = {"items": [one | {"agreement_id": str(agreement.id)}], "level": "handwritten_scan"}
        is_problem(await client.post("/api/v1/signature-batches", json=batch), 422, "malformed")


async def test_a_seal_asked_for_twice_with_one_key_is_given_once(
    app: FastAPI, issuer: Issuer, database: Database
) -> None:
    agreement = await approved(database)
    party = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    body = {"party_id": str(party.party_id), "text_hash": agreement.text_hash, "level": "advanced"}
    async with client_of(app, issuer.token(MINISTRY)) as client:
        path = f"/api/v1/agreements/{agreement.id}/signatures"
        answers = [await client.post(path, json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
        again = await client.post(path, json=body)
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    is_problem(again, 409, "already-signed")
