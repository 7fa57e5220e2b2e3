"""What endpoints and people asked to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.notifications.tables.base import NOW, Base, Instant


class RuleRow(Base, table=True):  # type: ignore[call-arg, misc, valid-type]
    """What an endpoint or a person asked to be told. An ended rule stays: explanations name it."""

    __tablename__ = "rule"
    __table_args__ = (
        Index("rule_endpoint", "endpoint_id", postgresql_where=text("ended_at is null")),
        Index("rule_person", "person_id", postgresql_where=text("ended_at is null")),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID | None = None
    person_id: UUID | None = None
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    types: list[str] = Field(sa_type=ARRAY(Text))
    academies: list[str] = Field(sa_type=ARRAY(Text))
    provinces: list[str] = Field(sa_type=ARRAY(Text))
    agreement_types: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    parties: list[str] = Field(sa_type=ARRAY(Text))
    importance: str = Field(sa_type=Text)
    made_at: datetime | None = Field(None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    made_by: str = Field(sa_type=Text)
    ended_at: datetime | None = Field(None, sa_type=Instant, nullable=True)
    ended_by: str | None = Field(None, sa_type=Text)
