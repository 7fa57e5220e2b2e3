"""Threads of comments."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import aggregate_columns, grant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A thread is seen by whoever sees its agreement, and its journal by whoever sees it."""
    op.create_table(
        "thread",
        *aggregate_columns(),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("clause", sa.Text),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
    )
    op.create_index("thread_agreement", "thread", ["agreement_id", "id"])
    grant(op, "thread", "select, insert, update")
    op.execute("alter table thread enable row level security")
    op.execute("alter table thread force row level security")
    op.execute(
        "create policy jurisdiction on thread to mithaq_app"
        " using (exists (select from agreement where agreement.id = agreement_id))"
    )
    op.execute(
        "create policy read_thread on journal for select to mithaq_app"
        " using (exists (select from thread owner where owner.id = aggregate_id))"
    )
