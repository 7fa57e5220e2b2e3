"""The days that a calendar tells out of an agreement's or amendment's state: what is announced, and approvals."""

import sqlalchemy as sa
from alembic import op

from shared.clock import business_date

revision = "0014"
down_revision = "0013"

STEP_DUE = """
    (select (state -> 'ladder' ->> 'since')::timestamptz + (tier ->> 'days')::int * interval '24 hours'
    from jsonb_array_elements(state -> 'ladder' -> 'tiers') with ordinality as steps (tier, place)
    where (tier ->> 'needed')::int > (
        select count(*) from jsonb_array_elements(state -> 'ladder' -> 'approvals') as given
        where given ->> 'tier' = tier ->> 'id'
    )
    order by place limit 1)
"""
"""The deadline of the first step that lacks an approval."""


def fill_in(connection: sa.Connection, table: str, state: str) -> None:
    """The days of those in this state; reckoned here, for a server may know less of Morocco's clock."""
    due = connection.execute(sa.text(f"select id, {STEP_DUE} as at from {table} where status = '{state}'"))
    if days := [{"id": id, "day": business_date(at)} for id, at in due if at]:
        connection.execute(sa.text(f"update {table} set approval_due_on = :day where id = :id"), days)


def upgrade() -> None:
    """Files that there are get the days that their states know."""
    op.add_column("agreement", sa.Column("announced", sa.Text))
    op.add_column("agreement", sa.Column("announced_on", sa.Date))
    for table, state in (("agreement", "legal_review"), ("amendment", "under_review")):
        op.add_column(table, sa.Column("approval_due_on", sa.Date))
        op.execute(f"alter table {table} no force row level security")
        fill_in(op.get_bind(), table, state)
    op.execute(
        "update agreement set announced = state -> 'announcement' ->> 'announced',"
        " announced_on = (state -> 'announcement' ->> 'effective_on')::date"
        " where state ->> 'announcement' is not null"
    )
    for table in ("agreement", "amendment"):
        op.execute(f"alter table {table} force row level security")
    for table, column in (
        ("agreement", "announced_on"),
        ("agreement", "approval_due_on"),
        ("amendment", "approval_due_on"),
    ):
        there = sa.text(f"{column} is not null")
        op.create_index(f"{table}_{column}", table, [column], postgresql_where=there)
