"""Papers that were given out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    """Make the table; a paper is visible to those who see what it is about."""
    op.create_table(
        "paper",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("paper_subject", "paper", ["subject_id"])
    protect(op, "paper", aggregate=False, privileges="select, insert")
