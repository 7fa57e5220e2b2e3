"""The thread: comments on an agreement or an amendment, or on one point of it, until the point is settled."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.errors.threads import ThreadFull
from shared.aggregate import Aggregate
from shared.events.agreements import ThreadAnswered, ThreadOpened, ThreadReopened, ThreadResolved
from shared.events.base import DomainEvent

MOST = 200
"""Comments in one thread."""
MOST_OPEN = 1_000
"""Open threads of one agreement or amendment, give or take those of the same instant."""


class ThreadState(StrEnum):
    """Whether the point is settled."""

    open = "open"
    resolved = "resolved"


_S = ThreadState


class Remark(BaseModel):
    """What somebody says for their organisation, and whom they mention."""

    model_config = ConfigDict(frozen=True)

    body: str
    person: str
    name: str | None = Field(None, description="the person's, as their token said it then; none if it did not")
    organisation_id: UUID
    organisations: tuple[UUID, ...] = ()
    people: tuple[str, ...] = ()
    at: datetime


class Point(BaseModel):
    """Where a thread hangs: on an agreement, or on an amendment of it; on the whole, a clause or an obligation."""

    model_config = ConfigDict(frozen=True)

    agreement_id: UUID
    amendment_id: UUID | None = None
    clause: str | None = None
    obligation_id: UUID | None = None


class Thread(Aggregate):
    """Comments on one point, oldest first. Whoever sees the agreement, or the amendment, sees its threads."""

    kind: ClassVar[str] = "thread"
    ALLOWED: ClassVar = {
        "answer_thread": frozenset({_S.open}),
        "resolve_thread": frozenset({_S.open}),
        "reopen_thread": frozenset({_S.resolved}),
    }

    state: ThreadState = ThreadState.open
    agreement_id: UUID | None = None
    amendment_id: UUID | None = None
    """The amendment that it is about; none: the agreement itself."""
    academies: tuple[str, ...] = ()
    """Those that take part in the agreement."""
    clause: str | None = None
    obligation_id: UUID | None = None
    text_hash: str | None = None
    """The text, or the branch, as it stood when the thread was opened."""
    comments: tuple[Remark, ...] = ()

    def audience(self) -> tuple[str, ...]:
        """The academies that take part: no other is bothered, even by a national agreement."""
        return self.academies

    def visible_to(self) -> tuple[str, ...]:
        """Nobody by the thread alone: who sees the agreement today is the agreement's to say."""
        return ()

    @staticmethod
    def open(
        id: UUID,
        remark: Remark,
        *,
        point: Point,
        academies: Sequence[str],
        parties: Sequence[UUID],
        text_hash: str | None,
    ) -> list[DomainEvent]:
        """Make the first comment on a point."""
        opened = ThreadOpened(
            thread_id=id,
            **dict(point),
            text_hash=text_hash,
            organisation_id=remark.organisation_id,
            parties=tuple(parties),
            organisations=remark.organisations,
            people=remark.people,
        )
        return [opened.keeping(academies=academies, **_kept(remark))]

    def answer(self, remark: Remark, *, parties: Sequence[UUID]) -> list[DomainEvent]:
        """Make another comment. Refuses ThreadFull."""
        self.require("answer_thread")
        if len(self.comments) >= MOST:
            raise ThreadFull(most=MOST)
        answered = ThreadAnswered(
            thread_id=self.id,
            **dict(self.point),
            comment=len(self.comments) + 1,
            organisation_id=remark.organisation_id,
            parties=tuple(parties),
            organisations=remark.organisations,
            people=remark.people,
            commenters=tuple(sorted({each.person for each in self.comments} - {remark.person})),
        )
        return [answered.keeping(**_kept(remark))]

    def resolve(self, organisation_id: UUID, *, parties: Sequence[UUID]) -> list[DomainEvent]:
        """Say for an organisation that the point is settled."""
        self.require("resolve_thread")
        return [
            ThreadResolved(
                thread_id=self.id,
                **dict(self.point),
                organisation_id=organisation_id,
                parties=tuple(parties),
            )
        ]

    def reopen(self, organisation_id: UUID, *, parties: Sequence[UUID]) -> list[DomainEvent]:
        """Say for an organisation that it is not."""
        self.require("reopen_thread")
        return [
            ThreadReopened(
                thread_id=self.id,
                **dict(self.point),
                organisation_id=organisation_id,
                parties=tuple(parties),
            )
        ]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case ThreadOpened():
                self.agreement_id, self.amendment_id = event.agreement_id, event.amendment_id
                self.clause, self.obligation_id = event.clause, event.obligation_id
                self.text_hash = event.text_hash
                self.academies = tuple(event.detail["academies"])
                self.comments = (_remark(event),)
            case ThreadAnswered():
                self.comments = (*self.comments, _remark(event))
            case ThreadResolved():
                self.state = ThreadState.resolved
            case ThreadReopened():
                self.state = ThreadState.open
            case _:
                raise TypeError(f"not a thread's event: {event.type}")

    @property
    def point(self) -> Point:
        """Where it hangs."""
        return Point.model_validate(self, from_attributes=True)


def _kept(remark: Remark) -> dict[str, object]:
    return {"body": remark.body, "person": remark.person, "name": remark.name, "at": remark.at}


def _remark(event: ThreadOpened | ThreadAnswered) -> Remark:
    return Remark(
        **{name: event.detail[name] for name in ("body", "person", "at")},
        name=event.detail.get("name"),
        organisation_id=event.organisation_id,
        organisations=event.organisations,
        people=event.people,
    )
