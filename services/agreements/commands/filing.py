"""Files that nobody speaks of: what an upload or a seal leaves behind when its commit fails.

Whoever names a file in an event holds it until the commit; what is swept is looked at while nobody holds any.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from shared import files
from shared.actor import SYSTEM
from shared.database import Database, Transaction
from shared.refusals import Unavailable

HOLD = text("select pg_advisory_xact_lock_shared(hashtextextended('mithaq files', 0))")
HOLD_ALONE = text("select pg_advisory_xact_lock(hashtextextended('mithaq files', 0))")
PATIENCE = text("set local lock_timeout = '10s'")
"""How long a sweep lets others wait behind it for those who hold files; it comes again."""
MOST = 100
"""Files that are removed in one transaction: meanwhile nobody names any."""
NAMED = text("""
    select known.hash from journal, lateral (values
        (data->>'file_hash'),
        (detail->>'archived_file'),
        (detail->>'document_hash'),
        (case when data ? 'media_type' then data->>'hash' end)
    ) known(hash) where known.hash = any(:hashes)
    union select hash from paper where hash = any(:hashes)
""")


async def hold_files(tx: Transaction, *hashes: str) -> None:
    """Let nobody remove these files before the commit, by which an event names them. Raises Unavailable if one is gone.

    It went just as it was brought again: who repeats the request keeps it anew.
    """
    await tx.execute(HOLD)
    for hash in hashes:
        if not await files.exists(hash):
            raise Unavailable()


async def sweep_files(db: Database, *, before: datetime) -> int:
    """Remove the files that were kept before a moment and that no event names; gives their number."""
    old = [hash async for hash in files.kept(before=before)]
    async with db.transaction(SYSTEM.scope) as tx:
        left = await _unnamed(tx, old)
    for start in range(0, len(left), MOST):
        async with db.transaction(SYSTEM.scope) as tx:
            await tx.execute(PATIENCE)
            await tx.execute(HOLD_ALONE)
            await files.remove(await _unnamed(tx, left[start : start + MOST]), before=before)
    return len(left)


async def _unnamed(tx: Transaction, hashes: Collection[str]) -> list[str]:
    if not hashes:
        return []
    named = set((await tx.execute(NAMED, {"hashes": list(hashes)})).scalars().all())
    return [hash for hash in hashes if hash not in named]
