"""Files and the events that name them: a file is kept before its event is recorded, and goes again if that is refused.

The same file may be brought twice in one moment and be refused once. So whoever records an event that names a file
holds it until the commit, which several may do, and looks whether it is there; whoever removes one holds it alone, and
looks whether an event names it. What lay there before is nobody's to remove who brings it again.
"""

from dataclasses import dataclass
from typing import BinaryIO

import structlog
from sqlalchemy import text

from shared import files
from shared.actor import NATIONAL
from shared.database import Database, Transaction
from shared.files import StoredFile

log = structlog.get_logger(__name__)

NAMED = """
    select named.hash from journal, lateral (values
        (data ->> 'file_hash'),
        (detail ->> 'archived_file'),
        (case when data ? 'media_type' then data ->> 'hash' end)
    ) as named (hash) where named.hash is not null
"""
"""The hashes of the files that a journal's events name."""
LAST = text("select coalesce(max(id), 0) from journal")
NAMED_SINCE = text(f"select exists ({NAMED} and named.hash = :hash and journal.id > :since)")
SHARE = text("select pg_advisory_xact_lock_shared(hashtextextended(:hash, 0))")
ALONE = text("select pg_advisory_xact_lock(hashtextextended(:hash, 0))")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that is kept, and that no event names yet as far as its bringer knows."""

    file: StoredFile
    since: int | None
    """The last event before it lay there: only later ones can name it. None if it lay there before."""


async def bring(db: Database, content: bytes | BinaryIO, file: StoredFile) -> Brought:
    """Keep a file that was measured. Raises Unavailable if the storage does not answer."""
    # In this order: whoever records an event that is not among these by now has kept the file before.
    async with db.transaction(NATIONAL) as tx:
        since = await last_event(tx)
    there = await files.exists(file.hash)
    await files.put(content)
    return Brought(file, None if there else since)


async def holds(tx: Transaction, hash: str) -> bool:
    """Whether a file that an event of this transaction names is there; if it is, it stays until the commit, and after.

    Raises Unavailable if the storage does not answer.
    """
    await tx.execute(SHARE, {"hash": hash})
    return await files.exists(hash)


async def drop(db: Database, brought: Brought) -> bool:
    """Remove a file whose event came to nothing, unless another's names it; says whether it is gone.

    Whatever hinders it is logged: the refusal is what its bringer hears, and a sweep finds the file.
    """
    if brought.since is None:
        return False
    hash = brought.file.hash
    try:
        async with db.transaction(NATIONAL) as tx:
            if not await unnamed(tx, hash, since=brought.since):
                return False
            await files.remove(hash)
    except Exception:
        log.warning("a file that was refused stays in the storage", hash=hash, exc_info=True)
        return False
    return True


async def last_event(tx: Transaction) -> int:
    """The last event's place in the journal, 0 in an empty one."""
    return int((await tx.execute(LAST)).scalar_one())


async def unnamed(tx: Transaction, hash: str, *, since: int) -> bool:
    """Whether no event after this one names a file, nor will as long as this transaction lasts.

    That none before names it is the caller's to know.
    """
    await tx.execute(ALONE, {"hash": hash})
    return not (await tx.execute(NAMED_SINCE, {"hash": hash, "since": since})).scalar_one()
