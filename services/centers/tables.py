"""The centers service's tables."""

from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field

from services.centers.center import Center
from shared.store import AggregateRow, Store, service_base

Base = service_base("centers")
SEEN_BY = {"resting_center": None}
"""The condition on which rows are seen, where it is not that `visible_to` is in scope; None for those of nobody."""


class CenterRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A center."""

    __tablename__ = "center"
    __table_args__ = (Index("center_agreement", "agreement_id"),)

    status: str = Field(sa_type=Text)
    academy: str = Field(sa_type=Text)
    province: str = Field(sa_type=Text)
    agreement_id: UUID
    operator_id: UUID


class RestingCenterRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A center that its agreement's suspension names: whatever its own state, it does not open before the end of it."""

    __tablename__ = "resting_center"

    id: UUID = Field(primary_key=True)


CENTERS = Store(
    Center,
    CenterRow,
    lambda each: {
        "status": each.status,
        "academy": each.academy,
        "province": each.province,
        "agreement_id": each.agreement_id,
        "operator_id": each.operator_id,
    },
    told=True,
)
