"""Who did not hear of a statutory notice is kept with it, and attempts at letters are seen by who sees to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import IN_SCOPE

revision = "0008"
down_revision = "0007"

Codes = postgresql.ARRAY(sa.Text)
READERS = "(array['person:' || person_id::text, jurisdiction] || seen_by)"


def upgrade() -> None:
    """With defaults, so that the version before goes on telling and writing: what it wrote is seen by whom it was."""
    op.add_column("notice", sa.Column("unheard", Codes, nullable=False, server_default="{}"))
    some = sa.text("unheard <> '{}'")
    op.create_index("notice_unheard", "notice", ["time", "event_id"], postgresql_where=some)
    op.add_column("letter_attempt", sa.Column("seen_by", Codes, nullable=False, server_default="{}"))
    op.execute("drop policy jurisdiction on letter_attempt")
    seen = IN_SCOPE.format(column=READERS)
    op.execute(f"create policy jurisdiction on letter_attempt to mithaq_app using ({seen})")
