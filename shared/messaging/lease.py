"""Leadership: one holder at a time, by the database's clock, each time under a higher epoch.

An advisory lock would not do: a stopped process keeps its connection, and the lock with it.
"""

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import structlog
from sqlalchemy import text

from shared.actor import NATIONAL
from shared.database import Database, Transaction

log = structlog.get_logger(__name__)

TAKE = text("""
    insert into lease (name, holder, epoch, expires_at)
    values (:name, :holder, 1, clock_timestamp() + :lasting)
    on conflict (name) do update set
        epoch = lease.epoch + (lease.holder <> excluded.holder)::int,
        holder = excluded.holder,
        expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at < clock_timestamp()
    returning epoch
""")
RELEASE = text("update lease set expires_at = clock_timestamp() where name = :name and holder = :holder")


class Lease:
    """The right to act alone under a name, for one process.

    `epoch` is the number of the reign: it grows whenever the holder changes, and every write of a leader names it.
    """

    def __init__(self, name: str, *, lasting: float) -> None:
        self.name = name
        self.holder = str(uuid4())
        self.lasting = timedelta(seconds=lasting)
        self.epoch: int | None = None
        self._until = float("-inf")

    async def take(self, tx: Transaction) -> bool:
        """Take or renew the lease for `lasting` seconds; whether we hold it."""
        taken = await tx.execute(TAKE, {"name": self.name, "holder": self.holder, "lasting": self.lasting})
        self.epoch = taken.scalar()
        return self.epoch is not None

    async def keep(self, database: Database) -> bool:
        """Take or renew the lease in a transaction of its own; whether to go on until a third of it has passed.

        A database that does not answer takes it from us only when too little is left of it for another try.
        """
        asked, third = time.monotonic(), self.lasting.total_seconds() / 3
        try:
            async with asyncio.timeout(third), database.transaction(NATIONAL) as tx:
                taken = await self.take(tx)
        except Exception as error:
            log.warning("lease is not renewed", lease=self.name, error=repr(error))
            return time.monotonic() + third < self._until
        self._until = asked + self.lasting.total_seconds() if taken else float("-inf")
        return taken

    async def release(self, tx: Transaction) -> None:
        """Let the next one take over at once."""
        await tx.execute(RELEASE, {"name": self.name, "holder": self.holder})
        self.epoch = None
