"""People say how they want to be told of some types of event."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """For all others what they prefer otherwise holds."""
    nothing = sa.text("'[]'")
    op.add_column("person", sa.Column("by_type", postgresql.JSONB, nullable=False, server_default=nothing))
