"""Services as real processes: they get ready, and SIGTERM ends them well."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from shared.events.catalog import TOPICS
from shared.messaging.embedded import EmbeddedBroker
from shared.settings import SERVICES
from tests.fixtures.eventually import eventually
from tests.fixtures.ports import free_port

RESOURCE = {
    "network": "organisations",
    "agreements": "agreements",
    "centers": "centers",
    "notifications": "endpoints",
    "reporting": "indicators/capacity",
}
"""A resource of each service, to knock at."""
StartProcess = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, str]]]


@pytest.fixture
async def start(
    installation: str, database_url: Callable[[str], str], broker: EmbeddedBroker, tmp_path: Path
) -> AsyncIterator[StartProcess]:
    """`await start("network", "--only", "relay")`: a service as a process, and its URL."""
    await broker.ensure_topics(TOPICS)
    started: list[asyncio.subprocess.Process] = []

    async def start_process(service: str, *arguments: str) -> tuple[asyncio.subprocess.Process, str]:
        database_url(service)
        port = free_port()
        environment = os.environ | {
            "MITHAQ_DATABASE_URL": installation,
            "MITHAQ_DATA_DIR": str(tmp_path),
            "MITHAQ_PORT": str(port),
            "MITHAQ_OIDC_ISSUER": "http://127.0.0.1:9/identity",
        }
        command = [sys.executable, "-m", f"services.{service}", *arguments]
        started.append(await asyncio.create_subprocess_exec(*command, env=environment))
        return started[-1], f"http://127.0.0.1:{port}"

    yield start_process
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_every_service_gets_ready_as_a_process_and_ends_well_on_sigterm(start: StartProcess) -> None:
    running = [await start(service) for service in SERVICES]
    for (process, url), service in zip(running, SERVICES, strict=True):
        async with aiohttp.ClientSession(url) as client:
            report = await _ready(client)
            assert "[+] migrations: at" in report
            assert "[+] loops:" in report
            async with client.get(f"/api/v1/{RESOURCE[service]}") as response:
                assert response.status == 401, service
        process.send_signal(signal.SIGTERM)
    for process, _ in running:
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_process_with_one_part_serves_health_but_no_api(start: StartProcess) -> None:
    process, url = await start("network", "--only", "relay")
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

    return await eventually(report, within=60, every=0.1)
