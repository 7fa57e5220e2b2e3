"""A service as a real process: it gets ready, and SIGTERM ends it well."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from shared.messaging.embedded import migrate_broker
from tests.fixtures.eventually import eventually

StartProcess = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, str]]]


@pytest.fixture
async def start(installation: str, database_url: Callable[[str], str]) -> AsyncIterator[StartProcess]:
    """`await start("--only", "relay")`: the network service as a process, and its URL."""
    database_url("network")
    await asyncio.to_thread(migrate_broker, installation)
    started: list[asyncio.subprocess.Process] = []

    async def start_process(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {
            "MITHAQ_DATABASE_URL": installation,
            "MITHAQ_PORT": str(port),
            "MITHAQ_OIDC_ISSUER": "http://127.0.0.1:9/identity",
        }
        command = [sys.executable, "-m", "services.network", *arguments]
        started.append(await asyncio.create_subprocess_exec(*command, env=environment))
        return started[-1], f"http://127.0.0.1:{port}"

    yield start_process
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_service_gets_ready_and_ends_well_on_sigterm(start: StartProcess) -> None:
    process, url = await start()
    async with aiohttp.ClientSession(url) as client:
        report = await _ready(client)
        assert "[+] migrations: at" in report
        assert "[+] loops:" in report
        async with client.get("/api/v1/organisations") as response:
            assert response.status == 401
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 15) == 0


async def test_a_process_with_one_part_serves_health_but_no_api(start: StartProcess) -> None:
    process, url = await start("--only", "relay")
    async with aiohttp.ClientSession(url) as client:
        assert "[+] broker: embedded" in await _ready(client)
        async with client.get("/api/v1/organisations") as response:
            assert response.status == 404
        async with client.get("/metrics") as response:
            assert "target_info" in await response.text()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 15) == 0


async def _ready(client: aiohttp.ClientSession) -> str:
    async def report() -> str:
        try:
            async with client.get("/readyz?verbose") as response:
                text = await response.text()
                assert response.status == 200, text
                return text
        except aiohttp.ClientConnectionError as error:
            raise AssertionError("not listening") from error

    return await eventually(report, within=20, every=0.1)
