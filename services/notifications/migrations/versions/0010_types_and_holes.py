"""Subscriptions by the type of agreement that an event is about; each delivery keeps which was owed before it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

# As the reaction would have kept it: of agreements as they say it, of centers and open points as their agreements do.
# What was told before stays without: notices are not written again.
AGREEMENTS = """
    update circle set agreement_type = data ->> 'agreement_type' from notice
    where notice.subject = circle.subject
        and type in ('ma.mithaq.agreement.drafted.v1', 'ma.mithaq.agreement.signed.v1')
"""
ABOUT_THEM = """
    update circle set agreement_type = agreement.agreement_type
    from notice join circle agreement on agreement.subject = cast(data ->> 'agreement_id' as uuid)
    where notice.subject = circle.subject and type in ('ma.mithaq.center.planned.v1', 'ma.mithaq.thread.opened.v1',
        'ma.mithaq.amendment.proposed.v1')
"""
LAST_OWED = """
    update lane set last_owed = last
    from (select endpoint_id, max(sequence) as last from delivery group by endpoint_id) owed
    where owed.endpoint_id = lane.endpoint_id
"""


def upgrade() -> None:
    """With defaults, so that the version before goes on telling: it asks no such condition, and tells without it."""
    for table in ("circle", "notice"):
        op.add_column(table, sa.Column("agreement_type", sa.Text))
    texts = postgresql.ARRAY(sa.Text)
    op.add_column("rule", sa.Column("agreement_types", texts, nullable=False, server_default="{}"))
    op.execute(AGREEMENTS)
    op.execute(ABOUT_THEM)
    op.add_column("delivery", sa.Column("previous", sa.BigInteger))
    op.add_column("lane", sa.Column("last_owed", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(LAST_OWED)
