"""An installation that told academies before people could be told: what it knew then is not lost."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.notifications.circle import Circle
from services.notifications.tests.builders import AT, rows
from shared.actor import NATIONAL
from shared.database import Database, asyncpg_url
from shared.events.agreements import AgreementDrafted, AgreementSigned, AgreementTerminated
from shared.events.base import DomainEvent
from shared.events.centers import CenterPlanned
from shared.events.network import AssociationRegistered, MandateEnded, MandateRecorded
from shared.ids import new_id
from shared.migrations import ALEMBIC, _config, create_database
from shared.settings import database_on
from tests.fixtures.eventually import eventually

TOLD = text("""
    insert into notice (event_id, type, subject, version, time, audience, data, names, correlation)
    values (gen_random_uuid(), :type, :subject, :version, :at, '{MA-06}', cast(:data as jsonb), '{}', gen_random_uuid())
""")


def example(event: type[DomainEvent]) -> DomainEvent:
    """The event's example."""
    return event.model_validate(event.example)


STORIES: list[list[type[DomainEvent]]] = [
    [AgreementDrafted, AgreementSigned],
    [AgreementDrafted, AgreementSigned, AgreementTerminated],
    [CenterPlanned],
    [AssociationRegistered],
    [MandateRecorded],
    [MandateRecorded, MandateEnded],
]
AGREEMENT = UUID(AgreementDrafted.example["agreement_id"])
LIVES = {
    AGREEMENT if not number else new_id(): [example(each) for each in story] for number, story in enumerate(STORIES)
}


def test_whom_subjects_concern_and_when_they_end_is_known_after_an_upgrade(installation: str) -> None:
    url = database_on(installation, "notifications")
    asyncio.run(create_database(url))
    _to("0002", url)
    asyncio.run(_tell(url))
    _to("head", url)
    circles, dates = asyncio.run(_known(url))
    for subject, events in LIVES.items():
        expected = Circle()
        for event in events:
            expected = expected.after(event)
        codes, provinces, agreement_type = circles.pop(subject)
        assert ({*codes}, {*provinces}) == ({*expected.codes}, {*expected.provinces}), events[0].type
        about = any(isinstance(each, (AgreementDrafted, CenterPlanned)) for each in events)
        assert agreement_type == ("regional" if about else None), events[0].type
    assert circles == {}
    signed, _, _, _, mandate, _ = LIVES
    assert dates == {
        signed: ("agreement_ends", date.fromisoformat(AgreementSigned.example["effective_until"]), ["MA-06"]),
        mandate: ("mandate_ends", date.fromisoformat(MandateRecorded.example["valid_until"]), ["MA-06"]),
    }


def test_academies_are_told_while_what_nobody_heard_is_indexed_and_what_broke_off_there_is_done_again(
    installation: str,
) -> None:
    url = database_on(installation, "notifications")
    asyncio.run(create_database(url))
    _to("0007", url)
    # As a migration leaves it that was killed while it built.
    asyncio.run(_run(url, "alter table notice add unheard text[] not null default '{}'"))
    asyncio.run(_run(url, "create index notice_unheard on notice (time)"))
    asyncio.run(_tell_while(url, lambda: _to("0008", url)))
    built = "select indexdef like '%WHERE%unheard%' from pg_indexes where indexname = 'notice_unheard'"
    assert asyncio.run(_run(url, built)) == [(True,)]


async def _tell_while(url: str, upgrade: Callable[[], None]) -> None:
    """Tell while the index is built: it waits for those who read since before."""
    database = Database(url)
    async with database.engine.connect() as reader:
        await reader.execution_options(isolation_level="REPEATABLE READ")
        await reader.execute(text("select 1"))
        upgrading = asyncio.create_task(asyncio.to_thread(upgrade))
        waits = "select 1 from pg_stat_progress_create_index where phase = 'waiting for old snapshots'"
        await eventually(lambda: _run(url, waits))
        told = {"type": AgreementSigned.type, "subject": new_id(), "version": 1, "at": AT, "data": "{}"}
        async with database.transaction(NATIONAL) as tx:
            await tx.execute(text("set local lock_timeout = '2s'"))
            await tx.execute(TOLD, told)
        assert not upgrading.done()
    await upgrading
    await database.dispose()


async def _run(url: str, statement: str) -> list[Any]:
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        found = list(result.all()) if result.returns_rows else []
    await engine.dispose()
    return found


def _to(revision: str, url: str) -> None:
    with ALEMBIC:
        command.upgrade(_config("notifications", url), revision)


async def _tell(url: str) -> None:
    database = Database(url)
    async with database.transaction(NATIONAL) as tx:
        for subject, events in LIVES.items():
            for version, event in enumerate(events, 1):
                data = json.dumps(event.model_dump(mode="json"))
                told = {"type": event.type, "subject": subject, "version": version, "at": AT, "data": data}
                await tx.execute(TOLD, told)
    await database.dispose()


async def _known(url: str) -> tuple[dict[UUID, Any], dict[UUID, Any]]:
    database = Database(url)
    circles = {
        subject: rest
        for subject, *rest in await rows(database, "select subject, codes, provinces, agreement_type from circle")
    }
    query = 'select subject, trigger, "on", audience from announced_date'
    dates = {subject: tuple(rest) for subject, *rest in await rows(database, query)}
    await database.dispose()
    return circles, dates
