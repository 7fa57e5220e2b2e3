"""What a center did that an obligation may wait for: the day of its visa, the day on which all its seats were taken."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Obligations from before wait for the opening alone; a visa from before has no day here."""
    op.add_column("obligation", sa.Column("fulfilled_by", sa.Text))
    op.add_column("center_fact", sa.Column("visa_granted_on", sa.Date))
    op.add_column("center_fact", sa.Column("filled_on", sa.Date))
    op.execute("update center_fact set filled_on = counted_on where learners >= funded_seats + unfunded_seats")
