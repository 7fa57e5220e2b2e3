"""A file is kept before its event is recorded, goes again if that is refused, and stays if an event names it."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.commands import giving, sealing
from services.agreements.tests.builders import approved, attached, officer, operator_of, pdf, sign_for
from services.agreements.tests.test_document_routes import bring as upload
from shared import files
from shared.actor import NATIONAL
from shared.database import Database, Work
from shared.files import MOST_BYTES, measure
from shared.named_files import Brought, bring, drop
from shared.refusals import ConcurrentChange
from shared.territory import MINISTRY_ID

pytestmark = pytest.mark.usefixtures("own_files")


@pytest.fixture
async def agreement(database: Database) -> Agreement:
    """One that takes papers."""
    return await approved(database)


async def brought(database: Database, content: bytes) -> Brought:
    """A file that is kept, and whose event is still to come."""
    return await bring(database, content, await asyncio.to_thread(measure, BytesIO(content), MOST_BYTES))


def attach(database: Work, agreement: Agreement, file: Brought) -> Any:
    """Its event."""
    about: Any = {"category": "annex", "name": "exemple.pdf"}
    return commands.attach_document(database, agreement.id, file.file, by=officer(), **about)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands against an upload comes up after its file was kept."""

    async def nothing_yet(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(commands, "refusal_of_document", nothing_yet)


@pytest.mark.usefixtures("late")
async def test_what_is_refused_after_it_was_kept_goes_again(
    as_: Any, database: Database, agreement: Agreement, own_files: Path
) -> None:
    before = {file for file in own_files.rglob("*") if file.is_file()}
    refused = await upload(as_, officer(), agreement, pdf("tard"), category="unheard-of")
    assert refused.json()["type"] == "/problems/document-category-unknown"
    assert {file for file in own_files.rglob("*") if file.is_file()} == before


@pytest.mark.usefixtures("late")
async def test_what_lay_there_before_stays_though_it_is_refused_when_it_is_brought_again(
    as_: Any, database: Database, agreement: Agreement
) -> None:
    content = pdf("deux fois")
    paper = (await attached(database, agreement, "annex", content=content)).documents[-1]
    refused = await upload(as_, officer(), agreement, content, category="unheard-of")
    assert refused.status_code == 422 and await files.get(paper.hash) == content


async def test_a_file_that_another_s_event_names_by_now_stays(database: Database, agreement: Agreement) -> None:
    mine, theirs = await brought(database, pdf("un")), await brought(database, pdf("un"))
    await attach(database, agreement, theirs)
    assert not await drop(database, mine) and await files.exists(mine.file.hash)
    assert theirs.since is None, "who found it there removes nothing"


async def test_a_file_whose_event_is_about_to_be_committed_stays(database: Database, agreement: Agreement) -> None:
    mine, theirs = await brought(database, pdf("un")), await brought(database, pdf("un"))
    async with database.transaction(NATIONAL) as tx:
        await attach(tx, agreement, theirs)
        dropping = asyncio.create_task(drop(database, mine))
        done, _ = await asyncio.wait([dropping], timeout=0.2)
        assert not done
    assert not await dropping and await files.exists(mine.file.hash)


async def test_no_event_names_a_file_that_went_meanwhile(database: Database, agreement: Agreement) -> None:
    mine, theirs = await brought(database, pdf("un")), await brought(database, pdf("un"))
    assert await drop(database, mine) and not await files.exists(mine.file.hash)
    with pytest.raises(ConcurrentChange):
        await attach(database, agreement, theirs)
    again = await brought(database, pdf("un"))
    assert (await attach(database, agreement, again)).documents[-1].hash == again.file.hash


@pytest.mark.usefixtures("late")
async def test_of_the_same_file_brought_many_times_at_once_none_is_lost_that_was_accepted(
    as_: Any, database: Database, agreement: Agreement
) -> None:
    """Half of them are refused after they were kept; an accepted one is there, and any other may be sent again."""
    for number in range(5):
        content = pdf(f"ensemble {number}")
        categories = ["annex", "unheard-of"] * 3
        answers = await asyncio.gather(
            *(upload(as_, officer(), agreement, content, category=each) for each in categories)
        )
        accepted = [each for each in answers if each.status_code == 201]
        assert {each.status_code for each in answers} <= {201, 409, 422}
        if accepted:
            assert await files.get(accepted[0].json()["hash"]) == content


async def test_a_seal_that_is_overtaken_or_refused_leaves_no_file(
    database: Database, agreement: Agreement, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, seal = list[str](), sealing.make_seal

    async def overtaken(*asked: Any) -> Any:
        ready = await seal(*asked)
        made.append(ready.file_hash)
        if len(made) == 1:
            await sign_for(database, agreement, operator_of(agreement))
        return ready

    monkeypatch.setattr(giving, "make_seal", overtaken)
    signed = await sign_for(database, agreement, MINISTRY_ID, level="advanced")
    assert len(made) == 2 and made[1] == signed.sealed_file
    kept = {file.name for file in own_files.rglob("*") if file.is_file()}
    assert {signed.sealed_file, signed.archived_file} <= kept and made[0] not in kept
