"""An extract of minutes on paper keeps what it tells of, so that it can be printed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Extracts that there are, and those that the version before still gives out, cannot."""
    op.add_column("paper", sa.Column("about", ARRAY(sa.Uuid), nullable=True))
