"""Background loops: they come back after a crash, say so, and end in bounded time."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import SecretStr

from shared import hosting, supervision
from shared.database import Database
from shared.hosting import Hosted, Service
from shared.settings import PlatformSettings, ServiceSettings
from shared.supervision import Loop
from tests.fixtures.eventually import eventually
from tests.fixtures.serving import Serve

SETTINGS = ServiceSettings(
    platform=PlatformSettings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1"), oidc_issuer="https://identity.test"
    )
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(hosting, "GRACE", 0.2)


async def test_a_crashed_loop_starts_again() -> None:
    starts = 0

    async def run(stop: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError
        await stop.wait()

    loop, stop = Loop("work", run), asyncio.Event()
    task = asyncio.create_task(loop.keep_running(stop))
    await eventually(lambda: starts == 3)
    assert (loop.restarts, loop.fault) == (2, None)
    stop.set()
    await task


async def test_a_loop_that_is_down_says_why() -> None:
    async def run(_: asyncio.Event) -> None:
        raise ConnectionError

    loop, stop = Loop("work", run), asyncio.Event()
    task = asyncio.create_task(loop.keep_running(stop))
    await eventually(lambda: loop.fault == "ConnectionError")
    assert "work: ConnectionError" in str(loop)
    stop.set()
    await task


async def test_a_loop_that_ends_by_itself_starts_again() -> None:
    async def run(_: asyncio.Event) -> None:
        return

    loop, stop = Loop("work", run), asyncio.Event()
    task = asyncio.create_task(loop.keep_running(stop))
    await eventually(lambda: loop.restarts >= 2)
    stop.set()
    await task


async def test_a_service_with_a_crashed_loop_is_not_ready_and_alive(serve: Serve) -> None:
    async def broken(_: Database, __: asyncio.Event) -> None:
        raise RuntimeError

    hosted, url = await _served(serve, broken)
    await eventually(lambda: hosted.loops[0].restarts > 0)
    async with aiohttp.ClientSession(url) as client:
        async with client.get("/readyz?verbose") as response:
            assert response.status == 503
            assert "[-] loops: broken: RuntimeError" in await response.text()
        async with client.get("/livez") as response:
            assert response.status == 200


async def test_a_stopping_service_lets_its_loops_finish() -> None:
    started, finished = asyncio.Event(), asyncio.Event()

    async def careful(_: Database, stop: asyncio.Event) -> None:
        started.set()
        await stop.wait()
        await asyncio.sleep(0)
        finished.set()

    app = hosting.create_app(_service(careful), parts=["workers"])
    async with app.router.lifespan_context(app):
        await started.wait()
    assert finished.is_set()


async def test_a_loop_that_does_not_stop_is_ended() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(_: Database, __: asyncio.Event) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    app = hosting.create_app(_service(stubborn), parts=["workers"])
    async with asyncio.timeout(20), app.router.lifespan_context(app):
        await started.wait()
    assert ended.is_set()


async def test_a_part_that_was_not_asked_for_does_not_run() -> None:
    async def worker(_: Database, __: asyncio.Event) -> None:
        raise AssertionError

    app = hosting.create_app(_service(worker), parts=["api"])
    assert app.state.hosted.loops == []


async def test_live_streams_end_when_the_service_stops(serve: Serve) -> None:
    hosted, url = await _served(serve)
    async with aiohttp.ClientSession(url) as client, client.get("/api/v1/stream") as stream:
        assert await stream.content.readuntil(b"\n\n")
        hosted.stop.set()
        async with asyncio.timeout(20):
            assert b"data" not in await stream.content.read()


async def test_metrics_are_served_to_the_scraper(serve: Serve) -> None:
    _, url = await _served(serve)
    async with aiohttp.ClientSession(url) as client, client.get("/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"


def _service(*workers: hosting.Worker) -> Service:
    router = APIRouter(prefix="/api/v1")

    @router.get("/stream", response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="first")
        await asyncio.Event().wait()

    return Service("network", SETTINGS, router, workers=workers)


async def _served(serve: Serve, *workers: hosting.Worker) -> tuple[Hosted, str]:
    app = hosting.create_app(_service(*workers), parts=["api", "workers"])
    hosted: Hosted = app.state.hosted
    return hosted, await serve(app, [hosted])
