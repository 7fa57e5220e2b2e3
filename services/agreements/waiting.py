"""What agreements wait for, as the database is asked for it."""

from sqlalchemy import Boolean, ColumnElement, and_, literal_column, or_

from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS, AWAITS_KEPT_VISA, MAY_AWAIT_VISA


def awaits_visa() -> ColumnElement[bool]:
    """That all have signed, and the visa that the agreement's rules ask for is not recorded.

    What keeps no rules of its own waits if its kind of today asks for a visa.
    """
    # Words and not values: only what is the same as an index's own condition is known to be in that index.
    kept, may = (literal_column(f"({each})", Boolean) for each in (AWAITS_KEPT_VISA, MAY_AWAIT_VISA))
    asked_today = AGREEMENTS.table.c.agreement_kind.in_([kind.id for kind in KINDS.values() if kind.visa])
    return or_(kept, and_(may, asked_today))
