"""Every attempt at a letter is kept, what never arrived is said, and deliveries say by what they were owed."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """What is added has a default or may be null: the version before goes on sending."""
    op.create_table(
        "letter_attempt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("letter_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("excerpt", sa.Text),
    )
    op.create_index("letter_attempt_letter", "letter_attempt", ["letter_id", "id"])
    op.create_index("letter_attempt_person", "letter_attempt", ["person_id", "id"])
    # Its person reads it, and who was their desk then.
    readers = "array['person:' || person_id::text, jurisdiction]"
    protect(op, "letter_attempt", aggregate=False, column=readers, privileges="select, insert, delete")
    op.create_table("undelivered", *aggregate_columns())
    protect(op, "undelivered")
    op.add_column("delivery", sa.Column("owed_by", sa.Text, nullable=False, server_default=sa.text("'told'")))
    op.add_column("delivery", sa.Column("again", sa.Text))
    op.add_column("lane", sa.Column("epoch", sa.Integer, nullable=False, server_default=sa.text("0")))
