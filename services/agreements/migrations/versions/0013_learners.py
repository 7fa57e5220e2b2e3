"""How many of a center's learners are on funded seats, and when they were counted."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """A center that was not counted yet has none of it."""
    op.add_column("center_fact", sa.Column("funded_learners", sa.Integer))
    op.add_column("center_fact", sa.Column("counted_on", sa.Date))
