"""Threads of comments on an agreement or an amendment: where they hang and whom they name, never what they say."""

from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import ACADEMY, AGREEMENT, ASSOCIATION, PERSON, TEXT
from shared.events.base import DomainEvent

THREAD: dict[str, Any] = {
    "thread_id": "01920000-0000-7000-8000-00000000007d",
    "agreement_id": AGREEMENT,
    "amendment_id": None,
    "clause": "budget",
    "obligation_id": None,
    "organisation_id": ASSOCIATION,
    "parties": [ACADEMY, ASSOCIATION],
}


class ThreadOpened(DomainEvent):
    """Somebody made a comment on an agreement or an amendment, or on a clause or an obligation of it as it stood."""

    type = "ma.mithaq.thread.opened.v1"
    topic = "agreements.thread"
    example: ClassVar[dict[str, Any]] = THREAD | {"text_hash": TEXT, "organisations": [ACADEMY], "people": [PERSON]}

    thread_id: UUID
    agreement_id: UUID
    clause: str | None
    """The clause's key; none, and no obligation: the whole of it."""
    text_hash: str | None
    """The text as it stood, or the amendment's branch; none before there was one."""
    organisation_id: UUID
    """The author's."""
    parties: tuple[UUID, ...]
    """The organisations that see the thread beside the academies: the agreement's parties, or the amendment's."""
    organisations: tuple[UUID, ...] = ()
    """Who is mentioned."""
    people: tuple[str, ...] = ()
    """Who is mentioned, each as issuer#subject."""
    amendment_id: UUID | None = None
    """The amendment that it is about; none: the agreement itself."""
    obligation_id: UUID | None = None
    """The obligation that it hangs on, if it is one."""


class ThreadAnswered(DomainEvent):
    """Somebody made another comment."""

    type = "ma.mithaq.thread.answered.v1"
    topic = "agreements.thread"
    example: ClassVar[dict[str, Any]] = THREAD | {
        "comment": 2,
        "organisations": [ACADEMY],
        "people": [PERSON],
        "commenters": [PERSON],
    }

    thread_id: UUID
    agreement_id: UUID
    clause: str | None
    comment: int
    """Its number in the thread: 1, 2, 3 …"""
    organisation_id: UUID
    parties: tuple[UUID, ...]
    organisations: tuple[UUID, ...] = ()
    people: tuple[str, ...] = ()
    commenters: tuple[str, ...] = ()
    """Who else commented before, each as issuer#subject."""
    amendment_id: UUID | None = None
    obligation_id: UUID | None = None


class ThreadResolved(DomainEvent):
    """The point is settled; the thread stays readable."""

    type = "ma.mithaq.thread.resolved.v1"
    topic = "agreements.thread"
    example: ClassVar[dict[str, Any]] = THREAD

    thread_id: UUID
    agreement_id: UUID
    clause: str | None
    organisation_id: UUID
    """Whose person settled it."""
    parties: tuple[UUID, ...]
    amendment_id: UUID | None = None
    obligation_id: UUID | None = None


class ThreadReopened(DomainEvent):
    """The point is open again."""

    type = "ma.mithaq.thread.reopened.v1"
    topic = "agreements.thread"
    example: ClassVar[dict[str, Any]] = THREAD

    thread_id: UUID
    agreement_id: UUID
    clause: str | None
    organisation_id: UUID
    parties: tuple[UUID, ...]
    amendment_id: UUID | None = None
    obligation_id: UUID | None = None
