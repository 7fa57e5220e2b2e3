"""The journal of threads is read by the same policy as every other."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """The same condition in other words: the drift test compares policies by theirs."""
    op.execute(
        "alter policy read_thread on journal using (exists (select 1 from thread owner where owner.id = aggregate_id))"
    )
