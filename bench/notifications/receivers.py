"""python -m bench.notifications.receivers PORT: twelve webhook receivers in a process of their own, well or badly run.

They note when each request's head had arrived, on the machine's monotonic clock.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiohttp import web

from bench.environment import run

HUNG = 30.0
"""Seconds for which a hanging receiver says nothing."""
FLOOD = 1 << 30
"""Bytes of the body with which a flooding receiver answers."""


class Receivers:
    """What arrived at each academy, and how each behaves."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[tuple[str, float]]] = defaultdict(list)
        self.behaviour: dict[str, str] = {}
        self.count = 0
        self._enough: tuple[int, asyncio.Event] | None = None

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Note the request and answer as this academy does now."""
        at = time.monotonic()
        code = request.match_info["code"]
        await request.read()
        self.arrived[code].append((request.headers["webhook-id"], at))
        self.count += 1
        if self._enough and self.count >= self._enough[0]:
            self._enough[1].set()
        try:
            return await BEHAVIOURS[self.behaviour.get(code, "accept")](request)
        except ConnectionError:
            # The sender has had enough.
            return web.Response()

    async def behave(self, request: web.Request) -> web.Response:
        """Let academies behave like this from now on: a JSON object of codes and names of behaviours."""
        self.behaviour = await request.json()
        return web.Response()

    async def look(self, _: web.Request) -> web.Response:
        """What arrived since the last look, by academy."""
        arrived, self.arrived, self.count = self.arrived, defaultdict(list), 0
        return web.json_response(arrived)

    async def wait(self, request: web.Request) -> web.Response:
        """Answer once so much has arrived since the last look."""
        wanted = int(request.match_info["count"])
        if self.count < wanted:
            self._enough = wanted, asyncio.Event()
            await self._enough[1].wait()
        return web.Response()

    async def behaviours(self, _: web.Request) -> web.Response:
        """How academies behave that do not behave well."""
        return web.json_response(self.behaviour)


async def accept(_: web.Request) -> web.StreamResponse:
    """Say yes."""
    return web.Response(status=204)


async def refuse(_: web.Request) -> web.StreamResponse:
    """Fail."""
    return web.Response(status=500)


async def hang(_: web.Request) -> web.StreamResponse:
    """Say nothing for long."""
    await asyncio.sleep(HUNG)
    return web.Response(status=204)


async def drip(request: web.Request) -> web.StreamResponse:
    """Answer at once, and its body a byte at a time."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.1)


async def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection."""
    assert request.transport
    request.transport.abort()
    return web.Response()


async def flood(request: web.Request) -> web.StreamResponse:
    """Answer with a body that nobody asked for."""
    response = web.StreamResponse()
    response.content_length = FLOOD
    await response.prepare(request)
    for _ in range(FLOOD >> 16):
        await response.write(bytes(1 << 16))
    return response


BEHAVIOURS: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
    each.__name__: each for each in (accept, refuse, hang, drip, reset, flood)
}


async def serve(port: int) -> None:
    """Listen until the process is told to end."""
    receivers = Receivers()
    app = web.Application()
    app.router.add_put("/behaviour", receivers.behave)
    app.router.add_get("/arrived", receivers.look)
    app.router.add_get("/arrived/{count}", receivers.wait)
    app.router.add_get("/behaviour", receivers.behaviours)
    app.router.add_post("/{code}", receivers.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
