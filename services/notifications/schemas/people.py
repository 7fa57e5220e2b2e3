"""What people ask about their own notices, and what they are answered."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notifications.kinds import Importance, Queue
from services.notifications.outcome import Result
from services.notifications.preferences import Preferences
from services.notifications.reasons import said
from shared.web import Body


class SuspendedAnswer(BaseModel):
    """Why nothing more is sent to an address; giving another, or the same again, sends again."""

    since: datetime
    because: str = Field(description="what the mail server said last")


class PreferencesAnswer(Preferences):
    """What one prefers, and whether one's address still takes e-mails."""

    model_config = ConfigDict(extra="ignore")

    person_id: UUID
    email_suspended: SuspendedAnswer | None = None


class ItemAnswer(BaseModel):
    """A notice in one's inbox."""

    id: UUID
    event_id: UUID
    type: str
    time: datetime
    told_at: datetime
    queue: Queue
    importance: Importance
    statutory: bool
    summary: str
    action: str | None = Field(description="what there is to do, in words; null when it is only to be known")
    path: str | None = Field(description="where to do or see it")
    read_at: datetime | None
    settled_at: datetime | None = Field(description="when nothing was left to do about it")


class CountAnswer(BaseModel):
    """How much is in one workqueue."""

    queue: Queue
    name: str
    total: int
    unread: int
    to_do: int = Field(description="what still asks for something")


class CountsAnswer(BaseModel):
    """How much is in one's inbox, by workqueue."""

    unread: int
    queues: list[CountAnswer]


class MarkRead(Body):
    """Whether an item was read."""

    read: bool = True


class MarkAllRead(Body):
    """Which items were read."""

    queue: Queue | None = Field(None, description="only this workqueue; all of them when left out")
    until: datetime | None = Field(None, description="only what was told up to then")


class MarkedAnswer(BaseModel):
    """How many items changed."""

    marked: int


class LetterAttemptAnswer(BaseModel):
    """One try to send a letter to a person, as it went."""

    letter_id: UUID
    person_id: UUID
    at: datetime
    milliseconds: int
    result: Result
    status: int | None = Field(description="SMTP status, if there was an answer")
    code: str | None = Field(description="why, as a code that stays; null of what is older than the codes")
    reason: str = Field(description="the same in words")
    excerpt: str | None = Field(description="the beginning of the answer; null to all but its person, whom it may name")

    @classmethod
    def of(cls, row: Any, language: str, *, me: UUID) -> Self:
        """The attempt of a row, as this person reads it in this language."""
        told = {name: getattr(row, name) for name in cls.model_fields if name not in ("code", "reason")}
        return cls(**told | said(row.reason, language) | ({} if row.person_id == me else {"excerpt": None}))


class ReportBounces(Body):
    """A delivery status notification as the mail server sent it back (RFC 3464)."""

    report: Annotated[str, StringConstraints(min_length=1, max_length=900_000)]


class BouncesAnswer(BaseModel):
    """What a report said of our letters."""

    failed: int = Field(description="letters it reports as failed")
    counted: int = Field(description="those that count against their address, each once")


LetterForm = Literal["at_once", "daily", "weekly", "academy"]
"""The letters there are: to a person at once or in a digest, and to an academy's address."""


class PreviewAnswer(BaseModel):
    """An event type's example as it would be told, in one language."""

    type: str
    language: str
    kind: dict[str, Any] = Field(description="importance, statutory, receipt, queue")
    summary: str
    payload: dict[str, Any] = Field(description="of webhook, feed and stream")
    letter: LetterForm | None = Field(
        description="which letter it is: what is statutory comes at once and in no digest; null: none is sent"
    )
    no_letter: str | None = Field(description="why none is sent; null where one is")
    due: datetime | None = Field(description="when it would leave, if told now: a digest at its usual time")
    subject: str | None
    text: str | None
    html: str | None
