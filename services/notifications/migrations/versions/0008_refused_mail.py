"""Who did not hear of a statutory notice is kept with it, and attempts at letters are seen by who sees to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import IN_SCOPE

revision = "0008"
down_revision = "0007"

Codes = postgresql.ARRAY(sa.Text)
READERS = "(array['person:' || person_id::text, jurisdiction] || seen_by)"


def upgrade() -> None:
    """With defaults, so that the version before goes on telling and writing: what it wrote is seen by whom it was.

    The index is built while academies are told, which ends the transaction: all until there may be done again.
    """
    unheard: sa.Column[Any] = sa.Column("unheard", Codes, nullable=False, server_default="{}")
    op.add_column("notice", unheard, if_not_exists=True)
    with op.get_context().autocommit_block():
        some: dict[str, Any] = {"postgresql_where": sa.text("unheard <> '{}'"), "postgresql_concurrently": True}
        # One that was given up half built is there, and not valid.
        op.drop_index("notice_unheard", "notice", postgresql_concurrently=True, if_exists=True)
        op.create_index("notice_unheard", "notice", ["time", "event_id"], **some)
    op.add_column("letter_attempt", sa.Column("seen_by", Codes, nullable=False, server_default="{}"))
    op.execute("drop policy jurisdiction on letter_attempt")
    seen = IN_SCOPE.format(column=READERS)
    op.execute(f"create policy jurisdiction on letter_attempt to mithaq_app using ({seen})")
    op.add_column("attempt", sa.Column("bounced", sa.Boolean, nullable=False, server_default=sa.false()))
