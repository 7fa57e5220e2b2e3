"""The sample service on a real database."""

from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI

from shared.database import Database
from shared.web import TokenVerifier
from tests.fixtures.database import Databases
from tests.web import papers


@pytest.fixture
async def database(databases: Databases, database_url: Callable[[str], str]) -> Database:
    """A migrated service database with the papers' table added."""
    database = await databases("network")
    await papers.prepare(database_url("network"))
    return database


@pytest.fixture
def app(verifier: TokenVerifier, database: Database) -> FastAPI:
    """The sample service."""
    return papers.create_app(verifier, database)


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A database that is not there."""
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    yield database
    await database.dispose()
