"""Amendments are signed on paper as agreements are: a witness attests the scan, and another person checks it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment, AmendmentState
from services.agreements.errors import AlreadySigned, EffectiveDateAhead, MandateNotValid, NoMandate
from services.agreements.errors.amendments import ContentHashDiffers, NotTouched
from services.agreements.errors.signing import (
    CheckedByAnother,
    FileUnknown,
    LevelTooLow,
    NoScanToCheck,
    NotYourTurnToSign,
    OfferExpired,
    ScanToBeChecked,
    SignedBeforeText,
    TextTampered,
    WitnessIsSigner,
)
from services.agreements.kinds import SigningGroup, SigningRule
from services.agreements.permissions import PERMISSIONS
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
    LEGAL,
    attached,
    bound,
    change_kind,
    current,
    director,
    end_mandate,
    officer,
    president,
    signer,
)
from services.agreements.tests.seals import QUALIFIED, Root, seal_with
from services.agreements.tests.test_levels import ask
from shared.actor import NATIONAL
from shared.clock import now, today
from shared.database import Database
from shared.refusals import Forbidden
from shared.web import available_actions, etag

S = AmendmentState
DAY = timedelta(days=1)
CHECKS = {"accept_amendment_scan", "return_amendment_scan"}


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """An agreement in force, with a paper that serves as a scan."""
    return await attached(database, await bound(database, current(effective_from=today() - 40 * DAY)), "signed_copy")


@pytest.fixture
async def offered(database: Database, agreement: Agreement) -> Amendment:
    """An amendment that all three parties are to sign, frozen yesterday."""
    proposed = await reword(database, await propose(database, agreement), "article-1", "Un")
    return await agree(database, proposed, at=now() - DAY)


async def scan(database: Database, amendment: Amendment, party_id: UUID | None = None, **changes: Any) -> Amendment:
    """The officer attests a signature of the day for a party, the first unless told otherwise."""
    party = amendment.party(party_id or amendment.touched[0])
    fields: dict[str, Any] = {
        "party_id": party.party_id,
        "content_hash": amendment.content_hash,
        "person": signer(party.organisation_id).person,
        "file_hash": (await read(database, amendment.agreement_id)).documents[-1].hash,
        "signed_on": today(),
        "by": officer(),
    }
    return await commands.record_amendment_scan(database, amendment.id, **(fields | changes))


async def accept(database: Database, amendment: Amendment, party_id: UUID | None = None, **options: Any) -> Amendment:
    """The ministry has checked the scan of a party, the first unless told otherwise."""
    party_id = party_id or amendment.touched[0]
    return await commands.accept_amendment_scan(database, amendment.id, party_id=party_id, **({"by": LEGAL} | options))


async def test_an_amendment_is_signed_on_paper_once_another_person_has_checked_the_scan(
    database: Database, offered: Amendment
) -> None:
    first = offered.touched[0]
    waiting = await scan(database, offered, signed_on=today() - DAY)
    assert (waiting.state, waiting.signatures, [*waiting.scans]) == (S.agreed, (), [first])
    counted = await accept(database, offered)
    (given,) = counted.signatures
    assert (counted.state, counted.scans) == (S.signing, {})
    assert (given.level, given.witness, given.signed_on) == ("handwritten_scan", officer().person, today() - DAY)
    assert given.file_hash == (await read(database, offered.agreement_id)).documents[-1].hash
    assert given.person == signer(offered.party(first).organisation_id).person


async def test_the_last_signature_on_paper_applies_the_amendment(database: Database, offered: Amendment) -> None:
    *others, last = offered.touched
    for party_id in others:
        await sign_for(database, offered, party_id)
    assert (await scan(database, offered, last)).state == S.signing
    assert (await accept(database, offered, last)).state == S.applied
    assert [each.number for each in (await read(database, offered.agreement_id)).amendments] == [1]


@pytest.mark.parametrize("least", ["advanced", "qualified"])
async def test_a_kind_that_asks_for_a_level_amends_on_paper(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, least: Any
) -> None:
    ask(monkeypatch, least)
    root = Root()
    seal_with(lambda: root.issue(now() - DAY, now() + DAY, states=QUALIFIED), root.trust, tmp_path)
    agreement = await bound(database, current(effective_from=today() - 40 * DAY))
    agreement = await attached(database, agreement, "signed_copy")
    offered = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    for party_id in offered.touched:
        with pytest.raises(LevelTooLow):
            await sign_for(database, offered, party_id)
        await scan(database, offered, party_id)
        offered = await accept(database, offered, party_id)
    assert offered.state == S.applied
    assert {each.level for each in offered.signatures} == {"handwritten_scan"}


async def test_nobody_checks_what_they_signed_or_saw_signed(database: Database, offered: Amendment) -> None:
    waiting = await scan(database, offered)
    assert waiting.scans[offered.touched[0]].person == director().person
    for by in (director(), officer()):
        assert not CHECKS & {*available_actions(by, waiting, PERMISSIONS)}
        with pytest.raises(CheckedByAnother):
            await accept(database, offered, by=by)
    assert {*available_actions(LEGAL, waiting, PERMISSIONS)} >= CHECKS
    assert (await accept(database, offered, by=LEGAL)).signatures


async def test_a_scan_that_shows_no_signature_is_returned_and_the_party_signs_again(
    database: Database, offered: Amendment
) -> None:
    first = offered.touched[0]
    await scan(database, offered)
    returned = await commands.return_amendment_scan(
        database, offered.id, party_id=first, reason="(fictif) illisible", by=LEGAL
    )
    assert (returned.state, returned.scans, returned.remarks) == (S.agreed, {}, "(fictif) illisible")
    with pytest.raises(NoScanToCheck):
        await accept(database, offered)
    await scan(database, offered)
    assert (await accept(database, offered)).signatures


async def test_while_a_scan_waits_its_party_signs_in_no_other_way(database: Database, offered: Amendment) -> None:
    first = offered.touched[0]
    await scan(database, offered)
    for again in (sign_for(database, offered, first), scan(database, offered)):
        with pytest.raises(ScanToBeChecked):
            await again
    await accept(database, offered)
    with pytest.raises(AlreadySigned):
        await scan(database, offered)


async def test_a_scan_keeps_to_what_a_signature_keeps_to(database: Database, offered: Amendment) -> None:
    own = signer(offered.party(offered.touched[0]).organisation_id)
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (ContentHashDiffers, {"content_hash": offered.base_hash}),
        (FileUnknown, {"file_hash": "0" * 64}),
        (NoMandate, {"person": "issuer#nobody"}),
        (MandateNotValid, {"signed_on": date(2000, 1, 1)}),
        (EffectiveDateAhead, {"signed_on": today() + DAY}),
        (SignedBeforeText, {"signed_on": today() - 2 * DAY}),
        (WitnessIsSigner, {"by": own, "person": own.person}),
        (OfferExpired, {"at": now() + 61 * DAY}),
        (Forbidden, {"by": president(offered.parties[1].organisation_id)}),
    ]
    for refusal, changes in refused:
        with pytest.raises(refusal):
            await scan(database, offered, **changes)
    assert (await reread(database, offered)).version == offered.version


@pytest.fixture
def operator_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of which operators sign before the others."""
    change_kind(monkeypatch, signing=SigningRule(groups=(SigningGroup(roles=("operator",)),)))


