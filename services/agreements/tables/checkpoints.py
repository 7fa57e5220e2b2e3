"""Checkpoints and what they bind."""

from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field

from services.agreements.checkpoint import Checkpoint
from services.agreements.tables.base import Base
from shared.store import AggregateRow, Store


class CheckpointRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """The checkpoint: one row."""

    __tablename__ = "checkpoint"


class ChainHeadRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An aggregate's hash chain as the last checkpoint binds it: a leaf of its Merkle tree."""

    __tablename__ = "chain_head"

    aggregate_id: UUID = Field(primary_key=True)
    version: int
    head: bytes = Field(sa_type=LargeBinary)
    place: int | None
    """Among all in the order of their ids; none before the first checkpoint since this is kept."""


class ChainLevelRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A level of that tree, the leaves' first."""

    __tablename__ = "chain_level"

    level: int = Field(primary_key=True)
    nodes: bytes = Field(sa_type=LargeBinary)
    """Their hashes (32 bytes each), one after the other; stored so that a slice is had without the rest."""


CHECKPOINTS = Store(Checkpoint, CheckpointRow)
