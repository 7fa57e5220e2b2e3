"""Agreements in this process, for their tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import services.agreements
from services.agreements import sealing
from services.agreements.commands import checkpoints
from services.agreements.papers import issuer
from services.agreements.routes import router
from services.agreements.settings import AgreementsSettings
from services.agreements.tests.builders import MINISTRY
from services.agreements.tests.clients import Client
from services.agreements.tests.saying import flaws, shape
from shared.database import Database
from shared.refusals import Refusal
from shared.settings import PlatformSettings
from shared.web import TokenVerifier
from tests.fixtures.api import api
from tests.fixtures.database import Databases
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

WORDING = Path(services.agreements.__file__).parent / "wording"


@pytest.fixture(autouse=True)
def papers(tmp_path: Path) -> None:
    """Papers and seals are specimens of an installation on this machine."""
    platform = PlatformSettings(data_dir=tmp_path)
    issuer.configure(platform)
    sealing.configure(AgreementsSettings(platform=platform))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint waits for whoever writes anywhere on the server: also for tests that take their time elsewhere."""
    monkeypatch.setattr(checkpoints, "PATIENCE", 60.0)


@pytest.fixture(autouse=True)
def what_is_refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever any of these tests is refused can be read by people: no ids, no codes, in three languages."""
    refused: dict[Any, Refusal] = {}
    made = Refusal.__init__

    def keep(refusal: Refusal, **values: Any) -> None:
        made(refusal, **values)
        refused.setdefault((type(refusal), shape(values)), refusal)

    monkeypatch.setattr(Refusal, "__init__", keep)
    yield
    assert [flaw for each in refused.values() if hasattr(each, "slug") for flaw in flaws(each)] == []


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The agreements' database, empty."""
    return await databases("agreements")


@pytest.fixture
def app(database: Database, verifier: TokenVerifier) -> FastAPI:
    """The agreements' API."""
    return api(router, verifier=verifier, database=database, wording=WORDING)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The service, in this process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agreements.test") as client:
        yield client


@pytest.fixture
def as_(http: httpx.AsyncClient, token: Any) -> Any:
    """`as_(actor)`: that person's client."""
    return lambda by: Client(http, token, by)


@pytest.fixture
async def client(app: FastAPI, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """The ministry's client."""
    async with client_of(app, issuer.token(MINISTRY)) as client:
        yield client


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    async with client_of(app) as client:
        yield client
