"""When people came last: who did not come for long is told all the same, and does not count as one who hears."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Of who is known already it is not known: they count as of the upgrade."""
    seen_at = sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"))
    op.add_column("person", seen_at)
