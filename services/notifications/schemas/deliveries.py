"""Answers about deliveries."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class DeliveryAnswer(BaseModel):
    """One notice owed to one endpoint."""

    id: UUID
    endpoint_id: UUID
    academy: str
    event_id: UUID
    type: str
    sequence: int
    state: Literal["waiting", "delivered", "refused"]
    attempts: int
    next_attempt_at: datetime | None = Field(description="null when nothing more is due")
    delivered_at: datetime | None
    created_at: datetime
