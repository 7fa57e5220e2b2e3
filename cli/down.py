"""`mithaq down`: nothing of this installation runs afterwards, also what a killed parent left behind."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from cli.installation import DEMO, platform_settings, running
from cli.output import say
from shared.embedded.postgres import EmbeddedPostgres

GRACE = 40.0
"""Seconds for the platform to drain before it is killed."""


def down() -> None:
    """Stop everything of this installation and of its demo, also what a killed parent left behind."""
    data_dir = platform_settings().data_dir
    found = [_end(place) for place in (data_dir, data_dir / DEMO)]
    say("stopped" if any(found) else f"nothing was running on {data_dir}")


def _end(data_dir: Path) -> bool:
    """Whether there was something to stop."""
    found = False
    if pid := running(data_dir):
        found = True
        say(f"stopping process {pid}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while running(data_dir) == pid:
            if time.monotonic() > deadline:
                say("it does not stop: killed")
                os.kill(pid, signal.SIGKILL)
                deadline += GRACE
            time.sleep(0.1)
    if EmbeddedPostgres(data_dir / "database").end():
        found = True
        say("the database server was left behind: ended")
    return found
