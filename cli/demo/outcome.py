"""The outcome of a run, from the ground truth alone: journals, topics, projections, and what the receivers got."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from cli.demo.academies import Academies, Academy
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
JOURNAL = text("select event_id::text as id, audience, recorded_at from journal")
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
    notices_due: int
    webhooks_received: int
    emails_received: int
    frames_received: int
    """Of what is due, as each of the three channels brought it."""
    told_besides: int
    """Of what was recorded while the twelve began to listen, or since all was counted: it is told, and not due."""
    webhooks_unverified: int
    webhooks_to_wrong_academy: int
    events_published: int
    events_lost: int
    projection_equals_journal: bool
    seconds: float
    by_academy: Mapping[str, tuple[int, ...]]
    """Agreements, notices due, webhooks, e-mails and live frames of each academy."""

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return (
            self.webhooks_unverified == self.webhooks_to_wrong_academy == self.events_lost == 0
            and self.projection_equals_journal
            and 0 < self.notices_due == self.webhooks_received == self.emails_received == self.frames_received
            and all(len(set(told)) == 1 for _, *told in self.by_academy.values())
        )

    def json(self) -> dict[str, Any]:
        """The numbers alone."""
        return {name: value for name, value in asdict(self).items() if name != "by_academy"}


@dataclass(frozen=True)
class Told:
    """Events as the journals and topics have them."""

    audience: Mapping[str, frozenset[str]]
    """Every committed event and the academies it concerns."""
    due: Mapping[str, set[str]]
    """Per academy, what it is owed since it listens."""
    published: set[str]

    def received_by(self, academy: Academy) -> tuple[int, int, int]:
        """How much of what is due came by webhook, by e-mail and live."""
        due = self.due[academy.code]
        return len(due & academy.webhooks.keys()), len(due & academy.emails.keys()), len(due & academy.frames.keys())

    def complete(self, academies: Academies) -> bool:
        """Whether everything has arrived everywhere."""
        everywhere = all(
            set(self.received_by(academy)) == {len(self.due[code])} for code, academy in academies.by_code.items()
        )
        return everywhere and self.audience.keys() <= self.published


async def outcome(it: Installation, client: Client, story: Story, academies: Academies, *, started: float) -> Outcome:
    """Wait until everything has arrived, then count; `started` is on the monotonic clock."""
    told = await _all_told(it, academies, since=story.listening_since)
    agreements = await _rows(it, "agreements", AGREEMENTS)
    centers = (await _rows(it, "centers", SEATS))[0]
    here = Counter(row.academy for row in agreements)
    everyone = academies.by_code
    received = {code: told.received_by(academy) for code, academy in everyone.items()}
    webhooks, emails, frames = map(sum, zip(*received.values(), strict=True))
    return Outcome(
        agreements_in_force=sum(row.status == "in_force" for row in agreements),
        signatures=story.signatures,
        centers_planned=centers.centers,
        seats=centers.seats,
        academies_with_agreements=len(here.keys() - {None}),
        notices_due=sum(map(len, told.due.values())),
        webhooks_received=webhooks,
        emails_received=emails,
        frames_received=frames,
        told_besides=sum(len(academy.told - told.due[code]) for code, academy in everyone.items()),
        webhooks_unverified=sum(academy.unverified for academy in everyone.values()),
        # Time goes on: what happened since is told already, and was not looked up.
        webhooks_to_wrong_academy=sum(
            code not in told.audience[event]
            for code, academy in everyone.items()
            for event in academy.webhooks.keys() & told.audience.keys()
        ),
        events_published=len(told.published),
        events_lost=len(told.audience.keys() - told.published),
        projection_equals_journal=await _projections_hold(it, client),
        seconds=round(time.monotonic() - started, 1),
        by_academy={code: (here[code], len(told.due[code]), *received[code]) for code in everyone},
    )


async def _all_told(it: Installation, academies: Academies, *, since: datetime) -> Told:
    """What there was to tell; returns when it has been told, or when time is up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        journals = [row for service in SERVICES for row in await _rows(it, service, JOURNAL)]
        told = Told(
            audience={row.id: frozenset(row.audience) for row in journals},
            due={
                code: {row.id for row in journals if code in row.audience and row.recorded_at > since}
                for code in academies.by_code
            },
            published=await _published(it),
        )
        if told.complete(academies) or time.monotonic() > deadline:
            return told
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
    figures = await client.all("auditor", "indicators/agreements-by-state")
    counted = sum(int(each["agreements"]) for each in figures)
    return counted == len(await _rows(it, "agreements", AGREEMENTS))


async def _dump(database: Database, table: str) -> list[str]:
    async with database.transaction(NATIONAL) as tx:
        return [row.line for row in await tx.execute(text(f'select t::text as line from "{table}" t order by 1'))]


async def _rows(it: Installation, service: str, query: Any) -> list[Any]:
    async with it.database(service, role=None) as database, database.transaction(NATIONAL) as tx:
        return list((await tx.execute(query)).all())
