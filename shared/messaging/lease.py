"""Leadership: one holder at a time, by the database's clock, each time under a higher epoch.

An advisory lock would not do: a stopped process keeps its connection, and the lock with it.
"""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from shared.database import Transaction

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

    async def take(self, tx: Transaction) -> bool:
        """Take or renew the lease for `lasting` seconds; whether we hold it."""
        taken = await tx.execute(TAKE, {"name": self.name, "holder": self.holder, "lasting": self.lasting})
        self.epoch = taken.scalar()
        return self.epoch is not None

    async def release(self, tx: Transaction) -> None:
        """Let the next one take over at once."""
        await tx.execute(RELEASE, {"name": self.name, "holder": self.holder})
        self.epoch = None
