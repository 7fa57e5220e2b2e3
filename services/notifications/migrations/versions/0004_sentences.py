"""Notices keep the sentences that they were told in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Those told before this version have none: theirs are worded when they are read."""
    op.add_column("notice", sa.Column("summaries", postgresql.JSONB))
