"""A letter leaves as its person wishes on the day: what is left out of it is kept with its line."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    """Empty, so that the version before goes on writing: what it sends is left out nowhere."""
    op.add_column("letter_line", sa.Column("left_out", sa.Text))
    op.execute("grant update (left_out) on letter_line to mithaq_app")
