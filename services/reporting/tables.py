"""The projections: each can be emptied and folded again from the log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from shared.store import service_base

Base = service_base("reporting")


class AgreementFigureRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """An agreement as far as it is counted."""

    __tablename__ = "agreement_figure"

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    academy: str | None = Field(None, sa_type=Text, nullable=True)
    agreement_type: str = Field(sa_type=Text)
    school_year: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)


class CenterFigureRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A center and the seats it was granted."""

    __tablename__ = "center_figure"

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    academy: str = Field(sa_type=Text)
    province: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    funded_seats: int
    unfunded_seats: int


class SignatureEntryRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """A signature that was given; void once the text was opened again or a party declined."""

    __tablename__ = "signature_entry"
    __table_args__ = (
        Index("signature_entry_time", "signed_at", "event_id"),
        Index("signature_entry_agreement", "agreement_id"),
    )

    event_id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    agreement_id: UUID
    organisation_id: UUID
    level: str = Field(sa_type=Text)
    signed_at: datetime = Field(sa_type=DateTime(timezone=True))
    voided_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)
