"""Supervision: background loops that are started again when they crash, and say so."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from shared import telemetry

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a crashed loop starts again: doubling, between these."""
HEALED = 60.0
"""Seconds of quiet work after which a crash is forgotten."""


class Loop:
    """One background loop of a service, restarted with growing pauses until it is told to stop."""

    def __init__(self, name: str, run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        self.name = name
        self.run = run
        self.restarts = 0
        self.fault: str | None = None
        """Why the loop is down right now; None while it runs."""

    async def keep_running(self, stop: asyncio.Event) -> None:
        """Run until told to stop, whatever happens inside."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            started = time.monotonic()
            self.fault = None
            try:
                await self.run(stop)
                if stop.is_set():
                    return
                self.fault = "ended by itself"
            except Exception as error:
                self.fault = type(error).__name__
                log.exception("loop crashed", loop=self.name)
            if time.monotonic() - started > HEALED:
                pause = FIRST_PAUSE
            self.restarts += 1
            telemetry.restarts.add(1, {"loop": self.name})
            await wait(stop, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def __str__(self) -> str:
        return f"{self.name}: {self.fault or 'running'}" + (f", restarted {self.restarts}×" if self.restarts else "")


async def wait(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, but no longer than until told to stop; whether we were."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
