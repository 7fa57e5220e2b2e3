"""Answers about deliveries."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.notifications.reasons import said
from services.notifications.schemas.endpoints import AttemptAnswer


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
    replayed: bool = Field(description="whether it was asked for again after it had arrived")
    again: Literal["recovered", "replayed", "resent"] | None = Field(
        description="how it was last asked for again; null: it was only told, or waited anyway"
    )
    code: str | None = Field(description="what came of the last attempt, as a code that stays; null before that")
    reason: str | None = Field(description="the same in words")
    next_attempt_at: datetime | None = Field(description="null when nothing more is due")
    delivered_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Any, language: str) -> Self:
        """The delivery of a row with its last reason, as people of this language read it."""
        told = {name: getattr(row, name) for name in cls.model_fields if name not in ("code", "reason")}
        due = {} if row.state == "waiting" else {"next_attempt_at": None}
        return cls(**told | said(row.reason, language) | due)


class DeliveryAttemptAnswer(AttemptAnswer):
    """One try to deliver, with what was sent."""

    id: UUID = Field(description="the delivery's")
    message_id: UUID = Field(description="`webhook-id`")
    timestamp: int | None = Field(description="`webhook-timestamp`; null for e-mail")
    body: str | None = Field(description="the bytes that were signed and sent; null for e-mail")
