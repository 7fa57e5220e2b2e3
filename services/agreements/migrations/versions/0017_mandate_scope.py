"""What a mandate covers: types of agreement, academies, agreements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """The mandates that there are cover everything."""
    for column, of in (("agreement_types", sa.Text), ("academies", sa.Text), ("agreements", sa.Uuid)):
        op.add_column("mandate", sa.Column(column, ARRAY(of), nullable=False, server_default="{}"))
