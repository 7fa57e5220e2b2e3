"""The audit chain: whoever changes the past is found."""

import pytest
from sqlalchemy import text

from cli.journal import follow
from services.network import commands
from services.network.organisation import institutions
from shared.actor import NATIONAL
from shared.database import Database
from shared.settings import SERVICES
from tests.fixtures.database import Databases


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The register with its institutions, as its owner: nobody else may change a journal."""
    await commands.seed_institutions(await databases("network"))
    return await databases("network", role=None)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_journal_of_every_service_is_followed(databases: Databases, service: str) -> None:
    await databases(service)
    assert (await follow(await databases(service, role=None)))["broken"] == []


async def test_an_untouched_journal_is_whole(database: Database) -> None:
    known = len(institutions())
    assert await follow(database) == {"events": known, "aggregates": known, "broken": []}


@pytest.mark.parametrize(
    "tampering",
    [
        'update journal set data = data || \'{"kind": "funder"}\' where id = (select min(id) from journal)',
        "update journal set actor = 'somebody else' where id = (select min(id) from journal)",
        "update journal set recorded_at = recorded_at - interval '1 hour' where id = (select min(id) from journal)",
        "delete from journal where id = (select max(id) from journal)",
        "update organisation set head = '' where id = (select min(id::text)::uuid from organisation)",
        "delete from organisation where id = (select min(id::text)::uuid from organisation)",
    ],
    ids=["edited data", "edited actor", "moved recording", "cut tail", "edited head", "removed state"],
)
async def test_tampering_is_found(database: Database, tampering: str) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(tampering))
    assert len((await follow(database))["broken"]) == 1
