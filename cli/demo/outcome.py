"""The outcome of a run, from the ground truth alone: journals, topics, projections, and what the receivers got."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text

from cli.demo.academies import Academies
from cli.demo.client import Client
from cli.demo.story import Story
from cli.installation import Installation
from shared.actor import NATIONAL
from shared.database import Database
from shared.events.catalog import TOPICS
from shared.messaging.envelope import open_envelope
from shared.messaging.rebuild import rebuild
from shared.settings import SERVICES

PATIENCE = 60.0
"""Seconds that webhooks, e-mails and figures get to arrive."""
JOURNAL = text("select event_id::text as id, audience from journal")
AGREEMENTS = text("select academy, status from agreement")
SEATS = text("""
    select count(*) as centers,
           coalesce(sum((state->>'funded_seats')::int + (state->>'unfunded_seats')::int), 0)::int as seats
    from center
""")


@dataclass(frozen=True)
class Outcome:
    """What happened, in numbers."""

    agreements_in_force: int
    signatures: int
    centers_planned: int
    seats: int
    academies_with_agreements: int
    webhooks_delivered: int
    webhooks_verified: int
    webhooks_to_wrong_academy: int
    emails_received: int
    frames_received: int
    events_published: int
    events_lost: int
    projection_equals_journal: bool
    seconds: float
    agreements_by_academy: Mapping[str, int]
    due: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        due = sum(self.due.values())
        return (
            self.webhooks_delivered == self.webhooks_verified == self.emails_received == self.frames_received == due > 0
            and self.webhooks_to_wrong_academy == self.events_lost == 0
            and self.projection_equals_journal
        )

    def json(self) -> dict[str, Any]:
        """The numbers alone."""
        return {name: value for name, value in asdict(self).items() if name not in ("agreements_by_academy", "due")}


async def outcome(it: Installation, client: Client, story: Story, academies: Academies, *, started: float) -> Outcome:
    """Wait until everything has arrived, then count; `started` is on the monotonic clock."""
    committed, published, due = await _all_told(it, academies)
    agreements = await _rows(it, "agreements", AGREEMENTS)
    centers = (await _rows(it, "centers", SEATS))[0]
    received = {code: set(academies[code].webhooks) for code in academies.by_code}
    return Outcome(
        agreements_in_force=sum(row.status == "in_force" for row in agreements),
        signatures=story.signatures,
        centers_planned=centers.centers,
        seats=centers.seats,
        academies_with_agreements=len({row.academy for row in agreements} - {None}),
        webhooks_delivered=sum(map(len, received.values()))
        + sum(each.unverified for each in academies.by_code.values()),
        webhooks_verified=sum(map(len, received.values())),
        webhooks_to_wrong_academy=sum(len(got - due[code]) for code, got in received.items()),
        emails_received=sum(len(set(academy.emails)) for academy in academies.by_code.values()),
        frames_received=sum(len(academy.frames) for academy in academies.by_code.values()),
        events_published=len(published),
        events_lost=len(committed - published),
        projection_equals_journal=await _projections_hold(it, client),
        seconds=round(time.monotonic() - started, 1),
        agreements_by_academy=Counter(row.academy for row in agreements if row.academy),
        due={code: len(events) for code, events in due.items()},
    )


async def _all_told(it: Installation, academies: Academies) -> tuple[set[str], set[str], dict[str, set[str]]]:
    """Committed and published event ids, and per academy those it must be told; returns when it was, or time is up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        committed: set[str] = set()
        due: dict[str, set[str]] = defaultdict(set)
        for service in SERVICES:
            for row in await _rows(it, service, JOURNAL):
                committed.add(row.id)
                for code in row.audience:
                    due[code].add(row.id)
        published = await _published(it)
        told = [
            len(academy.webhooks) == len(set(academy.emails)) == len(academy.frames) == len(due[code])
            for code, academy in academies.by_code.items()
        ]
        if (all(told) and committed <= published) or time.monotonic() > deadline:
            return committed, published, due
        await asyncio.sleep(0.2)


async def _published(it: Installation) -> set[str]:
    async with it.broker() as broker:
        return {str(open_envelope(received.message).id) for topic in TOPICS async for received in broker.read(topic)}


async def _projections_hold(it: Installation, client: Client) -> bool:
    """Whether every projection is what a rebuild from the whole log makes of it, byte by byte."""
    service, _ = it.reaction(next(group for group in it.reactions if group.startswith("reporting.")))
    assert service.reactions
    async with it.database("reporting", role=None) as database, it.broker() as broker:
        for projection in service.reactions.all:
            tables = [str(table.__tablename__) for table in projection.tables]
            before = [await _dump(database, table) for table in tables]
            await rebuild(projection, database, broker)
            if before != [await _dump(database, table) for table in tables]:
                return False
    figures = await client.get("auditor", "indicators/agreements-by-state")
    counted = sum(int(item["agreements"]) for item in figures["items"])
    return counted == len(await _rows(it, "agreements", AGREEMENTS))


async def _dump(database: Database, table: str) -> list[str]:
    async with database.transaction(NATIONAL) as tx:
        return [row.line for row in await tx.execute(text(f'select t::text as line from "{table}" t order by 1'))]


async def _rows(it: Installation, service: str, query: Any) -> list[Any]:
    async with it.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
        return list((await tx.execute(query)).all())
