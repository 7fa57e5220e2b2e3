"""The centers service in this process, for its tests."""

from pathlib import Path

import pytest
from fastapi import FastAPI

import services.centers
from services.centers.center import Center
from services.centers.routes import router
from services.centers.tables import CENTERS
from services.centers.tests.builders import AGREEMENT, PLANNED
from shared.actor import NATIONAL, SYSTEM
from shared.database import Database
from shared.web import TokenVerifier
from tests.fixtures.api import api
from tests.fixtures.database import Databases


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The centers database, with one planned center."""
    database = await databases("centers")
    events = Center.plan(PLANNED, agreement_id=AGREEMENT, academy="MA-06")
    async with database.transaction(NATIONAL) as tx:
        await CENTERS.record(tx, Center(id=PLANNED.center_id), events, by=SYSTEM)
    return database


@pytest.fixture
def app(database: Database, verifier: TokenVerifier) -> FastAPI:
    """The centers API."""
    return api(router, verifier=verifier, database=database, wording=Path(services.centers.__file__).parent / "wording")
