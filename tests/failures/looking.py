"""Looking at a system at rest: the truth comes from its tables, its topic and its receivers, not from its logs."""

from collections import defaultdict
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from services.agreements.agreement import Agreement
from services.agreements.tables import AGREEMENTS
from services.notifications.reactions import reactions as notifications
from services.reporting.reactions import reactions as reporting
from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.envelope import open_envelope
from shared.messaging.reactions import Reaction
from shared.messaging.rebuild import rebuild
from shared.messaging.tables import JournalRow
from tests.failures.invariants import Committed, Published, Truth
from tests.failures.system import System

TOPIC = "agreements.agreement"
CONCERNED = [
    (service, reaction)
    for service, reactions in (("reporting", reporting), ("notifications", notifications))
    for reaction in reactions.all
    if TOPIC in reaction.topics
]

LATEST = text("select aggregate_id, max(aggregate_version) as version from journal group by aggregate_id")
JOURNAL = text("select event_id, aggregate_id, aggregate_version, audience from journal order by id")
PROGRESS = text("select subject, version, held from progress where reaction = :reaction")
WAITING = text("select count(*) from delivery where state = 'waiting'")
FEED = text("select academy, sequence, event_id from feed_entry order by academy, sequence")


async def at_rest(system: System) -> bool:
    """Whether everything committed has arrived everywhere; AssertionError says what has not."""
    async with system.database("agreements") as database:
        latest = {row.aggregate_id: row.version for row in await _rows(database, LATEST)}
    for service, reaction in CONCERNED:
        progress = await _progress(system, service, reaction)
        behind = sum(progress.get(subject, (0, None))[0] < version for subject, version in latest.items())
        assert not behind, f"{reaction.group} is behind with {behind} of {len(latest)} subjects"
    async with system.database("notifications") as database:
        [(waiting,)] = await _rows(database, WAITING)
    assert not waiting, f"{waiting} deliveries wait"
    return True


async def look(system: System) -> Truth:
    """All there is to see. Call it when nothing moves any more."""
    async with system.database("agreements") as database:
        journal = [
            Committed(row.event_id, row.aggregate_id, row.aggregate_version, tuple(row.audience))
            for row in await _rows(database, JOURNAL)
        ]
        states = await _states(database)
    feed: dict[str, list[tuple[int, UUID]]] = defaultdict(list)
    parked = []
    async with system.database("notifications") as database:
        for row in await _rows(database, FEED):
            feed[row.academy].append((row.sequence, row.event_id))
    for service in sorted({service for service, _ in CONCERNED}):
        async with system.database(service) as database:
            parked += [f"{service}.{row.reaction}" for row in await _rows(database, text("select * from parked"))]
    return Truth(
        acknowledged=set(system.acknowledged),
        journal=journal,
        topic=await _topic(system),
        progress={reaction.group: await _progress(system, service, reaction) for service, reaction in CONCERNED},
        parked=parked,
        told=dict(feed),
        received={code: list(got) for code, got in system.receivers.got.items()},
        unverified=system.receivers.unverified,
        projections=await _projections(system),
        states=states,
        faults=system.faults,
    )


async def _topic(system: System) -> list[Published]:
    records = []
    async with system.broker() as broker:
        async for received in broker.read(TOPIC):
            event = open_envelope(received.message)
            records.append(Published(event.id, event.subject, event.version, tuple(event.audience), received.partition))
    return records


async def _progress(system: System, service: str, reaction: Reaction) -> dict[UUID, tuple[int, str | None]]:
    async with system.database(service) as database:
        rows = await _rows(database, PROGRESS, reaction=reaction.id)
    return {row.subject: (row.version, row.held) for row in rows}


async def _projections(system: System) -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {}
    async with system.database("reporting") as database, system.broker() as broker:
        for projection in reporting.all:
            tables = [str(table.__tablename__) for table in projection.tables]
            before = [await _dump(database, table) for table in tables]
            await rebuild(projection, database, broker)
            after = [await _dump(database, table) for table in tables]
            found |= dict(zip(tables, zip(before, after, strict=True), strict=True))
    return found


async def _dump(database: Database, table: str) -> list[str]:
    return [row.line for row in await _rows(database, text(f'select t::text as line from "{table}" t order by 1'))]


async def _states(database: Database) -> dict[UUID, tuple[Any, Any]]:
    async with database.transaction(NATIONAL) as tx:
        history = select(JournalRow).where(col(JournalRow.aggregate_type) == Agreement.kind)
        rows = await tx.execute(history.order_by(col(JournalRow.aggregate_id), col(JournalRow.aggregate_version)))
        folds = {
            id: Agreement.fold(id, [row.event() for row in events]).model_dump(mode="json")
            for id, events in groupby(rows.scalars().all(), key=lambda row: row.aggregate_id)
        }
        ids = (await tx.execute(text("select id from agreement"))).scalars().all()
        kept = {each.id: each.model_dump(mode="json") for each in await AGREEMENTS.load_many(tx, ids)}
    return {id: (kept[id], folds.get(id)) for id in kept}


async def _rows(database: Database, query: Any, **values: Any) -> list[Any]:
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(query, values)).all())
