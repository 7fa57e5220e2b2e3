"""A signature that is contested once all have signed: its party stands by it, under a mandate that holds."""

from typing import Any

import pytest
from httpx import AsyncClient

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors import AssociationNotAccredited, NoMandate, TextHashDiffers
from services.agreements.errors.amendments import ContentHashDiffers
from services.agreements.errors.signing import FileUnknown, LevelTooLow, NothingContested
from services.agreements.judgement import Worth
from services.agreements.papers.drawing import draw_agreement, draw_amendment
from services.agreements.papers.saying import signature as in_words
from services.agreements.signatures import Given
from services.agreements.tests import branches
from services.agreements.tests.builders import end_mandate, mandate, person, president, sign_for, stand
from services.agreements.tests.pages import judge, look, page_of, said
from services.agreements.tests.test_contested import end, of, sign
from services.agreements.tests.test_mandate_races import held
from services.agreements.tests.test_scan_offers import (
    KINDS_OF_FILE,
    File,
    as_told,
    offered,
    paper_of,
    read,
    signed_by_others,
)
from shared import files
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now, today
from shared.database import Database
from shared.ids import new_id
from shared.refusals import Refusal


async def contested(database: Database, kind: str) -> Any:
    """A file that all have signed, the association under a mandate that had ended; it has another one now."""
    file = await sign(database, await offered(database, kind))
    await signed_by_others(database, file)
    signed = await read(database, file)
    await end(database, signed)
    told = await read(database, signed)
    assert told.in_doubt == {told.parties[1].party_id} and told.signing_order.complete
    return told


def head_of(file: File) -> Actor:
    """Who presides over the association."""
    return president(file.parties[1].organisation_id)


async def confirm(database: Database, file: File, **changes: Any) -> Any:
    """The association's president confirms its signature."""
    amended = isinstance(file, Amendment)
    hash = file.content_hash if isinstance(file, Amendment) else ours(file).text_hash  # type: ignore[attr-defined]
    told = {"party_id": file.parties[1].party_id, "content_hash" if amended else "text_hash": hash}
    command = commands.confirm_amendment_signature if amended else commands.confirm_signature
    return await command(database, file.id, **(told | {"by": head_of(file)} | changes))  # type: ignore[arg-type]


def ours(file: File) -> Given:
    """The association's signature."""
    (given,) = of(file, file.parties[1].party_id)
    return given


@KINDS_OF_FILE
async def test_a_party_stands_by_its_contested_signature(database: Database, kind: str) -> None:
    file = await contested(database, kind)
    mandate_id = await held(database, file)
    done = await confirm(database, file)
    given = ours(done)
    assert given.confirmed and given.confirmed.mandate_id == mandate_id and given.confirmed.day == today()
    assert given.contested == today() and not given.in_doubt, "both are told"
    assert done.state == file.state and len(done.signatures) == len(file.signatures)
    with pytest.raises(NothingContested):
        await confirm(database, done)


@KINDS_OF_FILE
async def test_only_what_is_contested_is_confirmed_and_only_once_all_have_signed(database: Database, kind: str) -> None:
    signed = await sign(database, await offered(database, kind))
    with pytest.raises(NothingContested):
        await confirm(database, signed)
    await end(database, signed)
    with pytest.raises(Refusal) as refused:
        await confirm(database, signed)
    assert refused.value.slug == "not-allowed-now", "while others sign, it is given again"


@KINDS_OF_FILE
async def test_who_confirms_holds_a_mandate_of_an_accredited_association_and_names_the_text(
    database: Database, kind: str
) -> None:
    file = await contested(database, kind)
    stranger = person("stranger", Role.association_manager, head_of(file).jurisdiction)
    with pytest.raises(NoMandate):
        await confirm(database, file, by=stranger)
    other: dict[str, Any] = {"content_hash" if kind == "amendment" else "text_hash": "0" * 64}
    with pytest.raises((TextHashDiffers, ContentHashDiffers)):
        await confirm(database, file, **other)
    with pytest.raises(FileUnknown):
        await confirm(database, file, file_hash="0" * 64)
    await stand(database, file.parties[1].organisation_id, "suspended")
    with pytest.raises(AssociationNotAccredited):
        await confirm(database, file)


