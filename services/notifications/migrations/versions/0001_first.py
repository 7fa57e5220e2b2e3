"""Endpoints, the feed, deliveries and their attempts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import create_messaging, protect

revision = "0001"
down_revision = None

Instant = sa.DateTime(timezone=True)
BY_ACADEMY = ("endpoint_secret", "feed_head", "feed_entry", "lane", "delivery")


def upgrade() -> None:
    """Make the tables, each row visible to its academy only."""
    op.create_table(
        "endpoint",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("state", postgresql.JSONB, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
    )
    op.create_index("endpoint_academy", "endpoint", ["academy"])
    op.create_table(
        "endpoint_secret",
        sa.Column("key_id", sa.Uuid, primary_key=True),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
    )
    op.create_index("endpoint_secret_endpoint", "endpoint_secret", ["endpoint_id"])
    op.create_table(
        "name",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("ar", sa.Text, nullable=False),
        sa.Column("fr", sa.Text, nullable=False),
    )
    op.create_table(
        "notice",
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("time", Instant, nullable=False),
        sa.Column("audience", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("data", postgresql.JSONB, nullable=False),
        sa.Column("names", postgresql.JSONB, nullable=False),
        sa.Column("correlation", sa.Uuid, nullable=False),
        sa.Column("traceparent", sa.Text),
    )
    op.create_table(
        "feed_head",
        sa.Column("academy", sa.Text, primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "feed_entry",
        sa.Column("academy", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("told_at", Instant, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.UniqueConstraint("academy", "event_id", name="feed_entry_event_key"),
    )
    op.create_table(
        "lane",
        sa.Column("endpoint_id", sa.Uuid, primary_key=True),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("lease_token", sa.Uuid),
        sa.Column("lease_until", Instant),
    )
    op.create_index("lane_due", "lane", ["due_at"], postgresql_where=sa.text("enabled and due_at is not null"))
    op.create_index("lane_academy", "lane", ["academy"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Instant, nullable=False),
        sa.Column("delivered_at", Instant),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.UniqueConstraint("event_id", "endpoint_id", name="delivery_event_endpoint_key"),
    )
    op.create_index(
        "delivery_waiting", "delivery", ["endpoint_id", "sequence"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index("delivery_academy", "delivery", ["academy", "created_at", "id"])
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("delivery_id", sa.Uuid, nullable=False),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("excerpt", sa.Text),
    )
    op.create_index("attempt_endpoint", "attempt", ["endpoint_id", "id"])
    create_messaging(op)
    protect(op, "endpoint")
    for table in BY_ACADEMY:
        protect(op, table, aggregate=False, column="array[academy]")
    protect(op, "attempt", aggregate=False, column="array[academy]", privileges="select, insert")
    protect(op, "notice", aggregate=False, column="audience", privileges="select, insert")
    # Names are gathered over all jurisdictions: only national work, which composes sentences, reads them.
    protect(op, "name", aggregate=False, column="array['national']")
