"""The register in this process, for its tests."""

from pathlib import Path

import pytest
from fastapi import FastAPI

import services.network
from services.network import commands
from services.network.routes import router
from shared.database import Database
from shared.web import TokenVerifier
from tests.fixtures.api import api
from tests.fixtures.database import Databases


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The register's database, with the institutions."""
    database = await databases("network")
    await commands.seed_institutions(database)
    return database


@pytest.fixture
def app(database: Database, verifier: TokenVerifier) -> FastAPI:
    """The register's API."""
    return api(router, verifier=verifier, database=database, wording=Path(services.network.__file__).parent / "wording")
