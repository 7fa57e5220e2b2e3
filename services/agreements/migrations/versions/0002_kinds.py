"""Agreements that follow a framework agreement."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A child names its parent."""
    op.add_column("agreement", sa.Column("parent_id", sa.Uuid))
    op.create_index("agreement_parent", "agreement", ["parent_id"], postgresql_where=sa.text("parent_id is not null"))
