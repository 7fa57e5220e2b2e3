"""Centers."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, create_messaging, grant, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, each visible within its jurisdiction."""
    op.create_table(
        "center",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("operator_id", sa.Uuid, nullable=False),
    )
    op.create_index("center_agreement", "center", ["agreement_id"])
    op.create_table("resting_center", sa.Column("id", sa.Uuid, primary_key=True))
    create_messaging(op)
    protect(op, "center")
    grant(op, "resting_center")
