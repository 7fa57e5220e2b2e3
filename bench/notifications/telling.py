"""Taking events that concern every academy, steadily, in this process or in one of its own."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time

from bench.notifications.academies import PADDING
from services.notifications.reactions import deliver, tell_concerned
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementSubmittedForReview
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id
from shared.territory import ACADEMY_CODES


class Padded(AgreementSubmittedForReview):
    """An event whose webhook has a body of 1 KB."""

    filling: str = "x" * PADDING


def happening() -> Occurrence[DomainEvent]:
    """An event that concerns every academy."""
    subject = new_id()
    return Occurrence(
        event=Padded(agreement_id=subject, academy="MA-06"),
        id=new_id(),
        subject=subject,
        version=1,
        audience=tuple(ACADEMY_CODES),
        actor="bench",
        time=now(),
        correlation=new_id(),
    )


async def tell(database: Database, *, rate: float, seconds: float) -> dict[str, float]:
    """Take `rate` events a second as a runner of reactions does, those together that have come meanwhile.

    The moment of each one's commit, by its id.
    """
    committed: dict[str, float] = {}
    begun = started = time.monotonic()
    async with asyncio.timeout(4 * seconds):
        while (taken := len(committed)) < int(rate * seconds):
            await asyncio.sleep(max(started + taken / rate, begun + deliver.pace) - time.monotonic())
            begun = time.monotonic()
            come = int((time.monotonic() - started) * rate) + 1 - taken
            chunk = [happening() for _ in range(min(come, deliver.batch_size))]
            async with database.transaction(NATIONAL) as tx:
                await tell_concerned(tx, chunk)
            committed |= dict.fromkeys((str(each.id) for each in chunk), time.monotonic())
    return committed


async def told(url: str, *, rate: float, seconds: float) -> dict[str, float]:
    """The same in a process of its own. RuntimeError if this machine cannot take so many."""
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, "-m", "bench.notifications.teller", url, str(rate), str(seconds), file.name]
        written = await asyncio.to_thread(subprocess.run, command, check=False, timeout=6 * seconds + 30)
        if written.returncode:
            raise RuntimeError(f"this machine cannot take {rate} events a second")
        found: dict[str, float] = json.load(file)
        return found
