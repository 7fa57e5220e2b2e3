"""The register: organisations, associations, mandates."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, create_messaging, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, each visible within its jurisdiction."""
    op.create_table(
        "organisation",
        *aggregate_columns(),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("academy", sa.Text),
    )
    op.create_table(
        "association",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("ice", sa.Text, nullable=False),
    )
    op.create_index(
        "association_ice", "association", ["ice"], unique=True, postgresql_where=sa.text("status <> 'refused'")
    )
    op.create_table(
        "mandate",
        *aggregate_columns(),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
    )
    op.create_index("mandate_organisation", "mandate", ["organisation_id"])
    create_messaging(op)
    for table in ("organisation", "association", "mandate"):
        protect(op, table)
