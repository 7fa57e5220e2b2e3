"""What is answered about checkpoints."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field


class CheckpointAnswer(BaseModel):
    """What was published of the journal in one hour."""

    number: int = Field(description="1, 2, 3 …")
    root: str = Field(description="Merkle root over the heads of all chains (RFC 6962, 2.1)")
    leaves: int = Field(description="how many chains")
    sequence: str = Field(description="over the hashes of all rows up to the position, in their order")
    events: int = Field(description="how many rows")
    position: int = Field(description="of the last row that is bound")
    taken_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """What its event says."""
        told = {name: value for name, value in row.data.items() if name in cls.model_fields}
        return cls(number=row.aggregate_version, **told)


class ProofAnswer(BaseModel):
    """That an agreement's history, up to a version, is in what was published."""

    agreement_id: UUID
    version: int = Field(description="of the agreement, as the checkpoint binds it")
    head: str = Field(description="the hash of its last event then")
    index: int = Field(description="of its leaf, from 0")
    leaves: int
    path: list[str] = Field(description="the siblings from the leaf up (RFC 6962, 2.1.1)")
    root: str
    taken_at: datetime
