"""The projections of agreements, centers and signatures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from shared.migrations import create_messaging, protect

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, each visible within its jurisdiction."""
    create_messaging(op)
    op.create_table(
        "agreement_figure",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", ARRAY(sa.Text), nullable=False),
        sa.Column("academy", sa.Text),
        sa.Column("agreement_type", sa.Text, nullable=False),
        sa.Column("school_year", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "center_figure",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", ARRAY(sa.Text), nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("funded_seats", sa.Integer, nullable=False),
        sa.Column("unfunded_seats", sa.Integer, nullable=False),
    )
    op.create_table(
        "signature_entry",
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", ARRAY(sa.Text), nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("signed_at", TIME, nullable=False),
        sa.Column("voided_at", TIME),
    )
    op.create_index("signature_entry_time", "signature_entry", ["signed_at", "event_id"])
    op.create_index("signature_entry_agreement", "signature_entry", ["agreement_id"])
    for table in ("agreement_figure", "center_figure", "signature_entry"):
        protect(op, table, aggregate=False, privileges="select, insert, update, delete")
