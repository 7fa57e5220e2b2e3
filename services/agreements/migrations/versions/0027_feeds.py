"""The days that every calendar tells, each in the order of an index; what is listed across agreements as well."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"

DAYS = (("agreement", "papers_until"), ("amendment", "offered_until"), ("amendment", "applied_on"))
PAPERS_UNTIL = """
    update agreement set papers_until = ends.first from (
        select id, min(paper ->> 'expires_on')::date as first
        from agreement, jsonb_array_elements(state -> 'documents') paper
        where paper ->> 'state' = 'current' and status not in ('terminated', 'expired', 'cancelled', 'closed')
        group by id
    ) ends where ends.id = agreement.id and ends.first is not null
"""
OFFERED_UNTIL = """
    update amendment set offered_until = (state ->> 'offered_until')::date
    where status in ('agreed', 'signing') and state ->> 'offer_over' is distinct from 'true'
        and state ->> 'offered_until' is not null
"""
APPLIED_ON = """
    update amendment set applied_on = (state ->> 'applied_on')::date where state ->> 'applied_on' is not null
"""
"""What the states know of these days."""


def upgrade() -> None:
    """Files that there are get their days, and the indexes are built, while agreements are written.

    That ends the transaction: all of it may be done again.
    """
    # What a thread's reader may see is asked of its own agreement, never of all at once.
    op.execute(
        "alter policy jurisdiction on thread using ((select true from agreement where agreement.id = agreement_id))"
    )
    for table, column in DAYS:
        op.add_column(table, sa.Column(column, sa.Date), if_not_exists=True)
    with op.get_context().autocommit_block():
        for table in ("agreement", "amendment"):
            op.execute(f"alter table {table} no force row level security")
        for days in (PAPERS_UNTIL, OFFERED_UNTIL, APPLIED_ON):
            op.execute(days)
        for table in ("agreement", "amendment"):
            op.execute(f"alter table {table} force row level security")
        for table, column in DAYS:
            _index(f"{table}_{column}", table, [column], where=f"{column} is not null")
        _index("agreement_begins", "agreement", ["effective_from"], where="status = 'signed'")
        _index("amendment_status", "amendment", ["status", "id"])
        _index("obligation_state", "obligation", ["state", "due_on", "obligation_id", "occurrence"])
        _index("substitution_home", "substitution", [sa.text("(visible_to[1])"), "id"])
        _index("ceremony_planned_for", "ceremony", ["planned_for"])


def _index(name: str, table: str, columns: list[Any], where: str | None = None) -> None:
    # One that was given up half built is there, and not valid.
    op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    there = sa.text(where) if where else None
    op.create_index(name, table, columns, postgresql_where=there, postgresql_concurrently=True)
