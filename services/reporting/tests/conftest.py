"""Reporting in this process, for its tests."""

from pathlib import Path

import pytest
from fastapi import FastAPI

import services.reporting
from services.reporting.routes import router
from shared.database import Database
from shared.web import TokenVerifier
from tests.fixtures.api import api
from tests.fixtures.database import Databases


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The projections."""
    return await databases("reporting")


@pytest.fixture
def app(database: Database, verifier: TokenVerifier) -> FastAPI:
    """The figures over HTTP."""
    return api(
        router, verifier=verifier, database=database, wording=Path(services.reporting.__file__).parent / "wording"
    )
