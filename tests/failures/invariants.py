"""What must hold after any fault, computed from tables, topics and receivers' logs alone."""

from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

from services.reporting.reactions import reactions as reporting
from sqlalchemy import text

from services.agreements.agreement import Agreement
from services.agreements.tables import AGREEMENTS
from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.envelope import open_envelope
from shared.messaging.rebuild import rebuild
from tests.failures.system import System

TOPIC = "agreements.agreement"
PAGE = 1500
JOURNAL = text("select event_id, aggregate_id, aggregate_version, audience from journal order by id")
PROGRESS = text("select subject, version, held from progress where reaction = :reaction")
TOLD = text("select event_id, academy, count(*) as times from feed_entry group by event_id, academy")


async def settled(system: System) -> bool:
    """Whether everything committed has arrived everywhere; AssertionError says what has not."""
    async with system.database("agreements") as database:
        journal = await _rows(database, JOURNAL)
    latest = {row.aggregate_id: row.aggregate_version for row in journal}
    for service, reaction in _reactions():
        async with system.database(service) as database:
            progress = {row.subject: row.version for row in await _rows(database, PROGRESS, reaction=reaction)}
        behind = sum(progress.get(subject, 0) < version for subject, version in latest.items())
        assert not behind, f"{service}.{reaction} is behind for {behind} of {len(latest)} subjects"
    async with system.database("notifications") as database:
        waiting = (await _rows(database, text("select count(*) as n from delivery where state = 'waiting'")))[0].n
    assert not waiting, f"{waiting} deliveries wait"
    return True


async def check(system: System) -> None:
    """Assert I1 to I5 and I8. Call it when the load has stopped and everything has settled."""
    async with system.database("agreements") as database:
        journal = await _rows(database, JOURNAL)
    committed = {(row.aggregate_id, row.aggregate_version): row for row in journal}
    lost = system.acknowledged - committed.keys()
    assert not lost, f"I1: {len(lost)} acknowledged changes are not in the journal"
    await _check_topic(system, {row.event_id for row in journal})
    await _check_reactions(system, committed)
    await _check_effects(system, journal)
    await _check_projections(system)
    await _check_state(system)


async def _check_topic(system: System, committed: set[UUID]) -> None:
    seen: Counter[UUID] = Counter()
    versions: dict[UUID, list[int]] = defaultdict(list)
    async with system.broker() as broker:
        async for received in broker.read(TOPIC):
            envelope = open_envelope(received.message)
            if not seen[envelope.id]:
                versions[envelope.subject].append(envelope.version)
            seen[envelope.id] += 1
    assert not committed - seen.keys(), f"I1: {len(committed - seen.keys())} committed events are in no topic"
    assert not seen.keys() - committed, f"{len(seen.keys() - committed)} published events were never committed"
    disordered = [subject for subject, each in versions.items() if each != list(range(1, len(each) + 1))]
    assert not disordered, f"I3: {len(disordered)} subjects out of order"
    repeated = sum(times - 1 for times in seen.values())
    assert repeated <= system.kills * PAGE, f"I2: {repeated} repetitions for {system.kills} kills"


async def _check_reactions(system: System, committed: dict[tuple[UUID, int], Any]) -> None:
    latest: dict[UUID, int] = defaultdict(int)
    for subject, version in committed:
        latest[subject] = max(latest[subject], version)
    for service, reaction in _reactions():
        async with system.database(service) as database:
            progress = {row.subject: row for row in await _rows(database, PROGRESS, reaction=reaction)}
            parked = await _rows(database, text("select * from parked"))
        assert not parked, f"I1: {service} parked {len(parked)} events"
        for subject, version in latest.items():
            assert progress[subject].version == version, f"I1: {service}.{reaction} did not finish {subject}"
            assert progress[subject].held is None, f"{service}.{reaction} holds {subject}: {progress[subject].held}"


async def _check_effects(system: System, journal: list[Any]) -> None:
    due = {(row.event_id, academy) for row in journal for academy in row.audience}
    async with system.database("notifications") as database:
        told = {(row.event_id, row.academy): row.times for row in await _rows(database, TOLD)}
    assert not due - told.keys(), f"I5: {len(due - told.keys())} notices are missing"
    assert set(told.values()) <= {1}, "I2: an academy was told an event twice"
    received = {(UUID(event), code) for code, got in system.receivers.got.items() for event in got}
    assert not due - received, f"I5: {len(due - received)} webhooks never arrived"
    assert not received - due, f"I8: {len(received - due)} webhooks reached an academy they do not concern"
    assert not system.receivers.unverified, f"I6: {system.receivers.unverified} webhooks did not verify"


async def _check_projections(system: System) -> None:
    async with system.database("reporting") as database, system.broker() as broker:
        for projection in reporting.all:
            tables = [table.__tablename__ for table in projection.tables]
            before = [await _dump(database, table) for table in tables]
            await rebuild(projection, database, broker)
            after = [await _dump(database, table) for table in tables]
            assert before == after, f"I4: {projection.id} is not what the log says"


async def _check_state(system: System) -> None:
    async with system.database("agreements") as database, database.transaction(NATIONAL) as tx:
        for id in (await tx.execute(text("select id from agreement"))).scalars().all():
            folded = Agreement.fold(id, [row.event() for row in await AGREEMENTS.history(tx, id)])
            assert await AGREEMENTS.read(tx, id) == folded, f"I4: {id} is not the fold of its journal"


async def _dump(database: Database, table: str) -> list[str]:
    return [row.line for row in await _rows(database, text(f'select t::text as line from "{table}" t order by 1'))]


def _reactions() -> list[tuple[str, str]]:
    follows = [("reporting", each.id) for each in reporting.all if TOPIC in each.topics]
    return [*follows, ("notifications", "deliver")]


async def _rows(database: Database, query: Any, **values: Any) -> list[Any]:
    async with database.transaction(NATIONAL) as tx:
        return list((await tx.execute(query, values)).all())
