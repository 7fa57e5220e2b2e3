"""Uploads: a file that somebody brings is taken in piece by piece, looked at, and kept if it is what it says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

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
    """What is wrong with a file that begins like this type: FileUnsound, FileActive, or nothing."""
    from services.agreements.inspection import inspect  # what reads files is loaded in the worker alone

    try:
        with bounded(LONGEST):
            return inspect(path, media_type)
    except (Exception, TookTooLong):  # a file made to break its reader is not sound, however it breaks it
        return FileUnsound
