"""Agreements, ceremonies, batches of signatures, and what is known of the network."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import aggregate_columns, create_messaging, grant, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; what has a jurisdiction is visible within it."""
    op.create_table(
        "agreement",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("agreement_type", sa.Text, nullable=False),
        sa.Column("academy", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("effective_until", sa.Date, nullable=False),
    )
    op.create_index("agreement_status", "agreement", ["status", "id"])
    op.create_index("agreement_academy", "agreement", ["academy", "id"])
    op.create_index("agreement_reference", "agreement", ["reference"], unique=True)
    op.create_table(
        "ceremony",
        *aggregate_columns(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("planned_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreements", postgresql.ARRAY(sa.Uuid), nullable=False),
    )
    op.create_index("ceremony_status", "ceremony", ["status", "id"])
    op.create_index("ceremony_agreements", "ceremony", ["agreements"], postgresql_using="gin")
    op.create_table(
        "reference_counter",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "signature_batch",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("actor", postgresql.JSONB, nullable=False),
        sa.Column("ceremony_id", sa.Uuid),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("items", postgresql.JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index(
        "signature_batch_unfinished", "signature_batch", ["id"], postgresql_where=sa.text("finished_at is null")
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name_ar", sa.Text, nullable=False),
        sa.Column("name_fr", sa.Text, nullable=False),
    )
    op.create_table(
        "association_standing",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("standing", sa.Text, nullable=False),
    )
    op.create_table(
        "mandate",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
    )
    op.create_index("mandate_holder", "mandate", ["organisation_id", "person"])
    create_messaging(op)
    for table in ("agreement", "ceremony"):
        protect(op, table)
    for table in ("signature_batch", "mandate"):
        protect(op, table, aggregate=False)
    for table in ("reference_counter", "organisation", "association_standing"):
        grant(op, table, "select, insert, update")
