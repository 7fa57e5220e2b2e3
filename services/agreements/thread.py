"""The thread: comments on an agreement or one of its clauses, until the point is settled."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.errors.threads import ThreadFull
from shared.aggregate import Aggregate
from shared.events.agreements import ThreadAnswered, ThreadOpened, ThreadReopened, ThreadResolved
from shared.events.base import DomainEvent

MOST = 200
"""Comments in one thread."""
MOST_OPEN = 1_000
"""Open threads of one agreement, give or take those of the same instant."""


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
    organisation_id: UUID
    organisations: tuple[UUID, ...] = ()
    people: tuple[str, ...] = ()
    at: datetime


class Thread(Aggregate):
    """Comments on one point, oldest first. Whoever sees the agreement sees its threads."""

    kind: ClassVar[str] = "thread"
    ALLOWED: ClassVar = {
        "answer_thread": frozenset({_S.open}),
        "resolve_thread": frozenset({_S.open}),
        "reopen_thread": frozenset({_S.resolved}),
    }

    state: ThreadState = ThreadState.open
    agreement_id: UUID | None = None
    academies: tuple[str, ...] = ()
    """Those that take part in the agreement."""
    clause: str | None = None
    text_hash: str | None = None
    """The text as it stood when the thread was opened."""
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
        agreement_id: UUID,
        academies: Sequence[str],
        parties: Sequence[UUID],
        clause: str | None,
        text_hash: str | None,
    ) -> list[DomainEvent]:
        """Make the first comment on a point."""
        opened = ThreadOpened(
            thread_id=id,
            agreement_id=agreement_id,
            clause=clause,
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
            agreement_id=self._agreement,
            clause=self.clause,
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
                agreement_id=self._agreement,
                clause=self.clause,
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
                agreement_id=self._agreement,
                clause=self.clause,
                organisation_id=organisation_id,
                parties=tuple(parties),
            )
        ]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case ThreadOpened():
                self.agreement_id = event.agreement_id
                self.clause, self.text_hash = event.clause, event.text_hash
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
    def _agreement(self) -> UUID:
        assert self.agreement_id is not None, "a blank thread has no comments"
        return self.agreement_id


def _kept(remark: Remark) -> dict[str, object]:
    return {"body": remark.body, "person": remark.person, "at": remark.at}


def _remark(event: ThreadOpened | ThreadAnswered) -> Remark:
    return Remark(
        **{name: event.detail[name] for name in ("body", "person", "at")},
        organisation_id=event.organisation_id,
        organisations=event.organisations,
        people=event.people,
    )
