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

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, PdfObject
from pyhanko.pdf_utils.reader import PdfFileReader

from services.agreements.errors.documents import FileActive, FileMislabelled, FileTypeRefused, FileUnsound
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
END_OF_IMAGE, SCAN = 0xD9, 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of segments that tell a picture's size."""
PIECE = 16_384
"""Bytes of a picture's data that are unpacked at once: at most a thousand times as many come out."""
ACTS = frozenset({"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/RichMediaExecute"})
"""What a PDF may do beyond leading its reader to another place (ISO 32000-1, table 198)."""
CARRIES = frozenset({"/JS", "/EF", "/XFA"})
"""Keys of a script, of a file within the file, and of a form that computes (ISO 32000-1, 12.6.4.16, 7.11.3, 12.7.2)."""
DRAWN = frozenset({"/Resources", "/Contents", "/StructTreeRoot"})
"""Keys of what pages are drawn with and read aloud by: nothing that is reached by these alone acts or is offered."""


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
    FileTypeRefused, FileMislabelled, FileUnsound, FileActive; raises Unavailable if the storage does not answer.
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
            fault = await in_worker(fault_of, named.name, found)
        except (TimeoutError, MemoryError, BrokenProcessPool):
            fault = FileUnsound
        if fault:
            raise fault(found=found)
        if (refusal := await refusal_of(measured)) is None:
            brought = await bring(db, file, measured)
    try:
        yield measured, refusal
    except Exception:
        if brought:
            await drop(db, brought)
        raise


def fault_of(path: str, media_type: str) -> type[Refusal] | None:
    """What is wrong with a file that begins like this type: FileUnsound, FileActive, or nothing.

    It holds together from its first byte to its last, is nothing else besides, and shows something. Of a picture the
    structure is read, of a PDF every object but those that draw its pages.
    """
    content = Path(path).read_bytes()
    try:
        with bounded(LONGEST):
            if b"PK\x05\x06" in content[-ZIP_TAIL:]:
                return FileUnsound
            match media_type:
                case "application/pdf":
                    return _fault_of_pdf(content, path)
                case "image/png":
                    sound = _is_png(content)
                case _:
                    sound = _is_jpeg(content)
            return None if sound else FileUnsound
    except (Exception, TookTooLong):  # a file made to break its reader is not sound, however it breaks it
        return FileUnsound


def _fault_of_pdf(content: bytes, path: str) -> type[Refusal] | None:
    if b"%%EOF" not in content[-TAIL:]:
        return FileUnsound
    with Path(path).open("rb") as file:
        reader = PdfFileReader(file)
        reader.strict = False  # an object that is not there is null (ISO 32000-1, 7.3.10)
        if reader.encrypted or not any(_pages(reader.root["/Pages"])):
            return FileUnsound
        return FileActive if any(map(_acts, _dictionaries(reader.root))) else None


def _pages(node: PdfObject) -> Iterator[DictionaryObject]:
    """The pages that a reader finds from this node on."""
    if isinstance(node, DictionaryObject) and "/Kids" in node:
        for kid in node["/Kids"].iterate():
            yield from _pages(kid.get_object())
    elif isinstance(node, DictionaryObject) and node.get("/Type") == "/Page":
        yield node


def _dictionaries(root: PdfObject) -> Iterator[DictionaryObject]:
    """All that can be reached from this object, each once."""
    left, seen = [root], set[IndirectObject]()
    while left:
        found = left.pop()
        if isinstance(found, IndirectObject):
            if found not in seen:
                seen.add(found)
                left.append(found.reference.get_object())
        elif isinstance(found, DictionaryObject):
            yield found
            left += [found.raw_get(key) for key in found if key not in DRAWN]
        elif isinstance(found, ArrayObject):
            left += found.iterate()


def _acts(found: DictionaryObject) -> bool:
    return found.get("/S") in ACTS or not CARRIES.isdisjoint(found)


def _is_png(content: bytes) -> bool:
    chunks = list(_png_chunks(content))
    width, height = struct.unpack(">II", chunks[0][1][:8])
    kinds = [kind for kind, _ in chunks]
    if kinds[0] != b"IHDR" or kinds.index(b"IEND") != len(kinds) - 1 or not _fits(width, height):
        return False
    return _unpacks(b"".join(data for kind, data in chunks if kind == b"IDAT"))


def _unpacks(packed: bytes) -> bool:
    unpacking = zlib.decompressobj()
    for at in range(0, len(packed), PIECE):
        unpacking.decompress(packed[at : at + PIECE])
    return unpacking.eof and not unpacking.unused_data


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
    at, framed, shown = 2, False, False
    while found := MARKER.search(content, at):
        kind, at = found[1][0], found.end()
        if kind == END_OF_IMAGE:
            return shown and at == len(content)
        (length,) = struct.unpack_from(">H", content, at)
        if kind in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            framed = _fits(width, height)
        at += length
        shown = shown or (framed and kind == SCAN and not MARKER.match(content, at))
    return False


def _fits(width: int, height: int) -> bool:
    return 0 < width * height <= MOST_PIXELS