@pytest.mark.usefixtures("operator_first")
async def test_on_paper_too_each_signs_in_its_turn(database: Database, offered: Amendment) -> None:
    first, operator, _ = offered.touched
    with pytest.raises(NotYourTurnToSign):
        await scan(database, offered, first)
    await scan(database, offered, operator)
    with pytest.raises(NotYourTurnToSign):
        await scan(database, offered, first)
    await accept(database, offered, operator)
    assert [*(await scan(database, offered, first)).scans] == [first]


async def test_who_is_not_touched_signs_nothing_on_paper(database: Database, agreement: Agreement) -> None:
    changed = await revise(database, await propose(database, agreement), obligations=(owed(agreement),))
    offered = await agree(database, changed)
    stranger = next(each.party_id for each in offered.parties if each.party_id not in offered.touched)
    with pytest.raises(NotTouched):
        await scan(database, offered, stranger)


async def test_a_scan_brought_in_time_counts_though_it_is_checked_after_the_last_day(
    database: Database, offered: Amendment
) -> None:
    assert offered.offered_until
    await scan(database, offered)
    over = await commands.let_amendment_time_pass(database, offered.id, on=offered.offered_until + DAY)
    assert over.offer_over
    assert [each.level for each in (await accept(database, offered)).signatures] == ["handwritten_scan"]


