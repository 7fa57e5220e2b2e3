"""What agreements wait for, as the database is asked for it."""

from sqlalchemy import Boolean, ColumnElement, Date, and_, any_, bindparam, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from services.agreements.agreement import Agreement, AgreementState
from services.agreements.agreement.family import ENDED_EARLY
from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS, AWAITS_KEPT_VISA, MAY_AWAIT_VISA

ROW, PARENT = AGREEMENTS.table.c, AGREEMENTS.table.alias("parent").c
DAY = bindparam("day", type_=Date)
# Not `exists`, which the planner may turn round and answer for all agreements at once.
PARENT_ENDS = select(true()).where(
    PARENT.id == ROW.parent_id, or_(PARENT.status.in_(ENDED_EARLY), PARENT.announced_on <= DAY)
)
MAY_HAVE_MOVED = select(ROW.id).where(
    ROW.id == any_(bindparam("agreements", type_=ARRAY(ROW.id.type))),
    or_(
        ROW.next_on <= DAY,
        and_(ROW.status == AgreementState.signed, ROW.effective_from <= DAY),
        and_(ROW.status.in_(Agreement.ALLOWED["expire_agreement"]), ROW.effective_until < DAY),
        and_(
            ROW.status.in_(Agreement.ALLOWED["end_with_parent"]),
            PARENT_ENDS.limit(1).scalar_subquery(),
        ),
    ),
)
"""Those of the `agreements` of which time may have made something by the `day` that is not recorded.

It is what the jobs of the schedule look for, and none while they do. What an agreement follows is looked at too, which
its readers need not see.
"""


def awaits_visa() -> ColumnElement[bool]:
    """That all have signed, and the visa that the agreement's rules ask for is not recorded.

    What keeps no rules of its own waits if its kind of today asks for a visa.
    """
    # Words and not values: only what is the same as an index's own condition is known to be in that index.
    kept, may = (literal_column(f"({each})", Boolean) for each in (AWAITS_KEPT_VISA, MAY_AWAIT_VISA))
    asked_today = AGREEMENTS.table.c.agreement_kind.in_([kind.id for kind in KINDS.values() if kind.visa])
    return or_(kept, and_(may, asked_today))
