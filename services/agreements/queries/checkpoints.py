"""What was published of the journal, and that an agreement is in it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from services.agreements.checkpoint import CHECKPOINT_ID
from services.agreements.errors.checkpoints import NotYetBound
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.checkpoints import ProofAnswer
from services.agreements.tables import AGREEMENTS, CHECKPOINTS
from shared import audit
from shared.actor import Actor
from shared.database import Work
from shared.messaging.tables import JournalRow
from shared.refusals import NotFound
from shared.web import PageRequest

CHAIN = text("""
    select version, head, place,
           array(select substring(nodes from ((place >> level) # 1) * 32 + 1 for 32) from chain_level order by level)
    from chain_head where aggregate_id = :id and place is not null
""")
"""A leaf and its path (audit.path): the node beside it on each level; nothing where there is none, as at the root."""


async def checkpoints(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[Any], str | None]:
    """A page of the checkpoints, the last one first, and the next page's cursor."""
    PERMISSIONS.allow(by, "read_checkpoints")
    chain, number = col(JournalRow.aggregate_id), col(JournalRow.aggregate_version)
    published = select(chain, number, col(JournalRow.data)).where(chain == CHECKPOINT_ID)
    async with db.transaction(by.scope) as tx:
        found = (await tx.execute(page.select(published, chain, number, newest_first=True))).all()
    return page.cut(found, lambda each: [each.aggregate_id, each.aggregate_version])


async def proof(db: Work, id: UUID, *, by: Actor) -> ProofAnswer:
    """That an agreement's chain is in the last checkpoint. Raises NotFound; NotYetBound before an hour has ended.

    Neither is it bound as long as the tree that is kept is not the checkpoint's: an older instance published that.
    """
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_proof", await AGREEMENTS.read(tx, id))
        try:
            # Kept from moving on, so that the tree is its own.
            checkpoint = await CHECKPOINTS.share(tx, CHECKPOINT_ID)
        except NotFound:
            raise NotYetBound() from None
        chain = (await tx.execute(CHAIN, {"id": id})).first()
    if chain is None:
        raise NotYetBound()
    version, head, place, beside = chain
    path = [each for each in beside if each]
    if not audit.holds(audit.leaf(id, version, head), place, checkpoint.leaves, path, bytes.fromhex(checkpoint.root)):
        raise NotYetBound()
    return ProofAnswer(
        agreement_id=id,
        version=version,
        head=head.hex(),
        index=place,
        leaves=checkpoint.leaves,
        path=[each.hex() for each in path],
        root=checkpoint.root,
        taken_at=checkpoint.taken_at,
    )
