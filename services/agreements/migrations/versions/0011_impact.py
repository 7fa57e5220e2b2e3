"""What the impact of a decision is worked out from: addresses of academies, and learners only where they are known."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """An academy's addresses are seen by that academy; a number that nobody told is none."""
    op.create_table(
        "endpoint_fact",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.create_index("endpoint_fact_academy", "endpoint_fact", ["academy"])
    protect(op, "endpoint_fact", aggregate=False)
    op.alter_column("center_fact", "learners", nullable=True, server_default=None)
    op.execute("update center_fact set learners = null")
