"""The academies' feeds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field

from services.notifications.tables.base import NOW, Base, Instant


class FeedHeadRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """The last number given out in an academy's feed. Its lock makes commit order and number order the same."""

    __tablename__ = "feed_head"

    academy: str = Field(sa_type=Text, primary_key=True)
    last: int = Field(sa_type=BigInteger)


class FeedEntryRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """One notice in one academy's feed, numbered 1, 2, 3 … without gaps."""

    __tablename__ = "feed_entry"
    __table_args__ = (UniqueConstraint("academy", "event_id", name="feed_entry_event_key"),)

    academy: str = Field(sa_type=Text, primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    event_id: UUID
    told_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
