"""What requests about comments carry, and what is answered."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.agreements.agreement import Agreement
from services.agreements.permissions import PERMISSIONS, may_settle
from services.agreements.schemas.words import Hash, Line, Paragraph, each_once
from services.agreements.thread import Remark, Thread, ThreadState
from shared.actor import Actor
from shared.web import Body, Listing


class Comment(Body):
    """What one says, and whom one mentions."""

    body: Paragraph
    organisations: Annotated[list[UUID], Field(max_length=20), AfterValidator(each_once)] = Field(
        [], description="those mentioned: parties, the academy, the ministry"
    )
    people: Annotated[list[Line], Field(max_length=20), AfterValidator(each_once)] = Field(
        [], description="those mentioned, as issuer#subject: who acted or commented, or holds a party's mandate"
    )


class OpenThread(Comment):
    """The first comment on a point."""

    clause: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="the clause's key; the whole agreement if none is named"
    )
    text_hash: Hash | None = Field(None, description="of the text one has read; refused if it has moved on")


class ThreadAnswer(BaseModel):
    """A point, where it hangs, and what was said."""

    id: UUID
    version: int
    state: ThreadState
    clause: str | None
    text_hash: str | None = Field(description="the text as it stood when the thread was opened")
    outdated: bool = Field(description="whether the text is another one now")
    count: int = Field(description="how many comments there are")
    comments: list[Remark] = Field(description="oldest first; in a list of threads the first one only")
    available_actions: list[str]

    @classmethod
    def of(cls, agreement: Agreement, thread: Thread, by: Actor, *, most: int | None = None) -> Self:
        """What the actor is shown, with so many comments."""
        return cls(
            **thread.model_dump(include={"id", "version", "state", "clause", "text_hash"}),
            outdated=thread.text_hash != agreement.text_hash,
            count=len(thread.comments),
            comments=list(thread.comments[:most]),
            available_actions=_available(agreement, thread, by),
        )


class OpenPoints(BaseModel):
    """How many threads are open on one clause, by the organisation that opened them."""

    clause: str | None = Field(description="none: on the whole agreement")
    organisation_id: UUID
    open: int


class OpenPointsAnswer(Listing[OpenPoints]):
    """How many points of the agreement are open; none of them stands in the way of anything."""

    open: int


def _available(agreement: Agreement, thread: Thread, by: Actor) -> list[str]:
    settles = may_settle(by, agreement, thread)
    return [
        action
        for action in thread.ALLOWED
        if thread.refusal_of(action) is None
        and PERMISSIONS.may(by, action, agreement)
        and (settles or action == "answer_thread")
    ]
