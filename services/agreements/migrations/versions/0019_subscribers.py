"""Who is told, in number, by where they are at home."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "0019"
down_revision = "0017"


def upgrade() -> None:
    """The people of a jurisdiction are seen by that jurisdiction, as a number."""
    op.create_table(
        "reader_fact",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
    )
    op.create_index("reader_fact_jurisdiction", "reader_fact", ["jurisdiction"])
    protect(op, "reader_fact", aggregate=False)