async def test_a_scan_is_void_once_the_agreement_is_another(database: Database, agreement: Agreement) -> None:
    behind = await agree(database, await reword(database, await propose(database, agreement), "article-2", "Deux"))
    await scan(database, behind)
    await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    behind = await reread(database, behind)
    assert (behind.state, behind.scans) == (S.rebase_needed, {})


@pytest.mark.parametrize(
    "statement",
    [
        "update content set body = 'autre' where body = 'Un (fictif).'",
        "update amendment set state = jsonb_set(state, '{base_hash}', state->'content_hash')",
        "update amendment set state = jsonb_set(state, '{parties,1,organisation_id}', to_jsonb(gen_random_uuid()))",
    ],
    ids=["a clause", "no change", "a party"],
)
async def test_a_branch_that_is_not_as_it_was_frozen_is_not_signed_on_paper(
    database: Database, databases: Any, offered: Amendment, statement: str
) -> None:
    await scan(database, offered)
    async with (await databases("agreements", role=None)).transaction(NATIONAL) as tx:
        await tx.execute(text(statement))
    with pytest.raises(TextTampered):
        await accept(database, offered)
    await commands.return_amendment_scan(database, offered.id, party_id=offered.touched[0], reason="(fictif)", by=LEGAL)
    with pytest.raises(TextTampered):
        await scan(database, offered)


async def test_a_mandate_that_had_ended_on_the_day_on_the_paper_contests_the_signature(
    database: Database, offered: Amendment
) -> None:
    await scan(database, offered, signed_on=today() - DAY)
    (given,) = (await accept(database, offered)).signatures
    for ended_on, contested in ((today(), None), (today() - DAY, today() - DAY)):
        await end_mandate(database, given.mandate_id, on=ended_on)
        assert (await reread(database, offered)).signatures[0].contested == contested


async def test_an_amendment_is_signed_on_paper_over_http(as_: Any, database: Database, offered: Amendment) -> None:
    first, keeper, checker = offered.parties[0], as_(officer()), as_(LEGAL)
    path = f"/amendments/{offered.id}"
    told = (await keeper.get(path)).json()
    assert "record_amendment_scan" in told["available_actions"]
    why = {each["action"]: each["type"] for each in told["unavailable_actions"]}
    assert {why[each] for each in CHECKS} == {"/problems/no-scan-to-check"}
    body = {
        "party_id": str(first.party_id),
        "content_hash": offered.content_hash,
        "person": signer(first.organisation_id).person,
        "file_hash": (await read(database, offered.agreement_id)).documents[-1].hash,
        "signed_on": today().isoformat(),
    }
    recorded = await keeper.post(f"{path}/scans", body)
    party = recorded.json()["parties"][0]
    assert recorded.status_code == 201
    assert (party["scan"]["witness"], party["signature"]) == (officer().person, None)
    version = etag(recorded.json()["version"])
    refused = await keeper.post(f"{path}/scans/acceptance", {"party_id": str(first.party_id)}, If_Match=version)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/checked-by-another")
    counted = await checker.post(f"{path}/scans/acceptance", {"party_id": str(first.party_id)}, If_Match=version)
    party = counted.json()["parties"][0]
    assert (counted.status_code, counted.json()["state"], party["scan"]) == (200, "signing", None)
    assert (party["signature"]["level"], party["signature"]["file_hash"]) == ("handwritten_scan", body["file_hash"])
