"""The whole platform inside a test, behind its front door."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from cli.demo.client import Refused
from services.__main__ import platform, prepared
from shared.server import listen
from shared.settings import PlatformSettings
from tests.fixtures.serving import QuietServer


@asynccontextmanager
async def running(settings: PlatformSettings) -> AsyncIterator[PlatformSettings]:
    """Run everything on a free port inside the block; the settings as they are in force."""
    listener = listen("127.0.0.1", 0)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    async with prepared(settings) as (settings, broker):
        door = platform(settings, broker)
        ready = asyncio.Event()
        hosted = [app.state.hosted for app in door.services.values()]
        server = QuietServer(door, hosted, ready=ready.set)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(60):
                await ready.wait()
            yield settings
        finally:
            server.tell_to_stop()
            await task


async def refusal(call: Awaitable[object]) -> str:
    """The name of the refusal that answers the call."""
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.slug
