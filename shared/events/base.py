"""What a domain event is: a frozen fact with its wire name written out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr
from pydantic_core import to_jsonable_python


class DomainEvent(BaseModel):
    """A published fact. Its fields are thin: ids, codes, amounts, dates, counts; never a learner's data."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: ClassVar[str]
    """The wire name, for ever: `ma.mithaq.<aggregate>.<past verb>.v<n>`."""
    topic: ClassVar[str]
    """Where it is published: `<service>.<aggregate>`."""
    example: ClassVar[dict[str, Any]]
    """The committed example's data; producers and consumers are both tested against it."""

    inside: ClassVar[frozenset[str]] = frozenset()
    """The fields that are between services: whoever is told of the event outside the platform is not told them."""

    _detail: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        # Left to itself, pydantic looks for private attributes once for each class that an event's stems from: that
        # takes as long as all the rest of making one, and a past is made of hundreds.
        cls.model_post_init = _keeping_nothing  # type: ignore[assignment, method-assign]

    def keeping(self, **detail: Any) -> Self:
        """This event with what only the owner's fold needs beyond the published data.

        The detail is stored beside the data in the journal and is never published.
        """
        event = self.model_copy()
        event._detail = to_jsonable_python(detail)
        return event

    @property
    def detail(self) -> dict[str, Any]:
        """What `keeping` attached, as JSON values; empty on a consumer's side."""
        # A past asks hundreds of events: the attribute itself takes five times as long to find.
        assert self.__pydantic_private__ is not None
        detail: dict[str, Any] = self.__pydantic_private__["_detail"]
        return detail


def _keeping_nothing(event: DomainEvent, _context: Any, /) -> None:
    object.__setattr__(event, "__pydantic_private__", {"_detail": {}})


E_co = TypeVar("E_co", bound=DomainEvent, covariant=True)


@dataclass(frozen=True, slots=True)
class Occurrence(Generic[E_co]):
    """One event as it happened: the fact and its envelope."""

    event: E_co
    id: UUID
    subject: UUID
    """The aggregate's id: the key of the record, the unit of order."""
    version: int
    """The aggregate's version after this event: 1, 2, 3 … without gaps."""
    audience: tuple[str, ...]
    actor: str
    time: datetime
    correlation: UUID
    causation: UUID | None = None
    traceparent: str | None = None
