"""Calendar feeds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.agreements.tables.base import Base


class CalendarRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A calendar feed; its address carries a token of which this row keeps the SHA-256 only."""

    __tablename__ = "calendar"
    __table_args__ = (
        Index("calendar_digest", "digest", unique=True),
        Index("calendar_person", "person", "id"),
    )

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    jurisdiction: str = Field(sa_type=Text)
    organisation_id: UUID | None = None
    language: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    renewed_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)
    """When its person last said that they still read it; none once we heard that they may have left."""
    revoked_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)
