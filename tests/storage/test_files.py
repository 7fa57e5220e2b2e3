"""Files, wherever they are kept: whole under their hash, or not there."""

import ast
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from shared import files
from shared.clock import now
from shared.files import FileDamaged, FileTooLong
from shared.refusals import Unavailable
from shared.settings import PlatformSettings
from tests.fixtures.run import ROOT
from tests.fixtures.s3 import BUCKET

PAPER = b"%PDF-1.7 a paper (fictif)" * 1000


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, kept_files: Path) -> Iterator[str]:
    """Files are kept in a new place."""
    if request.param == "s3":
        s3: Mapping[str, str] = request.getfixturevalue("s3")
        files.configure(f"s3://{BUCKET}/{uuid4().hex}", **s3)
    else:
        files.configure(str(tmp_path / "files"))
    yield request.param
    files.configure(str(kept_files))


async def test_a_file_is_kept_under_the_hash_of_its_content(storage: str) -> None:
    stored = await files.put(PAPER)
    assert stored.hash == hashlib.sha256(PAPER).hexdigest()
    assert stored.size == len(PAPER)
    assert await files.get(stored.hash) == PAPER


async def test_the_same_file_twice_is_one(storage: str) -> None:
    assert await files.put(PAPER) == await files.put(BytesIO(PAPER))
    assert await files.get((await files.put(PAPER)).hash) == PAPER


async def test_a_file_that_is_removed_is_gone_and_no_other(storage: str) -> None:
    one, other = [await files.put(each) for each in (PAPER, b"another")]
    await files.remove(one.hash)
    await files.remove(one.hash)
    assert not await files.exists(one.hash) and await files.exists(other.hash)
    assert await files.put_at(one.hash) is None and await files.put_at(other.hash)


async def test_a_file_of_many_pieces_comes_back_in_order(storage: str) -> None:
    content = os.urandom(7_000_000)  # more than one part of an upload in parts
    stored = await files.put(BytesIO(content))
    pieces = [piece async for piece in await files.stream(stored.hash)]
    assert len(pieces) > 1
    assert b"".join(pieces) == content


async def test_a_file_longer_than_allowed_is_refused_and_not_kept(storage: str) -> None:
    with pytest.raises(FileTooLong) as refused:
        await files.put(PAPER, most=len(PAPER) - 1)
    assert refused.value.values == {"limit": len(PAPER) - 1}
    with pytest.raises(FileNotFoundError):
        await files.get(hashlib.sha256(PAPER).hexdigest())


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"<html>%PDF-", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
async def test_the_media_type_is_read_from_the_first_bytes(storage: str, content: bytes, media_type: str) -> None:
    assert (await files.put(content)).media_type == media_type


async def test_a_file_nobody_put_is_not_found(storage: str) -> None:
    with pytest.raises(FileNotFoundError):
        await files.get("0" * 64)


async def test_a_file_is_whole_until_it_is_gone_or_another(storage: str, tmp_path: Path) -> None:
    stored = await files.put(PAPER)
    assert await files.is_whole(stored.hash) and await files.is_whole(stored.hash)
    assert not await files.is_whole(hashlib.sha256(b"nobody's").hexdigest())
    if storage == "directory":
        place = tmp_path / "files" / stored.hash[:2] / stored.hash
        place.write_bytes(PAPER[:-1] + b"!")
        os.utime(place, (0, 0))
        assert not await files.is_whole(stored.hash)
        await files.put(PAPER)
        assert await files.is_whole(stored.hash), "a backup's"
    await files.remove(stored.hash)
    assert not await files.is_whole(stored.hash)


async def test_a_file_that_is_written_over_under_its_own_date_and_size_is_found_at_once(
    tmp_path: Path, kept_files: Path
) -> None:
    files.configure(str(tmp_path / "files"))
    stored = await files.put(PAPER)
    assert await files.is_whole(stored.hash)
    place = tmp_path / "files" / stored.hash[:2] / stored.hash
    before = place.stat()
    place.write_bytes(PAPER[:-1] + b"!")
    while place.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of a file system may tick every few milliseconds
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert place.stat().st_mtime_ns == before.st_mtime_ns and place.stat().st_size == before.st_size
    assert not await files.is_whole(stored.hash)
    files.configure(str(kept_files))


