"""The Merkle tree of the last checkpoint is kept, and each chain's place in it: a proof reads its path alone."""

import sqlalchemy as sa
from alembic import op

from shared import audit
from shared.migrations import grant

revision = "0028"
down_revision = "0027"

LEAVES = sa.text("select aggregate_id, version, head from chain_head order by aggregate_id")
PLACES = sa.text("""
    update chain_head set place = told.place
    from (select aggregate_id, row_number() over (order by aggregate_id) - 1 as place from chain_head) told
    where told.aggregate_id = chain_head.aggregate_id
""")


def upgrade() -> None:
    """A checkpoint that an older instance publishes later leaves the tree behind; the next one brings it up again."""
    op.add_column("chain_head", sa.Column("place", sa.Integer))
    op.create_table(
        "chain_level",
        sa.Column("level", sa.Integer, primary_key=True),
        sa.Column("nodes", sa.LargeBinary, nullable=False),
    )
    # Not compressed, so that a slice is had without the rest; hashes do not shrink anyway.
    op.execute("alter table chain_level alter nodes set storage external")
    grant(op, "chain_level", "select, insert, update")
    _keep_what_was_published(op.get_bind())


def _keep_what_was_published(connection: sa.Connection) -> None:
    connection.execute(PLACES)
    leaves = [audit.leaf(id, version, head) for id, version, head in connection.execute(LEAVES)]
    if leaves:
        level = sa.table("chain_level", sa.column("level"), sa.column("nodes"))
        rows = [{"level": at, "nodes": b"".join(nodes)} for at, nodes in enumerate(audit.levels(leaves))]
        connection.execute(sa.insert(level), rows)
