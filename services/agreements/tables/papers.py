"""Papers that were given out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.agreements.tables.base import Base


class PaperRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A paper that was given out, so that it is known again by the SHA-256 of its file."""

    __tablename__ = "paper"
    __table_args__ = (Index("paper_subject", "subject_id"),)

    hash: str = Field(sa_type=Text, primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    subject_id: UUID
    """The agreement's, the amendment's or the ceremony's."""
    document: str = Field(sa_type=Text)
    """`agreement`, `amendment`, `certificate`, `minutes`, `minutes_extract`, or `sealed`: with the seals of so many."""
    version: int
    language: str = Field(sa_type=Text)
    content_hash: str | None = Field(None, sa_type=Text, nullable=True)
    """What its code names; none on drafts."""
    about: list[UUID] | None = Field(None, sa_type=ARRAY(Uuid), nullable=True)
    """Of an extract of minutes: the agreements that it tells of; none on those from before this was kept."""
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
