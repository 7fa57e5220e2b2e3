"""What people do with their own notices, and what returned letters do to their addresses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.addresses import check_email
from services.notifications.bounces import note_bounce, read_report
from services.notifications.kinds import Queue
from services.notifications.people import PREFERRED, meet, own_scope, person_id
from services.notifications.permissions import PERMISSIONS
from services.notifications.preferences import Preferences
from shared.actor import Actor
from shared.database import Work
from shared.refusals import NotFound

# Another address begins anew, and so does the same one when its owner gives it again.
PREFER = text(f"""
    update person set {", ".join(f"{name} = :{name}" for name in PREFERRED)},
        bounces = 0, suspended_at = null, suspended_because = null
    where id = :person
""")
MARK = text("""
    update inbox_item set read_at = case when :read then coalesce(read_at, clock_timestamp()) end
    where id = :id and person_id = :person
        and exists (select 1 from notice where notice.event_id = inbox_item.event_id)
""")
MARK_ALL = text("""
    update inbox_item set read_at = clock_timestamp()
    where person_id = :person and read_at is null and (cast(:queue as text) is null or queue = :queue)
        and (cast(:until as timestamptz) is null or told_at <= :until)
        and exists (select 1 from notice where notice.event_id = inbox_item.event_id)
""")


async def set_preferences(db: Work, wanted: Preferences, *, by: Actor) -> None:
    """Tell the person as they prefer from now on. Raises AddressRefused."""
    PERMISSIONS.allow(by, "set_preferences")
    if wanted.address is not None:
        check_email(wanted.address)
    async with db.transaction(by.scope) as tx, tx.widened(own_scope(by)):
        await tx.execute(PREFER, wanted.model_dump() | {"person": await meet(tx, by)})


async def mark_read(db: Work, id: UUID, *, read: bool, by: Actor) -> None:
    """Mark an item of one's inbox read or unread. Raises NotFound, also for another person's."""
    PERMISSIONS.allow(by, "mark_read")
    async with db.transaction(by.scope) as tx, tx.widened(own_scope(by)):
        marked: Any = await tx.execute(MARK, {"id": id, "read": read, "person": person_id(by.person)})
        if marked.rowcount != 1:
            raise NotFound()


async def mark_all_read(db: Work, *, queue: Queue | None, until: datetime | None, by: Actor) -> int:
    """Mark one's items read, of a workqueue or up to an instant; gives how many."""
    PERMISSIONS.allow(by, "mark_all_read")
    async with db.transaction(by.scope) as tx, tx.widened(own_scope(by)):
        marked: Any = await tx.execute(MARK_ALL, {"person": person_id(by.person), "queue": queue, "until": until})
        return int(marked.rowcount)


async def report_bounces(db: Work, report: str, *, most: int, by: Actor) -> tuple[int, int]:
    """Take a mail server's report about letters that came back: how many failed, how many of them counted.

    The `most`-th in a row suspends an address. Raises NotABounce.
    """
    PERMISSIONS.allow(by, "report_bounces")
    returned = read_report(report.encode())
    async with db.transaction(by.scope) as tx:
        counted = [
            await note_bounce(tx, each.letter_id, each.status, each.reason, most=most)
            for each in returned
            if each.is_hard
        ]
    return len(returned), sum(counted)
