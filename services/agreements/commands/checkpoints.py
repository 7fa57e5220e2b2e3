"""Publishing checkpoints: all that is committed, bound as it is, without holding anybody up."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import Table, select, text
from sqlalchemy.dialects.postgresql import insert

from services.agreements.checkpoint import CHECKPOINT_ID, Checkpoint
from services.agreements.tables import CHECKPOINTS, ChainHeadRow, ChainLevelRow
from shared import audit
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database, Transaction
from shared.messaging.tables import JournalRow
from shared.refusals import NotFound

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""Seconds to wait for transactions under way; the schedule comes again when one takes longer."""
PAGE = 5_000
"""Chains whose heads are written by one statement."""

FIRST_UNBOUND = text("select recorded_at from journal where id > :position order by id limit 1")
LAST = text("select max(id) from journal")
# A row's transaction id is drawn before its id, under the lock of its aggregate: whoever drew a lower id than the
# last one that is visible here has a lower transaction id than this.
MARK = text("select pg_current_xact_id()::text")
SETTLED = text("select pg_snapshot_xmin(pg_current_snapshot()) > cast(cast(:mark as text) as xid8)")
# As audit.leaf has them: all in one value, since rows of each would hold everybody up while they are read.
LEAVES = text("""
    select string_agg(uuid_send(aggregate_id) || int8send(version) || head, '' order by aggregate_id) from chain_head
""")
LEAF = 56
"""Bytes of each."""
# An id is younger than those before it, so that hardly any but new chains find their place.
PLACES = text("""
    update chain_head set place = told.place
    from (select aggregate_id, row_number() over (order by aggregate_id) - 1 as place from chain_head) told
    where told.aggregate_id = chain_head.aggregate_id and chain_head.place is distinct from told.place
""")


async def publish_checkpoint(database: Database, *, at: datetime) -> Checkpoint | None:
    """Bind everything recorded so far and publish it; None if none is due, or writers do not come to an end.

    Once an hour, whoever calls it how often; after an outage once for all the hours that passed.
    """
    async with database.transaction(NATIONAL) as tx:
        known = await _last(tx)
        oldest = (await tx.execute(FIRST_UNBOUND, {"position": known.position})).scalar()
        if oldest is None or not known.due(oldest, at):
            return None
        position = (await tx.execute(LAST)).scalar_one()
        mark = (await tx.execute(MARK)).scalar_one()
    if not await _settled(database, mark):
        log.warning("no checkpoint: a transaction does not end", older_than=mark)
        return None
    async with database.transaction(NATIONAL) as tx:
        checkpoint = await _last(tx, lock=True)
        if checkpoint.version != known.version:
            return None
        events, sequence = await _follow(tx, checkpoint, position)
        tree = await asyncio.to_thread(_tree_over, (await tx.execute(LEAVES)).scalar_one())
        await _keep(tx, tree)
        [root], leaves = tree[-1], len(tree[0])
        published = checkpoint.publish(
            root=root, leaves=leaves, sequence=sequence, events=events, position=position, at=at
        )
        return await CHECKPOINTS.record(tx, checkpoint, published, by=SYSTEM, at=at)


async def _last(tx: Transaction, *, lock: bool = False) -> Checkpoint:
    try:
        return await (CHECKPOINTS.load if lock else CHECKPOINTS.read)(tx, CHECKPOINT_ID)
    except NotFound:
        return Checkpoint(id=CHECKPOINT_ID)


async def _settled(database: Database, mark: str) -> bool:
    """Wait until every transaction that may still write a row up to the position has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        async with database.transaction(NATIONAL) as tx:
            if (await tx.execute(SETTLED, {"mark": mark})).scalar_one():
                return True
        await asyncio.sleep(0.05)
    return False


async def _follow(tx: Transaction, checkpoint: Checkpoint, position: int) -> tuple[int, bytes]:
    """Put down the heads of the chains that grew since; gives the number of rows and their sequence."""
    row = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]
    new = select(row.aggregate_id, row.aggregate_version, row.hash)
    new = new.where(row.id > checkpoint.position, row.id <= position).order_by(row.id)
    events, sequence = checkpoint.events, bytes.fromhex(checkpoint.sequence)
    grown: dict[UUID, dict[str, Any]] = {}
    async for id, version, head in await (await tx.connection()).stream(new):
        events, sequence = events + 1, audit.follow(sequence, head)
        grown[id] = {"aggregate_id": id, "version": version, "head": head}
    put = insert(ChainHeadRow)
    put = put.on_conflict_do_update(
        index_elements=["aggregate_id"], set_={"version": put.excluded.version, "head": put.excluded.head}
    )
    values = list(grown.values())
    for first in range(0, len(values), PAGE):
        await (await tx.connection()).execute(put, values[first : first + PAGE])
    return events, sequence


def _tree_over(leaves: bytes) -> list[list[bytes]]:
    return audit.levels([leaves[first : first + LEAF] for first in range(0, len(leaves), LEAF)])


async def _keep(tx: Transaction, tree: Sequence[Sequence[bytes]]) -> None:
    """Keep the tree and each chain's place, so that a proof is read and not computed. A tree never loses a level."""
    await tx.execute(PLACES)
    put = insert(ChainLevelRow)
    put = put.on_conflict_do_update(index_elements=["level"], set_={"nodes": put.excluded.nodes})
    await tx.execute(put, [{"level": level, "nodes": b"".join(nodes)} for level, nodes in enumerate(tree)])
