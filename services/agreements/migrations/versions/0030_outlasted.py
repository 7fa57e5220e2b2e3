"""What outlasted its last edition by an older version's rules is looked at, and ends."""

import sqlalchemy as sa
from alembic import op

from shared.clock import today

revision = "0030"
down_revision = "0029"

OUTLASTED = sa.text("""
    update agreement set next_on = :today
    where status in ('in_force', 'suspended') and jsonb_array_length(state -> 'editions') > 0
        and (next_on is null or next_on > :today)
        and not exists (
            select from jsonb_to_recordset(state -> 'editions') as edition(ends_on date, state text)
            where edition.state <> 'cancelled' and edition.ends_on >= :today
        )
""")
"""By the rules of today time has something to do there; the day on which it has was reckoned by older ones."""


def upgrade() -> None:
    """The schedule finds them by their day."""
    op.execute("alter table agreement no force row level security")
    op.get_bind().execute(OUTLASTED, {"today": today()})
    op.execute("alter table agreement force row level security")
