"""Who comes reads a year of notices by what they are about and when, and then only what was told meanwhile."""

import sqlalchemy as sa
from alembic import op

from shared.messaging.tables import Xid8

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """The indexes are made while others are told; one that was left unfinished is made anew.

    None is on `reach`: row-level security lets no condition choose an index that is not leakproof, as `&&` is not.
    """
    # Not evaluated row by row: what is there was told by the transaction of this migration, or before.
    told_by = sa.Column("xid", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()"))
    op.add_column("notice", told_by)
    with op.get_context().autocommit_block():
        for name, columns in (
            ("notice_story", ["subject", "version"]),
            ("notice_type", ["type", "time"]),
            ("notice_xid", ["xid"]),
        ):
            op.drop_index(name, "notice", postgresql_concurrently=True, if_exists=True)
            op.create_index(name, "notice", columns, postgresql_concurrently=True)
