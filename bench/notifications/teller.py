"""python -m bench.notifications.teller URL RATE SECONDS FILE: takes events, as reactions in a container do.

It notes when each event was committed, on the machine's monotonic clock.
"""

import json
import sys
from pathlib import Path

from bench.environment import run
from bench.notifications.telling import tell
from services.notifications.settings import NotificationsSettings
from shared import telemetry
from shared.database import Database


async def _tell(url: str, rate: float, seconds: float) -> dict[str, float]:
    database = Database(url)
    try:
        # One beforehand: what this process does for the first time is no part of what is measured.
        await tell(database, rate=1.0, seconds=1.0)
        return await tell(database, rate=rate, seconds=seconds)
    finally:
        await database.dispose()


if __name__ == "__main__":
    url, rate, seconds, file = sys.argv[1:]
    telemetry.configure("notifications", NotificationsSettings())
    Path(file).write_text(json.dumps(run(_tell(url, float(rate), float(seconds)))))
