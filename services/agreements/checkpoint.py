"""The checkpoint: what binds the whole journal at an hour, published to those who may want to prove it later."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from shared.actor import EVERYONE
from shared.aggregate import Aggregate
from shared.events.agreements import CheckpointPublished
from shared.events.base import DomainEvent
from shared.territory import ACADEMY_CODES

CHECKPOINT_ID = UUID("01900000-0000-7000-8000-0000000000c0")
"""There is one: its own history is the list of what was published."""


class Checkpoint(Aggregate):
    """The last checkpoint of the journal; its events are all of them, one an hour."""

    kind: ClassVar[str] = "checkpoint"

    root: str = ""
    leaves: int = 0
    sequence: str = ""
    events: int = 0
    position: int = 0
    taken_at: datetime | None = None

    def audience(self) -> tuple[str, ...]:
        """Every academy: each holds what the others hold."""
        return ACADEMY_CODES

    def visible_to(self) -> tuple[str, ...]:
        """Everyone: it tells nothing of what it binds."""
        return (EVERYONE,)

    def due(self, oldest: datetime, at: datetime) -> bool:
        """Whether an hour has ended since `oldest`, the first event not yet bound, and none was taken in this one."""
        hour = _hour(at)
        return oldest < hour and (self.taken_at is None or _hour(self.taken_at) < hour)

    def publish(
        self, *, root: bytes, leaves: int, sequence: bytes, events: int, position: int, at: datetime
    ) -> list[DomainEvent]:
        """Bind everything up to the position; a second time in an hour changes nothing."""
        if self.taken_at is not None and _hour(at) - _hour(self.taken_at) < timedelta(hours=1):
            return []
        return [
            CheckpointPublished(
                checkpoint_id=self.id,
                root=root.hex(),
                leaves=leaves,
                sequence=sequence.hex(),
                events=events,
                position=position,
                taken_at=at,
            )
        ]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case CheckpointPublished():
                self.root, self.leaves, self.sequence = event.root, event.leaves, event.sequence
                self.events, self.position, self.taken_at = event.events, event.position, event.taken_at
            case _:
                raise TypeError(f"not a checkpoint's event: {event.type}")


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
