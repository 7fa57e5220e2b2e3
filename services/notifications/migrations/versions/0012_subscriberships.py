"""How many people subscribe to the same is counted; the first count after the upgrade says it of all who do already."""

from alembic import op

from shared.migrations import aggregate_columns, protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """One row per jurisdiction and what is asked for there, as visible as the jurisdiction."""
    op.create_table("subscribership", *aggregate_columns())
    protect(op, "subscribership")
