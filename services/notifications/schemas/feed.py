"""Answers about an academy's feed."""

from typing import Any

from pydantic import BaseModel, Field


class NoticeAnswer(BaseModel):
    """A notice as it stands in an academy's feed: the very payload of its webhooks."""

    type: str
    timestamp: str
    data: dict[str, Any]
    specversion: str = Field(description="of CloudEvents: the payload is one")
    id: str = Field(description="the event's id; `webhook-id` when it is sent")
    source: str = Field(description="the service that published it")
    subject: str
    time: str
    version: int
    language: str
    summary: str
    academy: str
    sequence: int = Field(description="its number in the academy's feed: 1, 2, 3 … without gaps")
