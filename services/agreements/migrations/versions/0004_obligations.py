"""The ledger of obligations, what we know of centers, and calendar feeds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import grant, protect

revision = "0004"
down_revision = "0003"

OWED = sa.text("state in ('pending', 'due', 'claimed')")


def upgrade() -> None:
    """Obligations are seen with their agreement, calendars where their person is at home."""
    op.add_column("agreement", sa.Column("next_on", sa.Date))
    op.add_column("agreement", sa.Column("renewal_deadline_on", sa.Date))
    op.create_index("agreement_next_on", "agreement", ["next_on"], postgresql_where=sa.text("next_on is not null"))
    op.create_index(
        "agreement_renewal_deadline",
        "agreement",
        ["renewal_deadline_on"],
        postgresql_where=sa.text("renewal_deadline_on is not null"),
    )
    op.add_column("agreement", sa.Column("offered_until", sa.Date))
    op.create_index(
        "agreement_offered_until",
        "agreement",
        ["offered_until"],
        postgresql_where=sa.text("offered_until is not null"),
    )
    op.create_index("agreement_effective_until", "agreement", ["effective_until", "id"])
    op.create_table(
        "obligation",
        sa.Column("obligation_id", sa.Uuid, primary_key=True),
        sa.Column("occurrence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("debtor_id", sa.Uuid, nullable=False),
        sa.Column("creditor_id", sa.Uuid),
        sa.Column("what_ar", sa.Text, nullable=False),
        sa.Column("what_fr", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("center_id", sa.Uuid),
    )
    op.create_index("obligation_due", "obligation", ["due_on", "obligation_id", "occurrence"])
    op.create_index("obligation_owed", "obligation", ["due_on", "obligation_id", "occurrence"], postgresql_where=OWED)
    op.create_index("obligation_debtor", "obligation", ["debtor_id", "due_on"])
    op.create_index("obligation_agreement", "obligation", ["agreement_id"])
    op.create_index("obligation_center", "obligation", ["center_id"], postgresql_where=OWED)
    op.create_table(
        "center_fact",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened_on", sa.Date),
        sa.Column("funded_seats", sa.Integer, nullable=False),
        sa.Column("unfunded_seats", sa.Integer, nullable=False),
        sa.Column("learners", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("center_fact_agreement", "center_fact", ["agreement_id"])
    op.create_table(
        "calendar",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Uuid),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_index("calendar_digest", "calendar", ["digest"], unique=True)
    op.create_index("calendar_person", "calendar", ["person", "id"])
    protect(op, "obligation", aggregate=False)
    protect(op, "calendar", aggregate=False)
    grant(op, "center_fact", "select, insert, update")
