"""Files that no event names are removed after a day; one that is named, or is about to be, never is."""

import ast
import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import services
from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.tests.builders import approved, attached, keeper, pdf, sign_for
from services.agreements.tests.seals import DAY, Root, seal_with
from services.agreements.tests.test_families import somebody_waits
from shared import files
from shared.clock import now
from shared.database import Database
from shared.refusals import Unavailable
from shared.territory import MINISTRY_ID
from tests.fixtures.s3 import BUCKET

LATER = timedelta(days=2)


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, kept_files: Path) -> Iterator[None]:
    """Files are kept in a new place."""
    if request.param == "s3":
        files.configure(f"s3://{BUCKET}/{uuid4().hex}", **request.getfixturevalue("s3"))
    else:
        files.configure(str(tmp_path / "files"))
    yield
    files.configure(str(kept_files))


@pytest.fixture
def directory(tmp_path: Path, kept_files: Path) -> Iterator[None]:
    """Files are kept in a new directory."""
    files.configure(str(tmp_path / "files"))
    yield
    files.configure(str(kept_files))


async def sweep(database: Database, *, after: timedelta = LATER) -> int:
    """Sweep as if so much time had gone by since a day-old file was safe."""
    return await commands.sweep_files(database, before=now() + after - DAY)


async def fails(database: Database, agreement: Agreement, content: bytes) -> None:
    """An upload whose commit fails."""
    file = await files.put(content)
    with suppress(ConnectionError):
        async with database.transaction(keeper(agreement).scope) as tx:
            await attach(tx, agreement, file)
            raise ConnectionError


async def attach(db: Any, agreement: Agreement, file: files.StoredFile) -> Agreement:
    """Attach a file that is kept."""
    return await commands.attach_document(
        db, agreement.id, file, category="annex", name="exemple.pdf", by=keeper(agreement)
    )


@pytest.mark.usefixtures("storage")
async def test_what_a_failed_upload_left_goes_after_a_day_and_what_is_named_stays(database: Database) -> None:
    agreement = await approved(database)
    named = (await attached(database, agreement, "annex")).documents[-1].hash
    await fails(database, agreement, lost := pdf("lost"))
    orphan = hashlib.sha256(lost).hexdigest()
    await sweep(database, after=timedelta(0))
    assert await files.exists(orphan), "its upload may be under way"
    await sweep(database)
    assert not await files.exists(orphan) and await files.exists(named)


@pytest.mark.usefixtures("directory")
async def test_sealed_files_and_those_from_before_the_seals_stay(database: Database, tmp_path: Path) -> None:
    root, agreement = Root(), await approved(database)
    seal_with(root.issue(now() - DAY, now() + DAY), root.trust, tmp_path)
    for organisation in (MINISTRY_ID, agreement.parties[0].organisation_id):
        agreement = await sign_for(database, agreement, organisation, level="advanced")
    kept = {hash async for hash in files.kept()}
    assert {agreement.sealed_file, agreement.archived_file} < kept
    assert await sweep(database) == 0
    assert {hash async for hash in files.kept()} == kept


@pytest.mark.usefixtures("directory")
async def test_a_file_whose_transaction_is_open_is_waited_for(database: Database) -> None:
    agreement = await approved(database)
    file = await files.put(pdf())
    async with database.transaction(keeper(agreement).scope) as tx:
        await attach(tx, agreement, file)
        sweeping = asyncio.create_task(sweep(database))
        await somebody_waits(database)
        assert await files.exists(file.hash)
    await sweeping
    assert await files.exists(file.hash)


@pytest.mark.usefixtures("directory")
async def test_a_file_that_was_swept_as_it_was_brought_is_not_attached(database: Database) -> None:
    agreement = await approved(database)
    file = await files.put(pdf())
    await sweep(database)
    with pytest.raises(Unavailable):
        await attach(database, agreement, file)
    assert (await attach(database, agreement, await files.put(pdf()))).documents[-1].hash == file.hash


@pytest.mark.usefixtures("directory")
async def test_what_was_put_again_is_as_young_as_that(tmp_path: Path) -> None:
    file = await files.put(pdf())
    (found,) = (tmp_path / "files").glob(f"*/{file.hash}")
    os.utime(found, (0, 0))
    an_hour_ago = now() - timedelta(hours=1)
    assert [hash async for hash in files.kept(before=an_hour_ago)] == [file.hash]
    await files.put(pdf())
    await files.remove([file.hash], before=an_hour_ago)
    assert await files.exists(file.hash)


def test_no_other_service_keeps_files() -> None:
    """The sweep knows this service's journal only."""
    folder = Path(next(iter(services.__path__)))
    for module in folder.rglob("*.py"):
        if module.relative_to(folder).parts[0] != "agreements":
            imported = {
                f"{getattr(node, 'module', '')}.{name.name}"
                for node in ast.walk(ast.parse(module.read_text("utf-8")))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in node.names
            }
            assert not any("shared.files" in each for each in imported), module
