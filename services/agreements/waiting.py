"""What agreements wait for, as the database is asked for it."""

from sqlalchemy import Boolean, ColumnElement, and_, literal_column, or_

from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS, MAY_AWAIT_VISA


def awaits_visa() -> ColumnElement[bool]:
    """That all have signed, and the visa that the agreement's rules ask for is not recorded.

    An index holds those whose rules ask for one, or that keep no rules of their own: their kind of today tells.
    """
    asked_today = AGREEMENTS.table.c.agreement_kind.in_([kind.id for kind in KINDS.values() if kind.visa])
    # Words and not values: only what is the same as the index's own condition is known to be in the index. And the
    # kind first, as it tells of most without a look at their state.
    kept = literal_column("agreement.state ->> 'kept_rules' is not null", Boolean)
    return and_(literal_column(MAY_AWAIT_VISA, Boolean), or_(asked_today, kept))
