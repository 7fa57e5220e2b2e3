"""python -m bench.writer DATABASE_URL RATE SECONDS FILE: commits journal rows steadily, noting when each was.

A process of its own, so that what is measured elsewhere does not wait for it; the clock is the machine's monotonic one.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import asyncpg

from bench.environment import run
from shared.events.agreements import AgreementSubmittedForReview
from shared.ids import new_id

APPEND = f"""
    insert into journal (event_id, aggregate_type, aggregate_id, aggregate_version, type, audience, actor, occurred_at,
                         data, correlation, hash)
    values ($1::uuid, 'agreement', $2::uuid, 1, '{AgreementSubmittedForReview.type}', '{{MA-06}}', 'bench', now(),
            jsonb_build_object('agreement_id', $2::uuid, 'filling', repeat('x', 900)), $1::uuid, '')
"""


async def write(url: str, rate: int, seconds: int) -> dict[str, float]:
    """Commit `rate` rows a second; gives the moment of each commit by its subject."""
    committed: dict[str, float] = {}
    async with asyncpg.create_pool(url, min_size=8, max_size=8, server_settings={"role": "mithaq_app"}) as pool:

        async def commit() -> None:
            subject = new_id()
            await pool.execute(APPEND, new_id(), subject)
            committed[str(subject)] = time.monotonic()

        started = time.monotonic()
        async with asyncio.timeout(4 * seconds), asyncio.TaskGroup() as commits:
            for number in range(rate * seconds):
                await asyncio.sleep(started + number / rate - time.monotonic())
                commits.create_task(commit())
    return committed


if __name__ == "__main__":
    url, rate, seconds, file = sys.argv[1:]
    Path(file).write_text(json.dumps(run(write(url, int(rate), int(seconds)))))
