"""Answers about event types."""

from typing import Any

from pydantic import BaseModel, Field

from services.notifications.kinds import Importance, Queue


class EventTypeAnswer(BaseModel):
    """A type of event that there is to be told of."""

    type: str
    importance: Importance
    statutory: bool = Field(description="whether it is told whatever anybody prefers")
    receipt: int = Field(description="days within which academies acknowledge it; 0: they need not")
    queue: Queue = Field(description="the workqueue it goes to in inboxes")
    summary: str = Field(description="what the example says, in one sentence")
    example: dict[str, Any] = Field(description="of `data`")
    data_schema: dict[str, Any] = Field(description="of `data` (JSON Schema)")
