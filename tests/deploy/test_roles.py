"""Logins: each service reaches its own database, as nobody's owner, and no other."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from shared.embedded.postgres import EmbeddedPostgres, binaries
from shared.migrations import create_database
from shared.settings import SERVICES, database_on
from tests.deploy.manifests import DEPLOY


@pytest.fixture
async def server_with_logins(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a fresh server on which the first-start script of the containers has run."""
    subprocess.run([DEPLOY / "docker" / "make-secrets.sh", tmp_path / "secrets"], check=True)
    server = EmbeddedPostgres(tmp_path / "database", durable=False)
    url = server.start()
    try:
        host = parse_qs(urlsplit(url).query)["host"][0]
        environment = os.environ | {
            "PATH": f"{binaries()}:{os.environ['PATH']}",
            "PGHOST": host,
            "POSTGRES_USER": "postgres",
            "SECRETS": str(tmp_path / "secrets"),
        }
        subprocess.run([DEPLOY / "docker" / "postgres" / "roles.sh"], env=environment, check=True, timeout=30)
        for service in SERVICES:
            await create_database(database_on(url, service))
        yield url
    finally:
        server.wipe()


async def test_a_services_login_reaches_its_own_database_only(server_with_logins: str) -> None:
    for service in SERVICES:
        for other in SERVICES:
            url = database_on(server_with_logins, other).replace("//postgres@", f"//{service}@")
            if service == other:
                await (await asyncpg.connect(url)).close()
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(url)


async def test_a_services_login_acts_as_the_group_roles_and_nothing_more(server_with_logins: str) -> None:
    url = database_on(server_with_logins, "centers").replace("//postgres@", "//centers@")
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
