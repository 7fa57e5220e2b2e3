"""The two front doors, embedded and nginx, with the same small services behind them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from services.gateway import pages
from services.gateway.app import create_app
from tests.fixtures.serving import Serve
from tests.gateway.sample import TABLE, sample_apps

OpenDoor = Callable[[], Awaitable[aiohttp.ClientSession]]


@pytest.fixture(params=["embedded", "nginx"])
async def open_door(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> AsyncIterator[OpenDoor]:
    """`await open_door()`: a client of the front door, as the settings in the environment make it."""
    clients: list[aiohttp.ClientSession] = []
    nginx = request.getfixturevalue("nginx") if request.param == "nginx" else None

    async def start() -> aiohttp.ClientSession:
        apps = sample_apps()
        if nginx is None:
            url = await serve(create_app(apps, table=TABLE), [app.state.hosted for app in apps.values()])
        else:
            upstreams = {name: urlsplit(await serve(app, [app.state.hosted])).netloc for name, app in apps.items()}
            pages.write(tmp_path / "pages")
            url = nginx(upstreams, tmp_path / "pages")
        clients.append(aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=20)))
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def door(open_door: OpenDoor) -> aiohttp.ClientSession:
    """A client of the front door."""
    return await open_door()
