"""The pull feed: all of it, in order, filtered, awaited, and nothing missing after days away."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import event as engine_event

from services.notifications.notice import Notice
from services.notifications.settings import NotificationsSettings
from services.notifications.stream import Channel
from services.notifications.tests.builders import AT, OFFICER, happening, registered, rows, told
from services.notifications.waking import NEWS
from shared.database import Database
from shared.events.agreements import AgreementSigned
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import CenterOpened, CenterVisaGranted
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

PATH = "/api/v1/notifications/feed"
DEAD = "http://127.0.0.1:1/"


@pytest.fixture
def client(app: FastAPI, issuer: Issuer) -> AsyncClient:
    """An officer of MA-06."""
    return client_of(app, issuer.token(OFFICER))


def at(days: int, event: type[DomainEvent] = AgreementSigned, **more: Any) -> Occurrence[DomainEvent]:
    """An event that happened so many days after the first."""
    occurrence = happening(event.model_validate(event.example), **more)
    facts = {name: getattr(occurrence, name) for name in occurrence.__slots__}
    return Occurrence(**facts | {"time": AT + timedelta(days=days)})


async def sequences(client: AsyncClient, **asked: Any) -> list[int]:
    """The numbers of the notices found."""
    answered = await client.get(PATH, params=asked)
    assert answered.status_code == 200, answered.text
    return [item["sequence"] for item in answered.json()["items"]]


async def waiters(app: FastAPI, number: int) -> None:
    """Wait until so many readers wait."""

    async def check() -> bool:
        channels: dict[str, Channel] = app.state.hub._channels if hasattr(app.state, "hub") else {}
        return sum(len(each.connections) for each in channels.values()) == number

    await eventually(check)


async def test_the_feed_is_filtered_by_type_and_time(client: AsyncClient, database: Database) -> None:
    await told(database, at(0), at(1, CenterOpened), at(2, CenterVisaGranted), at(3))
    async with client:
        assert await sequences(client) == [1, 2, 3, 4]
        assert await sequences(client, types="ma.mithaq.center.*") == [2, 3]
        assert await sequences(client, types=["*.opened.v1", "*.signed.v1"]) == [1, 2, 4]
        # `_` is a letter like any other.
        assert await sequences(client, types="ma.mithaq.center.visa.granted.v1") == []
        day = [(AT + timedelta(days=each)).isoformat() for each in range(4)]
        assert await sequences(client, since=day[1], until=day[3]) == [2, 3]
        assert await sequences(client, since=day[1], types="*.agreement.*", after=1) == [4]
        naive = await client.get(PATH, params={"since": "2024-09-01T00:00:00"})
        assert naive.status_code == 422


async def test_what_was_told_stays_in_its_words_when_the_wording_changes(
    client: AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(database, at(0))
    async with client:
        before = (await client.get(PATH)).json()["items"][0]
        monkeypatch.setattr(Notice, "worded", lambda *_: "other words")
        assert (await client.get(PATH)).json()["items"][0] == before


async def test_after_days_away_nothing_is_missing_and_what_was_delivered_is_there_too(
    client: AsyncClient, database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, DEAD)
    await told(database, *(at(day) for day in range(5)))
    async with client:
        known = (await sequences(client))[-1]
        await told(database, *(at(day, audience=("MA-05", "MA-06")) for day in range(7)))
        await told(database, *(at(day, audience=("MA-05",)) for day in range(7)))
        caught_up: list[int] = []
        while page := await sequences(client, after=known, limit=3):
            caught_up += page
            known = page[-1]
        assert caught_up == list(range(6, 13))
        first = (await client.get(PATH, params={"limit": 100})).content
        assert (await client.get(PATH, params={"limit": 100})).content == first


async def test_who_waits_is_answered_as_soon_as_something_happens(
    app: FastAPI, client: AsyncClient, database: Database
) -> None:
    async with client:
        waiting = asyncio.create_task(sequences(client, wait=30, types="ma.mithaq.center.*"))
        await waiters(app, 1)
        await told(database, at(0))
        await told(database, at(0, CenterOpened))
        assert await asyncio.wait_for(waiting, 10) == [2]


async def test_who_waits_hears_of_what_another_process_told(
    app: FastAPI, client: AsyncClient, database: Database
) -> None:
    async with client:
        waiting = asyncio.create_task(sequences(client, wait=30))
        await waiters(app, 1)
        ring, NEWS.ring = NEWS.ring, lambda: None  # type: ignore[method-assign]
        try:
            await told(database, at(0))
        finally:
            NEWS.ring = ring  # type: ignore[method-assign]
        assert await asyncio.wait_for(waiting, 10) == [1]


async def test_who_waits_in_vain_is_answered_with_nothing_and_leaves_nothing_behind(
    app: FastAPI, client: AsyncClient
) -> None:
    async with client:
        assert await sequences(client, wait=1) == []
        assert (await client.get(PATH, params={"wait": 31})).status_code == 422
    assert not app.state.hub._channels
    await eventually(lambda: not NEWS._waiting)


async def test_sixteen_readers_that_wait_hold_no_connection(app: FastAPI, issuer: Issuer, database: Database) -> None:
    async with client_of(app, issuer.token(OFFICER)) as client:
        waiting = [asyncio.create_task(sequences(client, wait=30)) for _ in range(16)]
        await waiters(app, 16)
        assert await rows(database, "select 1") == [(1,)]
        await told(database, at(0))
        assert await asyncio.wait_for(asyncio.gather(*waiting), 20) == [[1]] * 16


async def test_who_waits_asks_the_database_again_only_for_what_they_want(
    app: FastAPI, issuer: Issuer, database: Database
) -> None:
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM feed_entry" in statement:
            asked.append(statement)

    async with client_of(app, issuer.token(OFFICER)) as client:
        engine_event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        waiting = [asyncio.create_task(sequences(client, wait=30, types="ma.mithaq.center.*")) for _ in range(8)]
        await eventually(lambda: len(asked) == 8)
        for _ in range(5):
            await told(database, at(0))
        await eventually(lambda: app.state.hub._channels["MA-06"].head == 5)
        # One shared look at a time, however many wait.
        assert len(asked) <= 8 + 5
        await told(database, at(0, CenterOpened))
        assert await asyncio.wait_for(asyncio.gather(*waiting), 20) == [[6]] * 8
        assert len(asked) <= 8 + 6 + 8
