"""Who left is ended by an operator: they are told no more until they come back."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Nobody has left."""
    op.add_column("person", sa.Column("ended_at", sa.DateTime(timezone=True)))
    op.add_column("person", sa.Column("ended_by", sa.Text))
