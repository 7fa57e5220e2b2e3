"""Answers about receipts."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from services.notifications.permissions import PERMISSIONS
from services.notifications.receipt import Receipt, ReceiptState
from shared.actor import Actor
from shared.web import available_actions


class ReceiptAnswer(BaseModel):
    """An academy's receipt of a notice."""

    id: UUID
    version: int
    state: ReceiptState
    academy: str
    event_id: UUID
    event_type: str
    due_at: datetime
    given_by: str | None
    available_actions: list[str]

    @classmethod
    def of(cls, receipt: Receipt, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(**receipt.model_dump(), available_actions=available_actions(by, receipt, PERMISSIONS))
