"""Uploads: a file that somebody brings is taken in piece by piece, looked at, and kept if it is what it says."""

import asyncio
import re
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from pyhanko.pdf_utils.reader import PdfFileReader

from services.agreements.errors.documents import FileMislabelled, FileTypeRefused, FileUnsound
from shared import files
from shared.database import Database
from shared.files import MOST_BYTES, SIGNATURES, FileTooLong, StoredFile
from shared.named_files import Brought, bring, drop
from shared.refusals import Refusal
from shared.worker import TookTooLong, bounded, in_worker

UNSAID = frozenset({"", "application/octet-stream"})
"""What a request says of a file when it says nothing."""
LONGEST = 8.0
"""Seconds of the processor's time for one file: signatures wait for the same worker."""
MOST_PIXELS = 100_000_000
"""Of a picture: a small file may stand for one that fills a machine's memory."""
TAIL = 1024
"""Bytes at the end of a PDF within which it says that it ends (ISO 32000-1, Annex H.3, note 18)."""
ZIP_TAIL = 66_000
"""Bytes at the end of a file within which a ZIP archive has its directory's end: its comment is 64 KiB at most."""
MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""In a JPEG's data, the next thing that is not data (ITU-T T.81, B.1.1)."""
END_OF_IMAGE = 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of segments that tell a picture's size."""


@asynccontextmanager
async def taken_in(
    db: Database,
    pieces: AsyncIterator[bytes],
    *,
    said: str,
    refusal_of: Callable[[StoredFile], Awaitable[Refusal | None]],
) -> AsyncIterator[tuple[StoredFile, Refusal | None]]:
    """Keep what comes, if it is a sound PDF, PNG or JPEG, of the type that is `said`, and nothing else is against it.

    Nothing is kept otherwise: `refusal_of` is asked last, and what it says is handed out. What is refused in here goes
    again, unless it lay there before or an event names it by now. Refuses FileTooLong as soon as too much has come,
    FileTypeRefused, FileMislabelled, FileUnsound; raises Unavailable if the storage does not answer.
    """
    brought: Brought | None = None
    with NamedTemporaryFile(prefix="mithaq-upload-") as named:
        file, size = cast(BinaryIO, named.file), 0
        async for piece in pieces:
            size += len(piece)
            if size > MOST_BYTES:
                raise FileTooLong(limit=MOST_BYTES)
            await asyncio.to_thread(file.write, piece)
        file.flush()
        measured = await asyncio.to_thread(files.measure, file, MOST_BYTES)
        found = measured.media_type
        if found not in SIGNATURES.values():
            raise FileTypeRefused(taken=sorted(SIGNATURES.values()))
        said = said.partition(";")[0].strip().lower()
        if said not in UNSAID and said != found:
            raise FileMislabelled(said=said, found=found)
        try:
            sound = await in_worker(is_sound, named.name, found)
        except (TimeoutError, MemoryError, BrokenProcessPool):
            sound = False
        if not sound:
            raise FileUnsound(found=found)
        if (refusal := await refusal_of(measured)) is None:
            brought = await bring(db, file, measured)
    try:
        yield measured, refusal
    except Exception:
        if brought:
            await drop(db, brought)
        raise


def is_sound(path: str, media_type: str) -> bool:
    """Whether a file holds together as what it begins like, from its first byte to its last, and is nothing else.

    A picture is read as far as its structure goes, a PDF as far as its pages; neither is decoded.
    """
    content = Path(path).read_bytes()
    try:
        with bounded(LONGEST):
            match media_type:
                case "application/pdf":
                    return _is_pdf(content, path)
                case "image/png":
                    return _is_png(content)
                case _:
                    return _is_jpeg(content)
    except (Exception, TookTooLong):  # a file made to break its reader is not sound, however it breaks it
        return False


def _is_pdf(content: bytes, path: str) -> bool:
    if b"%%EOF" not in content[-TAIL:] or b"PK\x05\x06" in content[-ZIP_TAIL:]:
        return False
    with Path(path).open("rb") as file:
        reader = PdfFileReader(file)
        return not reader.encrypted and int(reader.root["/Pages"]["/Count"]) > 0


def _is_png(content: bytes) -> bool:
    chunks = list(_png_chunks(content))
    width, height = struct.unpack(">II", chunks[0][1][:8])
    ends = [kind for kind, _ in chunks]
    return ends[0] == b"IHDR" and ends[-1] == b"IEND" and ends.count(b"IEND") == 1 and _fits(width, height)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + length]
        (checked,) = struct.unpack_from(">I", content, at + 8 + length)
        if checked != zlib.crc32(kind + data):
            raise ValueError("damaged")
        yield kind, data
        at += 12 + length


def _is_jpeg(content: bytes) -> bool:
    at, framed = 2, False
    while found := MARKER.search(content, at):
        kind, at = found[1][0], found.end()
        if kind == END_OF_IMAGE:
            return framed and at == len(content)
        (length,) = struct.unpack_from(">H", content, at)
        if kind in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            framed = _fits(width, height)
        at += length
    return False


def _fits(width: int, height: int) -> bool:
    return 0 < width * height <= MOST_PIXELS
