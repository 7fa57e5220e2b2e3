"""Files, each kept once under the hash of its content: in a directory of this machine, or in an S3-compatible bucket.

A name says what must be found under it, so that nothing is ever replaced by something else, damage shows when a file is
read, and keeping the same file again changes nothing. Who removes one knows that no event names it (named_files).
"""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import uuid4

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store
from pydantic import BaseModel, ConfigDict

from shared.refusals import Refusal, Unavailable

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Config

MOST_BYTES = 20_000_000
"""The longest file, unless told otherwise."""
CHUNK = 256 * 1024
"""Bytes that a stream hands on at once, at least."""
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
"""How long a bucket that does not answer is asked again before the caller hears of it."""
LOOK_AGAIN = 900.0
"""Seconds for which a file that was found whole is not read again, as long as nobody puts it anew."""
MOST_KNOWN = 10_000
"""Of these files."""
INCOMING = "incoming"
"""Where a directory's files wait until they are whole; nobody refers to what a crash leaves there."""
NAME = re.compile(r"(?:^|/)[0-9a-f]{2}/([0-9a-f]{64})$")
"""What a file is called that is kept."""
SIGNATURES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""What a file begins with -> its media type; of any other we only know that it is bytes."""


class FileTooLong(Refusal):
    """The file is longer than it may be. Values: limit (bytes)."""

    status = 413
    slug = "file-too-long"


class FileDamaged(Exception):
    """Not what its hash says: the storage is at fault, and a backup is needed."""


class StoredFile(BaseModel):
    """A file that is kept."""

    model_config = ConfigDict(frozen=True)

    hash: str
    """SHA-256 of its content, in hex."""
    size: int
    """Bytes."""
    media_type: str
    """By its first bytes, whatever anybody calls it."""


@dataclass(frozen=True)
class KeptFile:
    """A file as the storage lists it."""

    hash: str
    name: str
    """What it is called in the directory, or after the bucket's prefix."""
    size: int
    """Bytes."""
    put_at: datetime
    """When it was last put."""


class Place:
    """Where files are kept."""

    def __init__(self, location: str, s3: dict[str, str]) -> None:
        if "://" in location and not location.startswith("s3://"):
            raise ValueError(f"files are kept in a directory or in s3://bucket/prefix, not in {location}")
        self.directory = None if "://" in location else Path(location).resolve()
        self._location = location
        self._s3 = s3
        self.whole: dict[str, tuple[object, float]] = {}
        """The files that were found whole: the mark that each bore, and until when that is taken for granted."""

    @cached_property
    def store(self) -> ObjectStore:
        """The directory, made when it is first needed, or the bucket."""
        if self.directory:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            return LocalStore(self.directory)
        plain = self._s3.get("endpoint", "").startswith("http://")
        return S3Store.from_url(
            self._location,
            # Not every bucket knows how to delete several at once, and we never do.
            config=cast("S3Config", {**self._s3, "disable_bulk_delete": True}),
            client_options={"allow_http": plain},
            retry_config=RETRIES,
        )

    async def keep(self, name: str, file: BinaryIO) -> None:
        """Keep the file: whole under its name and safe from a crash when this returns, or not at all."""
        if not self.directory:
            await self.store.put_async(name, file)
            return
        waiting = f"{INCOMING}/{uuid4().hex}"
        await self.store.put_async(waiting, file)
        await asyncio.to_thread(_sync, self.directory / waiting)
        await self.store.rename_async(waiting, name)
        for folder in (self.directory / name).parent, self.directory:
            await asyncio.to_thread(_sync, folder)


_places: list[Place] = []


def configure(location: str, **s3: str) -> None:
    """Keep files there from now on: a directory, or `s3://bucket/prefix` with obstore's options of an S3 store.

    Nothing is looked for before a file is put or asked for. ValueError for another kind of URL.
    """
    _places[:] = [Place(location, s3)]


async def put(content: bytes | BinaryIO, *, most: int = MOST_BYTES) -> StoredFile:
    """Keep a file. Once this returns it is not lost; the same content twice is one file.

    Refuses FileTooLong; raises Unavailable if the storage does not answer.
    """
    file = BytesIO(content) if isinstance(content, bytes) else content
    stored = await asyncio.to_thread(measure, file, most)
    try:
        await _here().keep(_name(stored.hash), file)
    except BaseError as error:
        raise Unavailable() from error
    return stored


