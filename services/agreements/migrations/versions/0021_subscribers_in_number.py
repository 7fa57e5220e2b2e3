"""Who subscribes to what a decision publishes, in number, by where they are at home."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """The subscribers of a jurisdiction are seen by that jurisdiction, as a number."""
    op.create_table(
        "subscriber_fact",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("wanted", postgresql.JSONB, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
    )
    op.create_index("subscriber_fact_jurisdiction", "subscriber_fact", ["jurisdiction"])
    protect(op, "subscriber_fact", aggregate=False, privileges="select, insert, update, delete")
