"""http_command: a service's own process against a bare FastAPI app that sends the same SQL.

Once beside an app on the engine that services use, which shows what our own layers cost, and once beside one on the
bare driver.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import aiohttp
from aiohttp import web

from bench.environment import a_server, databases, ended, free_port, plain_environment, prepare, run, wait_until_ready
from bench.register import CLIENTS, MINISTRY, REASON, accredited
from bench.rows import Row, rates
from shared.ids import new_id
from shared.settings import database_on
from tests.fixtures.identity import AUDIENCE, ISSUER, Issuer

REPEATS = 7
LASTING = 3.0
"""Seconds of one repeat."""


def measure(only: str | None) -> list[Row]:
    """The rows of this group, or of one benchmark in it."""
    if only not in (None, "http_command"):
        return []
    with a_server() as server_url:
        prepare(server_url, "network")
        jwks = free_port()
        with (
            a_service(server_url, jwks) as ours,
            a_bare_app(server_url, "sqlalchemy") as engine,
            a_bare_app(server_url, "asyncpg") as driver,
        ):
            return run(_measure(server_url, jwks, [ours, engine, driver]))


@contextmanager
def a_service(server_url: str, jwks: int) -> Iterator[int]:
    """The network service's API in a process of its own, its keys fetched from the port `jwks`; its port."""
    port = free_port()
    settings = {
        "MITHAQ_PORT": str(port),
        "MITHAQ_DATABASE_URL": server_url,
        "MITHAQ_OIDC_ISSUER": ISSUER,
        "MITHAQ_OIDC_JWKS_URL": f"http://127.0.0.1:{jwks}/",
        "MITHAQ_OIDC_AUDIENCE": AUDIENCE,
    }
    command = [sys.executable, "-m", "services.network", "--only", "api"]
    with ended(subprocess.Popen(command, env=plain_environment() | settings)) as process:
        wait_until_ready(port, "/readyz", process)
        yield port


@contextmanager
def a_bare_app(server_url: str, driver: str) -> Iterator[int]:
    """The bare app on this driver in a process of its own; its port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.bare", str(port), database_on(server_url, "network"), driver]
    with ended(subprocess.Popen(command, env=plain_environment())) as process:
        wait_until_ready(port, "/openapi.json", process)
        yield port


async def _measure(server_url: str, jwks: int, ports: Sequence[int]) -> list[Row]:
    async with databases(server_url, "network") as (_, app, _relay), an_issuer(jwks) as issuer:
        ids = await accredited(app, [new_id() for _ in range(CLIENTS)])
        versions = dict.fromkeys(ids, 3)
        token = issuer.token(MINISTRY)
        figures: dict[int, list[float]] = {port: [] for port in ports}
        for number in range(REPEATS + 1):
            for port, found in figures.items():
                rate = await _rate(port, token, versions)
                if number:  # the first round warms both up
                    found.append(rate)
    ours, engine, driver = figures.values()
    return [
        rates("http", "http_command", ours, engine, "requests/s", ">= 0.80"),
        rates("http", "http_command (asyncpg)", ours, driver, "requests/s", ""),
    ]


@asynccontextmanager
async def an_issuer(port: int) -> AsyncIterator[Issuer]:
    """An issuer of tokens whose keys are served on this port."""
    issuer = Issuer()

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(await issuer.fetch("jwks"))

    app = web.Application()
    app.router.add_get("/", keys)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield issuer
    finally:
        await runner.cleanup()


async def _rate(port: int, token: str, versions: dict[UUID, int]) -> float:
    """Requests a second that one client per association gets answered, one after the other; moves the versions on."""
    end = time.perf_counter() + LASTING
    done = 0

    async def client(session: aiohttp.ClientSession, id: UUID) -> None:
        nonlocal done
        url = f"http://127.0.0.1:{port}/api/v1/associations/{id}"
        while time.perf_counter() < end:
            for action, body in (("suspension", {"reason": REASON}), ("reinstatement", None)):
                headers = {"If-Match": f'"{versions[id]}"'}
                async with session.post(f"{url}/{action}", json=body, headers=headers) as answer:
                    assert answer.status == 200, await answer.text()
                    versions[id] = (await answer.json())["version"]
                done += 1

    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session, id) for id in versions))
        return done / (time.perf_counter() - started)
