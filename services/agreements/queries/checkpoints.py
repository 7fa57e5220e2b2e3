"""What was published of the journal, and that an agreement is in it."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.agreements.checkpoint import CHECKPOINT_ID
from services.agreements.commands.checkpoints import heads
from services.agreements.errors.checkpoints import NotYetBound
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.checkpoints import ProofAnswer
from services.agreements.tables import AGREEMENTS, CHECKPOINTS
from shared import audit
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.lately import Lately
from shared.messaging.tables import JournalRow
from shared.refusals import NotFound
from shared.web import PageRequest

Tree = tuple[Sequence[Any], list[list[bytes]]]
_trees: Lately[str, Tree] = Lately(1)
"""Root -> the chains and the tree over them: it is the same until the next hour's checkpoint."""


async def checkpoints(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[Any], str | None]:
    """A page of the checkpoints, the last one first, and the next page's cursor."""
    PERMISSIONS.allow(by, "read_checkpoints")
    chain, number = col(JournalRow.aggregate_id), col(JournalRow.aggregate_version)
    published = select(chain, number, col(JournalRow.data)).where(chain == CHECKPOINT_ID)
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(page.select(published, chain, number, newest_first=True))).all()
    return page.cut(found, lambda each: [each.aggregate_id, each.aggregate_version])


async def proof(db: Work, id: UUID, *, by: Actor) -> ProofAnswer:
    """That an agreement's chain is in the last checkpoint. Raises NotFound; NotYetBound before an hour has ended."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_proof", await AGREEMENTS.read(tx, id))
        try:
            # Kept from moving on, so that the leaves are its own.
            checkpoint = await CHECKPOINTS.share(tx, CHECKPOINT_ID)
        except NotFound:
            raise NotYetBound() from None
        chains, tree = await _trees.get(checkpoint.root, lambda: _tree(tx))
    index = bisect_left(chains, id, key=lambda each: each.aggregate_id)
    if index == len(chains) or chains[index].aggregate_id != id:
        raise NotYetBound()
    chain = chains[index]
    return ProofAnswer(
        agreement_id=id,
        version=chain.version,
        head=chain.head.hex(),
        index=index,
        leaves=len(chains),
        path=[each.hex() for each in audit.path(tree, index)],
        root=checkpoint.root,
        taken_at=checkpoint.taken_at,
    )


async def _tree(tx: Transaction) -> Tree:
    chains = await heads(tx)
    return chains, await asyncio.to_thread(audit.levels, [audit.leaf(*each) for each in chains])
