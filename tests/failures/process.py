"""Parts of services in processes of their own, to be killed.

They are forked from a server that has imported everything: a start costs a tenth of a second in place of seconds. What
then runs is what `python -m services.<x> --only …` runs.
"""

import asyncio
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self

import psutil

from shared import clock
from shared.messaging import crash
from tests.fixtures.run import end_with_the_run

FORK = multiprocessing.get_context("forkserver")
PRELOADED = [
    "services.agreements.app",
    "services.notifications.app",
    "services.reporting.app",
    "shared.messaging.embedded",
    "shared.messaging.kafka",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "tests.failures.process",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
]


def get_ready() -> None:
    """Let the fork server begin to import."""
    FORK.set_forkserver_preload(PRELOADED)
    multiprocessing.forkserver.ensure_running()


class Process:
    """One part of one service, running."""

    def __init__(self, service: str, part: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = f"{service} {part}"
        self._process = FORK.Process(target=_run, args=(service, part, dict(environment), log), daemon=True)

    async def start(self) -> Self:
        """Start it, to end with the test run at the latest."""
        # The very first start waits until the fork server has imported everything.
        await asyncio.to_thread(self._process.start)
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.join()

    @property
    def sleeping(self) -> bool:
        """Whether a SIGSTOP holds it: it keeps its connections and knows nothing."""
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def dies(self, within: float = 60.0) -> None:
        """Wait until it died at its crash point. AssertionError if it did not, or ended in another way."""
        await asyncio.to_thread(self._process.join, within)
        assert self._process.exitcode == -signal.SIGKILL, f"{self.name} did not die: {self._process.exitcode}"


def _run(service: str, part: str, environment: Mapping[str, str], log: Path) -> None:
    os.setsid()
    end_with_the_run()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    # The module is imported already, in the fork server.
    crash.CRASH_AT, crash.STOP_AT = environment.get("MITHAQ_CRASH_AT"), environment.get("MITHAQ_STOP_AT")
    _set_the_clock(float(environment.get("MITHAQ_TEST_CLOCK", "0")))
    sys.argv = [service, "--only", part]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


def _set_the_clock(wrong_by: float) -> None:
    """Let everything here believe that it is so many seconds later."""
    if not wrong_by:
        return
    right = clock.now
    for module in list(sys.modules.values()):
        if getattr(module, "now", None) is right:
            module.now = lambda: right() + timedelta(seconds=wrong_by)  # type: ignore[attr-defined]
