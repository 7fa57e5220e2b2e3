"""The checkpoints of the agreements' journal: what lets anybody who kept them find out whether it was changed."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.base import DomainEvent


class CheckpointPublished(DomainEvent):
    """The journal of agreements is as this binds it; published every hour to every academy."""

    type = "ma.mithaq.checkpoint.published.v1"
    topic = "agreements.checkpoint"
    example: ClassVar[dict[str, Any]] = {
        "checkpoint_id": "01900000-0000-7000-8000-0000000000c0",
        "root": "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "leaves": 3,
        "sequence": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "events": 17,
        "position": 17,
        "taken_at": "2024-08-30T10:00:12Z",
    }

    checkpoint_id: UUID
    root: str = Field(pattern="^[0-9a-f]{64}$")
    """The Merkle root (RFC 6962, 2.1) over the heads of all aggregates' hash chains, in the order of their ids."""
    leaves: int
    """How many aggregates there are."""
    sequence: str = Field(pattern="^[0-9a-f]{64}$")
    """The SHA-256 that chains the hashes of all rows up to the position, in their order."""
    events: int
    """How many rows there are up to the position."""
    position: int
    """The id of the last journal row that is bound; every row up to it was committed."""
    taken_at: datetime