@KINDS_OF_FILE
async def test_a_confirmation_is_offered_to_whom_it_is_open(database: Database, kind: str) -> None:
    file = await contested(database, kind)
    step = "confirm_amendment_signature" if kind == "amendment" else "confirm_signature"
    by, stranger = head_of(file), person("stranger", Role.association_manager, head_of(file).jurisdiction)
    async with database.transaction(NATIONAL) as tx:
        told = await as_told(tx, file, by)
        assert told.party_refusal(step, told.parties[1].party_id) is None
        assert isinstance(told.party_refusal(step, told.parties[0].party_id), NothingContested)
        told = await as_told(tx, file, stranger)
        assert isinstance(told.party_refusal(step, told.parties[1].party_id), NoMandate)


@KINDS_OF_FILE
async def test_a_confirmation_falls_with_its_own_mandate(database: Database, kind: str) -> None:
    """Its party may confirm it again, under one that holds."""
    file = await contested(database, kind)
    done = await confirm(database, file)
    await end_mandate(database, await held(database, done), on=today())
    doubted = await read(database, done)
    assert ours(doubted).in_doubt and ours(doubted).contested == ours(file).contested
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(file.parties[1].organisation_id, id=new_id()))
    assert not ours(await confirm(database, doubted)).in_doubt


@KINDS_OF_FILE
async def test_where_a_kind_asks_for_more_than_a_simple_signature_it_is_confirmed_on_paper(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await contested(database, kind)
    kept = file.rules.signing.model_copy(update={"least_level": "advanced"})
    stricter = file.rules.model_copy(update={"signing": kept})
    monkeypatch.setattr(type(file), "rules", property(lambda _: stricter))
    hash = file.content_hash if kind == "amendment" else file.text_hash
    named: dict[str, Any] = {"content_hash" if kind == "amendment" else "text_hash": hash}
    named |= {"person": "p", "mandate_id": new_id(), "at": now()}
    with pytest.raises(LevelTooLow):
        file.confirm_signature(file.parties[1].party_id, **named)
    assert file.confirm_signature(file.parties[1].party_id, **named, file_hash="a" * 64)


@KINDS_OF_FILE
async def test_a_paper_that_shows_a_confirmation_stays_and_everybody_reads_it(
    anybody: AsyncClient, database: Database, kind: str
) -> None:
    file = await contested(database, kind)
    assert "contestée" in await look(anybody, page_of(file))
    async with database.transaction(NATIONAL) as tx:
        shown = await paper_of(tx, file)
    done = await confirm(database, file, file_hash=shown)
    page = await look(anybody, page_of(done))
    assert "confirmée le" in page and "contestée" not in page
    assert head_of(file).person not in page
    kept = b"".join([chunk async for chunk in await files.stream(shown)])
    assert said(Worth.sealed) in await judge(anybody, page_of(done), kept)
    async with database.transaction(NATIONAL) as tx:
        agreement = await branches.read(database, file.agreement_id if isinstance(file, Amendment) else file.id)
        paper = await (draw_amendment(tx, agreement, done) if kind == "amendment" else draw_agreement(tx, done))
    [line] = [each for each in paper.signatures if each.confirmed_on]
    assert not line.contested and any("confirmée le" in fact for fact in in_words(line, "fr")["facts"])
    held_back = (await branches.read(database, agreement.id)).documents
    assert shown in {each.hash for each in held_back}


async def test_a_seal_whose_mandate_had_ended_holds_once_it_is_confirmed(
    anybody: AsyncClient, database: Database
) -> None:
    agreement = await offered(database, "agreement")
    assert isinstance(agreement, Agreement)
    operator = agreement.parties[1].organisation_id
    agreement = await sign_for(database, agreement, operator, level="advanced")
    await signed_by_others(database, agreement)
    agreement = await read(database, agreement)
    await end(database, agreement)
    file = await files.get((await read(database, agreement)).sealed_file or "")
    assert said(Worth.contested) in await judge(anybody, page_of(agreement), file)
    done = await confirm(database, await read(database, agreement))
    page = await judge(anybody, page_of(done), file)
    assert said(Worth.sealed) in page and "sa partie l&#39;a confirmée le" in page and said(Worth.contested) not in page