async def test_a_file_that_was_found_whole_is_not_read_again_for_a_while(
    tmp_path: Path, kept_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.configure(str(tmp_path / "files"))
    stored = await files.put(PAPER)
    read = list[str]()

    async def noted(hash: str) -> AsyncIterator[bytes]:
        read.append(hash)
        return await stream(hash)

    stream = files.stream
    monkeypatch.setattr(files, "stream", noted)
    assert [await files.is_whole(stored.hash) for _ in range(80)] == [True] * 80 and read == [stored.hash]
    monkeypatch.setattr(files, "LOOK_AGAIN", -1.0)
    await files.put(PAPER)
    assert [await files.is_whole(stored.hash) for _ in range(2)] == [True] * 2 and len(read) == 3
    files.configure(str(kept_files))


async def test_what_is_kept_can_be_listed(storage: str) -> None:
    before = now() - timedelta(seconds=1)  # as precise as some storages are
    stored = {await files.put(content) for content in (PAPER, b"another")}
    listed = [each async for each in files.kept()]
    assert {(each.hash, each.size) for each in listed} == {(each.hash, each.size) for each in stored}
    assert all(before <= each.put_at <= now() + timedelta(seconds=1) for each in listed)


async def test_what_is_listed_lies_where_it_says(tmp_path: Path, kept_files: Path) -> None:
    files.configure(str(tmp_path))
    await files.put(PAPER)
    assert [(tmp_path / each.name).read_bytes() async for each in files.kept()] == [PAPER]
    files.configure(str(kept_files))


def test_a_file_is_removed_only_where_it_is_made_sure_that_no_event_names_it() -> None:
    """What nobody names in one database another one may name: one that this was restored beside, say."""
    knows_the_storage, deletes, removes = set[str](), set[str](), set[str]()
    for module in (path for part in ("shared", "services", "cli") for path in (ROOT / part).rglob("*.py")):
        if "tests" in module.parts:
            continue
        place, source = str(module.relative_to(ROOT)), module.read_text("utf-8")
        if re.search(r"^(from|import) obstore", source, re.MULTILINE):
            knows_the_storage.add(place)
            called = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
            deletes |= {each for each in called if re.search("delete|remove|unlink|rmtree", each)}
        if "files.remove(" in source:
            removes.add(place)
    assert (knows_the_storage, deletes) == ({"shared/files.py"}, {"delete_async"})
    assert removes == {"shared/named_files.py", "cli/files.py"}


async def taken(hash: str) -> tuple[int, bool]:
    """How many bytes of a file come, and whether it turns out to be damaged."""
    came = 0
    try:
        async for piece in await files.stream(hash):
            came += len(piece)
    except FileDamaged:
        return came, True
    return came, False


async def test_a_damaged_file_does_not_come_out_whole(tmp_path: Path, kept_files: Path) -> None:
    files.configure(str(tmp_path))
    content = os.urandom(1_000_000)
    stored = await files.put(content)
    kept = tmp_path / stored.hash[:2] / stored.hash
    kept.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    came, damaged = await taken(stored.hash)
    assert damaged and 0 < came < len(content)
    files.configure(str(kept_files))


async def test_a_damaged_file_is_noticed_when_it_is_read(tmp_path: Path, kept_files: Path) -> None:
    files.configure(str(tmp_path))
    stored = await files.put(PAPER)
    (tmp_path / stored.hash[:2] / stored.hash).write_bytes(PAPER[:-1])
    with pytest.raises(FileDamaged):
        await files.get(stored.hash)
    files.configure(str(kept_files))


async def test_a_file_gets_its_name_only_once_it_is_on_the_disk(
    tmp_path: Path, kept_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the two leaves a nameless file in the incoming folder, which nobody refers to."""
    files.configure(str(tmp_path))

    def power_fails(path: Path) -> None:
        raise SystemError(path)

    monkeypatch.setattr(files, "_sync", power_fails)
    with pytest.raises(SystemError):
        await files.put(PAPER)
    monkeypatch.undo()
    assert [file.parent.name for file in tmp_path.rglob("*") if file.is_file()] == ["incoming"]
    assert (await files.put(PAPER)).size == len(PAPER)
    files.configure(str(kept_files))


async def test_what_is_kept_is_synced_to_the_disk_with_its_folders(
    tmp_path: Path, kept_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.configure(str(tmp_path))
    synced: list[Path] = []
    monkeypatch.setattr(files, "_sync", synced.append)
    stored = await files.put(PAPER)
    assert synced[0].parent == tmp_path / "incoming"
    assert synced[1:] == [tmp_path / stored.hash[:2], tmp_path]
    files.configure(str(kept_files))


async def test_a_storage_that_does_not_answer_is_unavailable(kept_files: Path) -> None:
    files.configure(f"s3://{BUCKET}", endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
    with pytest.raises(Unavailable):
        await files.put(b"")
    files.configure(str(kept_files))


def test_another_kind_of_place_is_refused() -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        files.configure("ftp://somewhere")


def test_without_a_setting_files_are_kept_in_the_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MITHAQ_FILES")
    assert PlatformSettings(data_dir=Path("/data")).files_location == "/data/files"