async def get(hash: str) -> bytes:
    """A whole file. FileNotFoundError if it is not kept, FileDamaged if it changed, Unavailable without the storage."""
    return b"".join([chunk async for chunk in await stream(hash)])


async def exists(hash: str) -> bool:
    """Whether a file is kept. Raises Unavailable if the storage does not answer."""
    return await put_at(hash) is not None


async def is_whole(hash: str) -> bool:
    """Whether a file is kept, and still what its hash says. Raises Unavailable if the storage does not answer.

    It is read to its end, unless this process did that within LOOK_AGAIN and it bears the same mark: who signs many
    texts in one sitting waits for each file once.
    """
    mark = await _mark(hash)
    if mark is None:
        return False
    here, until = _here(), time.monotonic() + LOOK_AGAIN
    known = here.whole.get(hash)
    if known and known[0] == mark and time.monotonic() < known[1]:
        return True
    try:
        async for _ in await stream(hash):
            pass
    except (FileNotFoundError, FileDamaged):
        return False
    if len(here.whole) >= MOST_KNOWN:
        here.whole.clear()
    here.whole[hash] = mark, until
    return True


async def remove(hash: str) -> None:
    """Let a file go; one that is not kept is gone already. Raises Unavailable if the storage does not let it."""
    try:
        await _here().store.delete_async(_name(hash))
    except FileNotFoundError:
        return
    except BaseError as error:
        raise Unavailable() from error


async def put_at(hash: str) -> datetime | None:
    """When a file was last put; None if it is not kept. Raises Unavailable if the storage does not answer."""
    try:
        return (await _here().store.head_async(_name(hash)))["last_modified"]
    except FileNotFoundError:
        return None
    except BaseError as error:
        raise Unavailable() from error


async def _mark(hash: str) -> object | None:
    """What a file bears that is another once somebody put it anew or wrote into it; None if it is not kept.

    In a directory that is the moment of its last change too, which nobody sets: whoever writes a file may give it its
    former date.
    """
    if not (directory := _here().directory):
        return await put_at(hash)
    try:
        found = await asyncio.to_thread(os.stat, directory / _name(hash))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable() from error
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


async def kept() -> AsyncIterator[KeptFile]:
    """Every file that is kept. Raises Unavailable if the storage does not answer."""
    try:
        async for batch in _here().store.list():
            for found in batch:
                if name := NAME.search(found["path"]):
                    yield KeptFile(name[1], _name(name[1]), found["size"], found["last_modified"])
    except BaseError as error:
        raise Unavailable() from error


async def stream(hash: str) -> AsyncIterator[bytes]:
    """A file piece by piece; raises as `get` does, FileDamaged in place of the last piece."""
    try:
        found = await _here().store.get_async(_name(hash))
    except BaseError as error:
        raise Unavailable() from error
    return _checked(hash, aiter(found.stream(min_chunk_size=CHUNK)))


def measure(file: BinaryIO, most: int) -> StoredFile:
    """What a file is, read from its beginning to its end and set back. Refuses FileTooLong."""
    file.seek(0)
    digest, size, kind = hashlib.sha256(), 0, "application/octet-stream"
    while chunk := file.read(CHUNK):
        if not size:
            kind = next((kind for start, kind in SIGNATURES.items() if chunk.startswith(start)), kind)
        size += len(chunk)
        if size > most:
            raise FileTooLong(limit=most)
        digest.update(chunk)
    file.seek(0)
    return StoredFile(hash=digest.hexdigest(), size=size, media_type=kind)


async def _checked(hash: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    digest, held = hashlib.sha256(), b""
    async for chunk in chunks:
        if held:
            yield held
        held = bytes(chunk)
        digest.update(held)
    # Who has all pieces but the last has no whole file, and knows it by its length.
    if digest.hexdigest() != hash:
        raise FileDamaged(hash)
    yield held


def _here() -> Place:
    if not _places:
        raise RuntimeError("shared.files.configure() has not said where files are kept")
    return _places[0]


def _name(hash: str) -> str:
    return f"{hash[:2]}/{hash}"


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
