"""What requests about comments carry, and what is answered."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands.threads import Of, action_on, text_of
from services.agreements.conditions import may_settle
from services.agreements.permissions import PERMISSIONS
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
        [],
        description="those mentioned, as issuer#subject (see participants): who acted or commented, or holds a"
        " party's mandate",
    )


class OpenThread(Comment):
    """The first comment on a point."""

    clause: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="the clause's key; the whole of it if neither a clause nor an obligation is named"
    )
    obligation_id: UUID | None = None
    text_hash: Hash | None = Field(
        None, description="of the text, or the amendment's content, one has read; refused if it has moved on"
    )

    @model_validator(mode="after")
    def _hangs_on_one(self) -> Self:
        if self.clause is not None and self.obligation_id is not None:
            raise ValueError("a comment is on a clause or on an obligation")
        return self


class ThreadAnswer(BaseModel):
    """A point, where it hangs, and what was said."""

    id: UUID
    version: int
    state: ThreadState
    clause: str | None
    obligation_id: UUID | None
    text_hash: str | None = Field(description="the text, or the amendment's content, as it stood at the opening")
    outdated: bool = Field(description="whether it is another one now")
    count: int = Field(description="how many comments there are")
    comments: list[Remark] = Field(description="oldest first; in a list of threads the first one only")
    available_actions: list[str]

    @classmethod
    def of(cls, file: Agreement | Amendment, thread: Thread, by: Actor, *, most: int | None = None) -> Self:
        """What the actor is shown, with so many comments."""
        return cls(
            **thread.model_dump(include={"id", "version", "state", "clause", "obligation_id", "text_hash"}),
            outdated=thread.text_hash != text_of(file),
            count=len(thread.comments),
            comments=list(thread.comments[:most]),
            available_actions=_available(file, thread, by),
        )


class Participant(BaseModel):
    """Somebody who can be mentioned: an organisation, or a person."""

    organisation_id: UUID | None = Field(description="the organisation; of a person, theirs as far as it is known")
    organisation: Bilingual | None = Field(description="its name")
    person: str | None = Field(description="as issuer#subject; null: the organisation itself")
    name: str | None = Field(description="the person's, as they last commented here under it")


class OpenPoints(BaseModel):
    """How many threads are open on one point, by the organisation that opened them."""

    clause: str | None
    obligation_id: UUID | None = Field(description="neither: on the whole of it")
    organisation_id: UUID
    open: int


class OpenPointsAnswer(Listing[OpenPoints]):
    """How many points are open; none of them stands in the way of anything."""

    open: int


def _available(file: Agreement | Amendment, thread: Thread, by: Actor) -> list[str]:
    settles = may_settle(by, file, thread)
    of: Of = "amendment" if isinstance(file, Amendment) else "agreement"
    return [
        action_on(of, action)
        for action in thread.ALLOWED
        if thread.refusal_of(action) is None
        and PERMISSIONS.may(by, action_on(of, action), file)
        and (settles or action == "answer_thread")
    ]
