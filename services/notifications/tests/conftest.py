"""What the tests of notifications share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from services.notifications.app import service
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tests import builders
from shared.database import Database
from shared.web import TokenVerifier, install
from tests.fixtures.database import Databases

Sending = Callable[..., AbstractAsyncContextManager[Sender]]


@pytest.fixture
def settings(tmp_path: Path) -> NotificationsSettings:
    """Settings under which everything is quick."""
    return builders.settings(tmp_path)


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The service's database."""
    return await databases("notifications")


@pytest.fixture
def app(database: Database, settings: NotificationsSettings, verifier: TokenVerifier) -> FastAPI:
    """The service's API in this process."""
    hosted = service(settings)
    app = FastAPI()
    app.state.hosted = SimpleNamespace(service=hosted)
    install(app, verifier=verifier, database=database, wording=hosted.wording)
    app.include_router(hosted.router)
    return app


@pytest.fixture
def sending(database: Database, settings: NotificationsSettings) -> Sending:
    """`async with sending(): …` runs a sender inside the block; changes to its settings can be given."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[Sender]:
        stop = asyncio.Event()
        sender = Sender(settings.model_copy(update=changes), database)
        task = asyncio.create_task(sender.run(stop))
        try:
            yield sender
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    return run
