"""Public screens of ceremonies."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import grant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """A screen has no jurisdiction: whoever has its secret sees it."""
    op.create_table(
        "screen",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("ceremony_id", sa.Uuid, nullable=False),
    )
    op.create_index("screen_ceremony", "screen", ["ceremony_id"])
    grant(op, "screen", "select, insert, delete")
