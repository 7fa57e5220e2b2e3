"""Who comes finds what concerned them before, which is kept as telling is; and how many are known is counted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import aggregate_columns, protect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """One row per notice and person, and one per jurisdiction, as visible as the jurisdiction."""
    op.create_table(
        "told_later",
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("recipient", sa.Uuid, primary_key=True),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("decision", postgresql.JSONB, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    protect(op, "told_later", aggregate=False, column="array[jurisdiction]", privileges="select, insert")
    op.create_table("readership", *aggregate_columns())
    protect(op, "readership")
