"""The journal: every event of every aggregate, written in the command's own transaction.

It is at once the outbox that the relay publishes, the history that views fold, and the audit chain.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, insert, select

from shared import audit, context
from shared.actor import SYSTEM, Actor
from shared.aggregate import Aggregate, Recorded
from shared.clock import now
from shared.database import Transaction
from shared.events.base import DomainEvent
from shared.events.catalog import decode
from shared.ids import new_id
from shared.messaging.tables import JournalRow
from shared.telemetry import current_traceparent

# Rebuilding an insert costs more than running it; this one never changes, and gives nothing back.
APPEND = insert(JournalRow).inline()
CHANGES = 20
"""So many events are told to whoever named an older version."""


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of a journal row its hash binds, as JSON values."""
    return {name: row[name] for name in audit.FACTS} | {
        "event_id": str(row["event_id"]),
        "aggregate_id": str(row["aggregate_id"]),
        "audience": list(row["audience"]),
        "occurred_at": row["occurred_at"].isoformat(),
        "recorded_at": row["recorded_at"].isoformat(),
    }


def link(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of a journal row after the one before it of its aggregate."""
    return audit.link(previous, facts_of(row))


def bound(row: Mapping[str, Any], previous: bytes) -> Sequence[str]:
    """What of a journal row its hash binds, after the one before it of its aggregate: see shared.audit."""
    return audit.bound(row["hash"], previous, facts_of(row))


def rows_of(
    aggregate: Aggregate, events: Sequence[DomainEvent], *, head: bytes, by: Actor, at: datetime
) -> list[dict[str, Any]]:
    """Evolve the aggregate by its new events and give their journal rows, each linked to the one before."""
    rows = []
    traceparent = current_traceparent()
    correlation = context.correlation.get() or new_id()
    recorded_at = now()
    for event in events:
        aggregate.evolve([event])
        row: dict[str, Any] = {
            "event_id": new_id(),
            "aggregate_type": aggregate.kind,
            "aggregate_id": aggregate.id,
            "aggregate_version": aggregate.version,
            "type": event.type,
            "audience": list(aggregate.audience()),
            "actor": by.person,
            "occurred_at": at,
            "recorded_at": recorded_at,
            "data": event.model_dump(mode="json"),
            "detail": event.detail or None,
            "correlation": correlation,
            "causation": context.causation.get(),
            "traceparent": traceparent,
        }
        head = row["hash"] = link(head, row)
        rows.append(row)
    return rows


async def append(tx: Transaction, rows: list[dict[str, Any]]) -> None:
    """Write journal rows. Call it only after the aggregate's row is locked or version-checked.

    The relay's order rests on it: an id drawn under the aggregate's lock is higher than every earlier one of the
    same aggregate.
    """
    await (await tx.connection()).execute(APPEND, rows)
    tx.after_commit(tx.database.committed.set)


async def history(tx: Transaction, aggregate_id: UUID) -> Sequence[JournalRow]:
    """Every event of an aggregate, oldest first."""
    query = select(JournalRow).where(JournalRow.aggregate_id == aggregate_id)  # type: ignore[arg-type]
    return (await tx.execute(query.order_by(JournalRow.aggregate_version))).scalars().all()  # type: ignore[arg-type]


async def past(
    tx: Transaction, aggregate_id: UUID, *, known_at: datetime | None = None, types: Collection[str] = ()
) -> list[Recorded]:
    """The events of an aggregate that had been recorded at an instant, oldest first; None: all of them.

    Of these types, if some are named.
    """
    row = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]
    told = (row.aggregate_version, row.occurred_at, row.type, row.data, row.detail)
    query = select(*told).where(row.aggregate_id == aggregate_id)
    if known_at is not None:
        query = query.where(row.recorded_at <= known_at)
    if types:
        query = query.where(row.type.in_(types))
    rows = (await (await tx.connection()).execute(query.order_by(row.aggregate_version))).all()
    return [Recorded(version, at, decode(type, data, detail)) for version, at, type, data, detail in rows]


async def since(tx: Transaction, aggregate_id: UUID, version: int) -> list[dict[str, Any]]:
    """Who changed what in an aggregate after a version: the first CHANGES of its events, oldest first."""
    row = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]
    told = (row.aggregate_version.label("version"), row.type, row.occurred_at.label("time"), row.actor)
    query = select(*told).where(row.aggregate_id == aggregate_id, row.aggregate_version > version)
    found = await (await tx.connection()).execute(query.order_by(row.aggregate_version).limit(CHANGES))
    return [dict(each) for each in found.mappings()]


async def actors(tx: Transaction, aggregate_id: UUID) -> set[str]:
    """The people who did something to an aggregate, each as issuer#subject."""
    row = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]
    query = select(row.actor).where(row.aggregate_id == aggregate_id, row.actor != SYSTEM.person).distinct()
    return set((await (await tx.connection()).execute(query)).scalars())


async def exported(tx: Transaction) -> AsyncIterator[dict[str, Any]]:
    """The whole journal in its order, as one moment shows it: each row as shared.audit reads it."""
    row = cast(Table, JournalRow.__table__).c  # type: ignore[attr-defined]
    bound = [row[name] for name in audit.FACTS]
    rows = await (await tx.connection()).stream(select(row.id, row.hash, *bound).order_by(row.id))
    async for each in rows.mappings():
        yield {"position": each["id"], **facts_of(dict(each)), "hash": each["hash"].hex()}
