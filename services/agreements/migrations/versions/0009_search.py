"""What agreements are found by and in which order; saved searches; checkpoints of the journal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.agreements.words import words
from shared.migrations import aggregate_columns, grant, protect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Terms are as visible as their agreement; saved searches where their person is at home; checkpoints to all."""
    op.add_column("agreement", sa.Column("agreement_kind", sa.Text))
    now = sa.text("clock_timestamp()")
    op.add_column("agreement", sa.Column("updated_at", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.execute("alter table agreement no force row level security")
    op.execute("update agreement set agreement_kind = state ->> 'agreement_kind'")
    op.alter_column("agreement", "agreement_kind", nullable=False)
    for column, index in (("agreement_kind", "agreement_kind"), ("agreement_type", "agreement_type")):
        op.create_index(index, "agreement", [column, "id"])
    for column in ("effective_from", "updated_at"):
        op.create_index(f"agreement_{column}", "agreement", [column, "id"])
    op.create_index("agreement_by_reference", "agreement", [sa.text("coalesce(reference, id::text)"), "id"])
    op.create_table(
        "agreement_term",
        sa.Column("term", sa.Text(collation="C"), primary_key=True),
        sa.Column("agreement_id", sa.Uuid, primary_key=True),
    )
    op.create_index("agreement_term_agreement", "agreement_term", ["agreement_id", "term"])
    _find_what_there_is(op.get_bind())
    op.execute("alter table agreement force row level security")
    grant(op, "agreement_term", "select, insert, delete")
    op.execute("alter table agreement_term enable row level security")
    op.execute("alter table agreement_term force row level security")
    op.execute(
        "create policy jurisdiction on agreement_term to mithaq_app"
        " using (exists (select from agreement where agreement.id = agreement_id))"
    )
    op.create_table(
        "saved_search",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("visible_to", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("search", postgresql.JSONB, nullable=False),
    )
    op.create_index("saved_search_name", "saved_search", ["person", "name"], unique=True)
    protect(op, "saved_search", aggregate=False, privileges="select, insert, update, delete")
    op.create_table("checkpoint", *aggregate_columns())
    protect(op, "checkpoint")
    op.create_table(
        "chain_head",
        sa.Column("aggregate_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
    )
    grant(op, "chain_head", "select, insert, update")


def _find_what_there_is(connection: sa.Connection) -> None:
    term = sa.table("agreement_term", sa.column("term"), sa.column("agreement_id", sa.Uuid))
    connection.execute(
        sa.text(
            "insert into agreement_term select distinct code, id from agreement, unnest(visible_to) code"
            " where code not like 'MA-%'"
        )
    )
    for id, title, names, reference in connection.execute(
        sa.text("select id, state -> 'title', state -> 'names', reference from agreement")
    ).all():
        texts = [text for name in (title, *names.values()) for text in name.values()]
        found = {word for text in (*texts, reference or "") for word in words(text)}
        connection.execute(sa.insert(term), [{"term": word, "agreement_id": id} for word in sorted(found)])
