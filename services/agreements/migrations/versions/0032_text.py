"""Threads on amendments and on obligations."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """A thread on an amendment is seen by whoever sees that, and not by who sees its agreement alone."""
    op.add_column("thread", sa.Column("amendment_id", sa.Uuid))
    op.add_column("thread", sa.Column("obligation_id", sa.Uuid))
    there = sa.text("amendment_id is not null")
    op.create_index("thread_amendment", "thread", ["amendment_id", "id"], postgresql_where=there)
    op.execute(
        "alter policy jurisdiction on thread using (case when amendment_id is null"
        " then (select true from agreement where agreement.id = agreement_id)"
        " else (select true from amendment where amendment.id = amendment_id) end)"
    )
