"""Amendments."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, protect

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    """An amendment is seen by whoever sees its agreement."""
    op.create_table(
        "amendment",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer),
    )
    op.create_index("amendment_agreement", "amendment", ["agreement_id", "id"])
    op.create_index("amendment_number", "amendment", ["agreement_id", "number"], unique=True)
    protect(op, "amendment")
