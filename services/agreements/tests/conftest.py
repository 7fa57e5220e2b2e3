"""Agreements in this process, for their tests."""

from pathlib import Path

import pytest
from fastapi import FastAPI

import services.agreements
from services.agreements.papers import issuer
from services.agreements.routes import router
from shared.database import Database
from shared.settings import PlatformSettings
from shared.web import TokenVerifier, install
from tests.fixtures.database import Databases

WORDING = Path(services.agreements.__file__).parent / "wording"


@pytest.fixture(autouse=True)
def papers() -> None:
    """Papers are specimens of an installation on this machine."""
    issuer.configure(PlatformSettings())


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The agreements' database, empty."""
    return await databases("agreements")


@pytest.fixture
def app(database: Database, verifier: TokenVerifier) -> FastAPI:
    """The agreements' API."""
    app = FastAPI()
    install(app, verifier=verifier, database=database, wording=WORDING)
    app.include_router(router)
    return app
