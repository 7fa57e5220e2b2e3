"""sse_fan_out: one process, 500 open live streams."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

from fastapi import FastAPI

from bench.notifications.academies import Academies, academies
from bench.notifications.telling import tell
from bench.rows import Row, percentile
from services.notifications.app import service
from shared.actor import Actor, Role
from shared.server import listen
from shared.web import install
from tests.fixtures.identity import Issuer
from tests.fixtures.serving import QuietServer

CONNECTIONS = 500
RATE, LASTING = 2.0, 15.0
"""Events a second, and seconds."""
OFFICER = Actor("https://identity.example", "bench", frozenset({Role.academy_officer}), "MA-06")


async def sse_fan_out(server_url: str) -> list[Row]:
    """From an event's commit to its frame at each of 500 readers, beside one reader alone."""
    async with academies(server_url) as receivers, an_api(receivers) as (url, issuer):
        alone = await _delays(receivers, url, issuer.token(OFFICER), 1)
        ours = await _delays(receivers, url, issuer.token(OFFICER), CONNECTIONS)
    return [
        Row("notifications", f"sse_fan_out {name}", mine, one, "ms", mine / one, aim)
        for name, share, aim in (("p50", 0.5, ""), ("p99", 0.99, "<= 200 ms"))
        for mine, one in [(percentile(ours, share), percentile(alone, share))]
    ]


@asynccontextmanager
async def an_api(receivers: Academies) -> AsyncIterator[tuple[str, Issuer]]:
    """The service's API in this process, with the reaction beside it as when a service runs whole; its URL."""
    issuer, hosted = Issuer(), service(receivers.settings)
    app = FastAPI()
    app.state.hosted = SimpleNamespace(service=hosted)
    install(app, verifier=issuer.verifier(), database=receivers.app, wording=hosted.wording)
    app.include_router(hosted.router)
    ready = asyncio.Event()
    listener = listen("127.0.0.1", 0)
    server = QuietServer(app, [], ready=ready.set)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await ready.wait()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", issuer
    finally:
        server.tell_to_stop()
        await task


async def _delays(receivers: Academies, url: str, token: str, connections: int) -> list[float]:
    """Milliseconds from commit to frame, of each frame of each connection."""
    stream, frames = f"{url}/api/v1/notifications/stream", int(RATE * LASTING)
    head = len((await receivers.feeds()).get(OFFICER.jurisdiction, ()))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.notifications.listeners", stream, *map(str, (connections, frames, head))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    assert process.stdin and process.stdout
    process.stdin.write(token.encode() + b"\n")
    await process.stdin.drain()
    async with asyncio.timeout(60 + 2 * LASTING):
        assert (await process.stdout.readline()).strip() == b"connected", "the readers did not connect"
        committed = await tell(receivers.app, rate=RATE, seconds=LASTING)
        came = json.loads(await process.stdout.readline())
        await process.wait()
    return [(at - committed[event]) * 1000 for event, moments in came.items() for at in moments]
