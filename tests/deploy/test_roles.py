"""Logins: each service reaches its own database, as nobody's owner, and no other."""

import asyncpg
import pytest

from shared.migrations import create_database
from shared.settings import SERVICES, database_on


@pytest.fixture
async def server_with_databases(server_with_logins: str) -> str:
    """The server, with an empty database of every service."""
    for service in SERVICES:
        await create_database(database_on(server_with_logins, service))
    return server_with_logins


async def test_a_services_login_reaches_its_own_database_only(server_with_databases: str) -> None:
    for service in SERVICES:
        for other in SERVICES:
            url = database_on(server_with_databases, other).replace("//postgres@", f"//{service}@")
            if service == other:
                await (await asyncpg.connect(url)).close()
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(url)


async def test_a_services_login_acts_as_the_group_roles_and_nothing_more(server_with_databases: str) -> None:
    url = database_on(server_with_databases, "centers").replace("//postgres@", "//centers@")
    for role in ("mithaq_app", "mithaq_relay"):
        connection = await asyncpg.connect(url, server_settings={"role": role})
        assert await connection.fetchval("select current_user") == role
        await connection.close()
    connection = await asyncpg.connect(url)
    rights = await connection.fetchrow(
        "select rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit from pg_roles where rolname = 'centers'"
    )
    assert rights and not any(rights)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table stray ()")
    await connection.close()
