"""The aggregate: decides (methods return events) and evolves (apply); no I/O, no await."""

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, get_args, get_type_hints
from uuid import UUID

from pydantic import BaseModel, PrivateAttr

from shared.events.base import DomainEvent
from shared.refusals import NotAllowedNow, Refusal

Change = TypeVar("Change", bound=Callable[..., None])


def follows(change: Change) -> Change:
    """Let a part of an aggregate follow events: those of the type, or types, by which the method's argument goes."""
    told = next(iter(get_type_hints(change).values()))
    change.follows = get_args(told) or (told,)  # type: ignore[attr-defined]
    return change


class Recorded(NamedTuple):
    """An event of an aggregate as it was recorded."""

    version: int
    at: datetime
    event: DomainEvent


class Aggregate(BaseModel):
    """One consistency boundary: its state is the fold of its events.

    Every field but `id` has a default, so that `Type(id=…)` is the blank before the first event.
    """

    kind: ClassVar[str]
    """The aggregate type in topics and event types, e.g. `agreement`."""
    ALLOWED: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Action -> the states in which it may be taken: the state machine, printable and testable."""

    id: UUID
    version: int = 0
    _head: bytes = PrivateAttr(default=b"")
    """The hash of the last journal row: the next one links to it."""

    def __eq__(self, other: object) -> bool:
        """Whether both are in the same state: which row it was read from, and what it was told, are no part of that."""
        return type(other) is type(self) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment] # it changes

    @property
    def status(self) -> str:
        """The state's identifier on the wire."""
        return str(getattr(self, "state", ""))

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says: the only place where they change.

        An aggregate of one class matches the event here. One that is made of parts leaves it at this: each part says
        with `follows` what it does after which events, and they take their turns in the order of their inheritance.
        """
        for change in self.changes_by(type(event)):
            change(self, event)

    @classmethod
    @cache
    def changes_by(cls, event: type[DomainEvent]) -> tuple[Callable[[Any, DomainEvent], None], ...]:
        """What the parts do after such an event. TypeError if it is another aggregate's."""
        if not event.topic.endswith(f".{cls.kind}"):
            raise TypeError(f"{cls.kind} does not follow {event.type}")
        methods = (method for part in cls.__mro__ for method in vars(part).values())
        return tuple(method for method in methods if event in getattr(method, "follows", ()))

    def audience(self) -> tuple[str, ...]:
        """Academy codes to be told; national = all twelve, empty = the ministry only."""
        raise NotImplementedError

    def visible_to(self) -> tuple[str, ...]:
        """Jurisdiction codes that may see the aggregate; a national actor always may."""
        raise NotImplementedError

    def by_rules(self) -> Set[str]:
        """Fields that follow from rules which are no part of its events, and may have changed since."""
        return frozenset()

    def guard(self, action: str) -> Refusal | None:  # noqa: ARG002 - for the aggregates that have guards
        """What else than the state forbids the action, as far as the aggregate alone can tell; None if nothing does."""
        return None

    def refusal_of(self, action: str) -> Refusal | None:
        """Why the action cannot be taken now, by its state or a guard; None if it can.

        Commands refuse by it and answers offer actions by it: one function, so that they cannot differ.
        """
        status = self.status
        if status in self.ALLOWED[action]:
            return self.guard(action)
        return NotAllowedNow(kind=self.kind, action=action, state=status, allowed=list(self.allowed_in(status)))

    @classmethod
    @cache
    def allowed_in(cls, state: str) -> tuple[str, ...]:
        """The actions that a state allows."""
        return tuple(name for name, states in cls.ALLOWED.items() if state in states)

    def require(self, action: str) -> None:
        """Refuse unless the state and the guards allow the action."""
        if refusal := self.refusal_of(action):
            raise refusal

    def evolve(self, events: Iterable[DomainEvent]) -> Self:
        """Apply events in order, counting versions."""
        for event in events:
            self.apply(event)
            self.version += 1
        return self

    @classmethod
    def fold(cls, id: UUID, events: Iterable[DomainEvent]) -> Self:
        """The aggregate as its events tell it."""
        return cls(id=id).evolve(events)
