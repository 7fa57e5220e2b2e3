"""A kind that asks for a level of signature gets it on every way to sign, and nothing below it on any."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors.signing import LevelTooLow
from services.agreements.kinds import KINDS
from services.agreements.tests.branches import agree, propose, reword
from services.agreements.tests.branches import sign_for as sign_branch
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    attached,
    batch_of,
    bound,
    change_kind,
    current,
    director,
    hold,
    officer,
    operator_of,
    person,
    president,
    sign_for,
)
from services.agreements.tests.seals import DAY, QUALIFIED, Root, seal_with
from shared.actor import Role
from shared.clock import now, today
from shared.database import Database
from shared.events.agreements import SignatureLevel
from shared.territory import MINISTRY_ID
from tests.fixtures.identity import Issuer
from tests.web.conventions import is_problem
from tests.web.routes import client_of


def ask(monkeypatch: pytest.MonkeyPatch, least: SignatureLevel) -> None:
    """Let the kind of regional agreements ask for a level."""
    signing = KINDS["academy-association"].signing.model_copy(update={"least_level": least})
    change_kind(monkeypatch, signing=signing)


@pytest.fixture
async def agreement(database: Database, monkeypatch: pytest.MonkeyPatch) -> Agreement:
    """An agreement of a kind that asks for advanced signatures; its text is frozen, and nobody has signed."""
    ask(monkeypatch, "advanced")
    return await approved(database)


async def test_who_signs_one_by_one_reaches_the_level_at_a_desk_and_in_a_ceremony(
    database: Database, agreement: Agreement
) -> None:
    with pytest.raises(LevelTooLow) as refused:
        await sign_for(database, agreement, MINISTRY_ID)
    assert refused.value.values == {"level": "simple", "least": "advanced"}
    ceremony = await hold(database, agreement.id)
    with pytest.raises(LevelTooLow):
        await sign_for(database, agreement, MINISTRY_ID, ceremony_id=ceremony.id)
    signed = await sign_for(database, agreement, MINISTRY_ID, level="advanced", ceremony_id=ceremony.id)
    assert [each.level for each in signed.signatures] == ["advanced"]


async def test_who_signs_in_a_batch_reaches_the_level(database: Database, agreement: Agreement) -> None:
    low = await commands.resume_batch(database, await batch_of(database, [agreement]))
    assert [item["refusal"]["slug"] for item in low.items] == [LevelTooLow.slug]
    done = await commands.resume_batch(database, await batch_of(database, [agreement], level="advanced"))
    assert [item["outcome"] for item in done.items] == ["signed"]


async def test_a_delegate_reaches_the_level_too(database: Database, agreement: Agreement) -> None:
    operator = operator_of(agreement)
    vice = person("vice", Role.association_manager, f"org:{operator}")
    party_id = next(each.party_id for each in agreement.parties if each.organisation_id == operator)
    await commands.delegate_signing(
        database,
        agreement.id,
        party_id=party_id,
        delegate=vice.person,
        valid_until=today() + timedelta(days=3),
        document="ACTE-EXEMPLE-1",
        by=president(operator),
    )
    with pytest.raises(LevelTooLow):
        await sign_for(database, agreement, operator, by=vice)
    signed = await sign_for(database, agreement, operator, by=vice, level="advanced")
    assert signed.signatures[0].on_behalf_of == president(operator).person
    assert signed.signatures[0].level == "advanced"


async def test_ink_on_paper_stands_for_any_level(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, "qualified")
    agreement = await attached(database, await approved(database), "signed_copy")
    ministry = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    await commands.record_scan(
        database,
        agreement.id,
        party_id=ministry.party_id,
        text_hash=agreement.text_hash or "",
        person=MINISTRY.person,
        file_hash=agreement.documents[-1].hash,
        signed_on=today(),
        by=officer(),
    )
    signed = await commands.accept_scan(database, agreement.id, party_id=ministry.party_id, by=director())
    assert [each.level for each in signed.signatures] == ["handwritten_scan"]


async def test_an_advanced_signature_does_not_do_where_a_qualified_one_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask(monkeypatch, "qualified")
    agreement = await approved(database)
    root = Root()
    hands = seal_with(root.issue(now() - DAY, now() + DAY, states=QUALIFIED), root.trust, tmp_path)
    with pytest.raises(LevelTooLow):
        await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    assert hands.asked == [], "no key is asked for what would be refused"
    signed = await sign_for(database, agreement, MINISTRY_ID, level="qualified")
    assert [each.level for each in signed.signatures] == ["qualified"]


async def test_an_amendment_is_not_signed_below_the_level(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, "advanced")
    agreement = await bound(database, current(effective_from=today() - DAY))
    branch = await agree(database, await reword(database, await propose(database, agreement), "article-1", "autre"))
    with pytest.raises(LevelTooLow):
        await sign_branch(database, branch, branch.touched[0])
    signed = await sign_branch(database, branch, branch.touched[0], level="advanced")
    assert [each.level for each in signed.signatures] == ["advanced"]


async def test_whoever_signs_below_the_level_is_told_which_one_is_asked(
    app: FastAPI, issuer: Issuer, agreement: Agreement
) -> None:
    party = next(each for each in agreement.parties if each.organisation_id == MINISTRY_ID)
    body = {"party_id": str(party.party_id), "text_hash": agreement.text_hash}
    async with client_of(app, issuer.token(MINISTRY)) as client:
        path = f"/api/v1/agreements/{agreement.id}/signatures"
        problem = is_problem(await client.post(path, json=body), 409, "level-too-low")
        assert problem["least"] == "advanced"
        assert (await client.post(path, json=body | {"level": "advanced"})).status_code == 201
