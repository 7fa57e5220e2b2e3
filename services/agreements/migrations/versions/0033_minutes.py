"""Calendar feeds lapse unless their person renews them."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Feeds that there are, and those that the version before still makes, are as if renewed when they come in."""
    op.add_column(
        "calendar",
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True, server_default=sa.func.now()),
    )
