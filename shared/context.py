"""What a unit of work belongs to: the correlation of a whole story, the event that caused this step."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

correlation: ContextVar[UUID | None] = ContextVar("correlation", default=None)
causation: ContextVar[UUID | None] = ContextVar("causation", default=None)


@contextmanager
def acting(*, correlation_id: UUID | None, causation_id: UUID | None = None) -> Iterator[None]:
    """Mark everything recorded inside the block as part of this story and caused by this event."""
    tokens = correlation.set(correlation_id), causation.set(causation_id)
    try:
        yield
    finally:
        correlation.reset(tokens[0])
        causation.reset(tokens[1])
