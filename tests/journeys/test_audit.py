"""The audit chain: whoever changes the past is found."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from services.network import commands
from services.network.organisation import institutions
from shared.actor import NATIONAL
from shared.database import Database
from shared.following import AGGREGATES, verify_journal
from shared.settings import SERVICES
from shared.store import STORES, Store
from tests.fixtures.database import Databases


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The register with its institutions, as its owner: nobody else may change a journal."""
    await commands.seed_institutions(await databases("network"))
    return await databases("network", role=None)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_journal_of_every_service_is_followed(databases: Databases, service: str) -> None:
    owner = await databases(service, role=None)
    async with owner.transaction(NATIONAL) as tx:
        tables = set((await tx.execute(AGGREGATES)).scalars())
    assert tables <= {each.table.name for each in stores().values()}
    assert (await verify_journal(owner))["broken"] == []


def stores() -> Mapping[str, Store[Any]]:
    """Those of all services, as the command line knows them."""
    import services.__main__  # noqa: F401

    return STORES


async def test_an_untouched_journal_is_whole(database: Database) -> None:
    known = len(institutions())
    assert await verify_journal(database) == {"events": known, "aggregates": known, "texts": 0, "broken": []}


FIRST = "(select min(id::text)::uuid from organisation)"


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            'update journal set data = data || \'{"kind": "funder"}\' where id = (select min(id) from journal)',
            "version 1 of its journal was edited",
        ),
        (
            "update journal set actor = 'somebody else' where id = (select min(id) from journal)",
            "version 1 of its journal was edited",
        ),
        (
            "update journal set recorded_at = recorded_at - interval '1 hour' where id = (select min(id) from journal)",
            "version 1 of its journal was edited",
        ),
        ("delete from journal where id = (select max(id) from journal)", "it has no journal"),
        ("update journal set aggregate_type = 'x' where id = (select max(id) from journal)", "nobody knows this kind"),
        ("update journal set aggregate_version = 2 where id = (select max(id) from journal)", "follows version 0"),
        (f"update organisation set head = '' where id = {FIRST}", "head"),
        (f"update organisation set version = 2 where id = {FIRST}", "version"),
        (f"update organisation set visible_to = '{{MA-01}}' where id = {FIRST}", "visible_to"),
        (f"update organisation set state = state || '{{\"category\": 9}}' where id = {FIRST}", "state"),
        (f"update organisation set state = jsonb_set(state, '{{name_ar}}', '\"x\"') where id = {FIRST}", "name_ar"),
        (f"delete from organisation where id = {FIRST}", "nothing is kept of it"),
        (
            "insert into organisation select gen_random_uuid(), version, head, visible_to, state, category, academy"
            " from organisation limit 1",
            "it has no journal",
        ),
        ("insert into content (hash, body) values (repeat('0', 64), 'un texte (fictif)')", "it is another"),
    ],
)
async def test_tampering_is_found_and_what_differs_is_named(database: Database, tampering: str, said: str) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(tampering))
    [broken] = (await verify_journal(database))["broken"]
    assert said in broken


async def test_what_an_older_version_forgot_is_no_tampering(database: Database) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update organisation set state = state - 'category' - 'name_ar'"))
    assert (await verify_journal(database))["broken"] == []
