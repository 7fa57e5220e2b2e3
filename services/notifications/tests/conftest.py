"""What the tests of notifications share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI

from services.notifications import queries
from services.notifications.app import service
from services.notifications.postman import Postman
from services.notifications.schemas.people import ItemAnswer
from services.notifications.sending import Sender
from services.notifications.settings import NotificationsSettings
from services.notifications.tests import builders
from services.notifications.tests.receivers import Mailbox, mailbox
from shared.actor import Actor
from shared.database import Database
from shared.web import PageRequest, TokenVerifier
from tests.fixtures.api import api
from tests.fixtures.database import Databases

Post = Callable[..., AbstractAsyncContextManager[tuple[Postman, Mailbox]]]
Reads = Callable[..., Awaitable[list[ItemAnswer]]]
Sending = Callable[..., AbstractAsyncContextManager[Sender]]


@pytest.fixture
def settings(tmp_path: Path) -> NotificationsSettings:
    """Settings under which what comes again comes soon."""
    return builders.settings(tmp_path)


@pytest.fixture
async def database(databases: Databases) -> Database:
    """The service's database."""
    return await databases("notifications")


@pytest.fixture
def app(database: Database, settings: NotificationsSettings, verifier: TokenVerifier) -> FastAPI:
    """The service's API in this process."""
    hosted = service(settings)
    assert hosted.wording
    state = {"hosted": SimpleNamespace(service=hosted)}
    return api(hosted.router, verifier=verifier, database=database, wording=hosted.wording, **state)


@pytest.fixture
def reads(database: Database) -> Reads:
    """`await reads(by)`: the first page of a person's inbox, in French."""

    async def read(by: Actor, **wanted: Any) -> list[ItemAnswer]:
        page = PageRequest(cast(Any, None), None, 100)
        asked: Any = {"queue": None, "unread": False, "to_do": False, "language": "fr"} | wanted
        return (await queries.inbox(database, page=page, by=by, **asked))[0]

    return read


@pytest.fixture
def post(database: Database, settings: NotificationsSettings) -> Post:
    """`async with post("550 no") as (postman, box): …` has a real mail server that gives these answers first."""

    @asynccontextmanager
    async def run(*replies: str, **changes: Any) -> AsyncIterator[tuple[Postman, Mailbox]]:
        async with mailbox(*replies) as (box, port):
            usual = {"smtp_port": port, "deadline": 5.0, "lease": 10.0}
            yield Postman(settings.model_copy(update=usual | changes), database), box

    return run


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
