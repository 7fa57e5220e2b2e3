"""The ledgers of agreements, to be searched across them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import Field

from services.agreements.agreement import Agreement
from services.agreements.tables.base import Base

OWED = text("state in ('pending', 'due', 'claimed')")


class ObligationRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An entry of an agreement's ledger, to be searched across agreements; written with its agreement."""

    __tablename__ = "obligation"
    __table_args__ = (
        Index("obligation_due", "due_on", "obligation_id", "occurrence"),
        Index("obligation_owed", "due_on", "obligation_id", "occurrence", postgresql_where=OWED),
        Index("obligation_state", "state", "due_on", "obligation_id", "occurrence"),
        Index("obligation_debtor", "debtor_id", "due_on"),
        Index("obligation_agreement", "agreement_id"),
        Index("obligation_center", "center_id", postgresql_where=OWED),
    )

    obligation_id: UUID = Field(primary_key=True)
    occurrence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agreement_id: UUID
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    debtor_id: UUID
    creditor_id: UUID | None = None
    what_ar: str = Field(sa_type=Text)
    what_fr: str = Field(sa_type=Text)
    due_on: date
    state: str = Field(sa_type=Text)
    center_id: UUID | None = None
    fulfilled_by: str | None = Field(None, sa_type=Text)
    """What the center does to fulfil it; its opening where it names a center and no more."""


WAITING = ("center_id", "fulfilled_by")
PUT_OBLIGATIONS = insert(ObligationRow.__table__)
PUT_OBLIGATIONS = PUT_OBLIGATIONS.on_conflict_do_update(
    index_elements=["obligation_id", "occurrence"],
    set_={
        name: PUT_OBLIGATIONS.excluded[name]
        for name in ("visible_to", "debtor_id", "creditor_id", "what_ar", "what_fr", "due_on", "state", *WAITING)
    },
)


def entries_of(agreement: Agreement) -> dict[tuple[UUID, int], dict[str, Any]]:
    """The ledger's entries as rows, by obligation and occurrence."""
    return {
        (each.obligation_id, each.occurrence): {
            "agreement_id": agreement.id,
            "visible_to": list(agreement.visible_to()),
            "what_ar": (duty := agreement.agreed(each)).what.ar,
            "what_fr": duty.what.fr,
            "center_id": duty.center_id,
            "fulfilled_by": duty.fulfilled_by,
            **each.model_dump(include={"obligation_id", "occurrence", "debtor_id", "creditor_id", "due_on", "state"}),
        }
        for each in agreement.obligations
    }
