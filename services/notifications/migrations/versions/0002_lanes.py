"""Lanes have a pace and a breaker; deliveries may be replayed; attempts say their language, and end."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import grant

revision = "0002"
down_revision = "0001"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; all of it has a default, so that the version before goes on working."""
    no, one, none = (sa.text(default) for default in ("false", "1", "0"))
    for column in (
        sa.Column("paused", sa.Boolean, nullable=False, server_default=no),
        sa.Column("concurrency", sa.Integer, nullable=False, server_default=one),
        sa.Column("rate", sa.Float),
        sa.Column("bucket_at", Instant),
        sa.Column("failures", sa.Integer, nullable=False, server_default=none),
        sa.Column("open_until", Instant),
    ):
        op.add_column("lane", column)
    op.add_column("delivery", sa.Column("replayed", sa.Boolean, nullable=False, server_default=no))
    op.create_index(
        "delivery_due", "delivery", ["endpoint_id", "next_attempt_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.add_column("attempt", sa.Column("language", sa.Text))
    op.create_index("attempt_delivery", "attempt", ["delivery_id"])
    grant(op, "attempt", "delete")
