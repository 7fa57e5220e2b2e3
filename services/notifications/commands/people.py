"""What people do with their own notices, and what returned letters do to their addresses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.notifications.addresses import check_email
from services.notifications.arrival import meet, usual_in
from services.notifications.bounces import Returned, note_bounce, note_return, read_report, returns_all
from services.notifications.commands.endpoints import disable_endpoint
from services.notifications.kinds import Queue
from services.notifications.lanes import LOCK_LANE
from services.notifications.letters import note_returned
from services.notifications.people import PREFERRED, own_scope, person_id
from services.notifications.permissions import PERMISSIONS
from services.notifications.preferences import Preferences
from services.notifications.tables import ENDPOINTS
from services.notifications.waking import POST
from shared.actor import SYSTEM, Actor, Role
from shared.audit import canonical
from shared.database import Transaction, Work
from shared.refusals import NotFound

# Another address begins anew, and so does the same one when its owner gives it again.
PREFER = text(f"""
    update person set {", ".join(f"{name} = :{name}" for name in PREFERRED if name != "by_type")},
        by_type = cast(:by_type as jsonb),
        bounces = 0, suspended_at = null, suspended_because = null
    where id = :person
""")
MARK = text("""
    update inbox_item set read_at = case when :read then coalesce(read_at, clock_timestamp()) end
    where id = :id and person_id = :person
        and exists (select 1 from notice where notice.event_id = inbox_item.event_id)
""")
LEAVE = text("update person set ended_at = clock_timestamp(), ended_by = :by where id = :person and ended_at is null")
KNOWN = text("select 1 from person where id = :person")
END_RULES = text("""
    update rule set ended_at = clock_timestamp(), ended_by = :by where person_id = :person and ended_at is null
""")
# The postman voids them: one that is in hand at this moment before its next attempt.
HURRY = text("""
    update letter set next_attempt_at = clock_timestamp() where person_id = :person and state in ('open', 'waiting')
""")
# In the order in which all who touch several items lock them, whatever they do in their transaction: by their ids.
MARK_ALL = text("""
    with marked as (
        select id from inbox_item
        where person_id = :person and read_at is null and (cast(:queue as text) is null or queue = :queue)
            and (cast(:until as timestamptz) is null or told_at <= :until)
            and exists (select 1 from notice where notice.event_id = inbox_item.event_id)
        order by id for update
    )
    update inbox_item set read_at = clock_timestamp() from marked where inbox_item.id = marked.id
""")


async def make_known(db: Work, *, language: str, by: Actor) -> None:
    """Know a person who came, so that their inbox fills from now on. A system is known once it asks for something."""
    if not by.has(Role.academy_system):
        async with db.transaction(own_scope(by)) as tx:
            await meet(tx, by, usual_in(language))


async def set_preferences(db: Work, wanted: Preferences, *, by: Actor) -> None:
    """Tell the person as they prefer from now on. Raises AddressRefused."""
    PERMISSIONS.allow(by, "set_preferences")
    if wanted.address is not None:
        check_email(wanted.address)
    async with db.transaction(by.scope) as tx, tx.widened(own_scope(by)):
        by_type = canonical([each.model_dump() for each in wanted.by_type]).decode()
        await tx.execute(PREFER, wanted.model_dump() | {"by_type": by_type, "person": await meet(tx, by, wanted)})


async def end_person(db: Work, id: UUID, *, by: Actor) -> None:
    """Tell somebody who left nothing any more, on no channel, until they come back. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        # The rows of people are seen by themselves and by the nation.
        if (await tx.execute(KNOWN, {"person": id})).first() is None:
            raise NotFound()
        PERMISSIONS.allow(by, "end_person")
        for step in (LEAVE, END_RULES):
            await tx.execute(step, {"person": id, "by": by.person})
        await tx.execute(HURRY, {"person": id})
        tx.after_commit(POST.ring)


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

    The `most`-th in a row suspends a person's address, and disables an academy's. Raises NotABounce.
    """
    PERMISSIONS.allow(by, "report_bounces")
    returned = read_report(report.encode())
    async with db.transaction(by.scope) as tx:
        counted = [await _count(tx, each, most) for each in returned]
    return len(returned), sum(counted)


async def _count(tx: Transaction, returned: Returned, most: int) -> bool:
    """Note that a letter came back, whatever the reason; whether that counts against its address."""
    if returned.endpoint_id is None:
        await note_returned(tx, returned.id, returned.status, returned.reason)
        return returned.is_hard and await note_bounce(tx, returned.id, returned.status, returned.reason, most=most)
    try:
        endpoint = await ENDPOINTS.load(tx, returned.endpoint_id)
    except NotFound:
        return False
    await tx.execute(LOCK_LANE, {"endpoint": endpoint.id})
    if not await note_return(tx, returned) or not returned.is_hard:
        return False
    # An address that was changed meanwhile is another one.
    is_same = returned.recipient in ("", endpoint.address)
    if is_same and not endpoint.refusal_of("disable_endpoint") and await returns_all(tx, returned, most=most):
        await disable_endpoint(tx, endpoint.id, because="failing", by=SYSTEM)
    return True
