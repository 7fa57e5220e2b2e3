"""Who approves in whose place."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A substitution is seen within the person's jurisdiction."""
    op.create_table(
        "substitution",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("substitute", sa.Text, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
    )
    op.create_index("substitution_substitute", "substitution", ["substitute", "person"])
    protect(op, "substitution")
