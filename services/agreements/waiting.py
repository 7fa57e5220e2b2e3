"""What agreements wait for, as the database is asked for it."""

from sqlalchemy import ColumnElement, and_, case, cast
from sqlalchemy.dialects.postgresql import JSONB

from services.agreements.agreement import AgreementState
from services.agreements.kinds import KINDS
from services.agreements.tables import AGREEMENTS


def awaits_visa() -> ColumnElement[bool]:
    """That all have signed, and the visa that the agreement's rules ask for is not recorded.

    Few are signed and not in force yet: these are read to see which have their visa.
    """
    row = AGREEMENTS.table.c
    kept = row.state["kept_rules"].astext
    asked_today = row.agreement_kind.in_([kind.id for kind in KINDS.values() if kind.visa])
    asks = case((kept.is_not(None), cast(kept, JSONB)["visa"].astext.is_not(None)), else_=asked_today)
    signed = row.status == AgreementState.signed
    return and_(signed, asks, row.state["visa"]["visa_number"].astext.is_(None))
