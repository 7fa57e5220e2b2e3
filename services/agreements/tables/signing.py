"""Signatures that a person gives together."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.agreements.tables.base import Base
from shared.events.agreements import SignatureLevel


class SignatureBatchRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Signatures that a person gives together, and what became of each: resumed from here after a crash."""

    __tablename__ = "signature_batch"
    __table_args__ = (Index("signature_batch_unfinished", "id", postgresql_where=text("finished_at is null")),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    actor: dict[str, Any] = Field(sa_type=JSONB)
    ceremony_id: UUID | None = None
    level: SignatureLevel = Field(sa_type=Text)
    items: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)
