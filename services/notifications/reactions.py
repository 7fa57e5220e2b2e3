"""What notifications does about every event: write down who is told of it, and owe it to each of them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.notifications.circle import Circle, concerned
from services.notifications.commands.receipts import ask_receipts
from services.notifications.letters import write_letters
from services.notifications.notice import name_told_by, subjects_of
from services.notifications.recipients import known
from services.notifications.telling import Decision, EndpointTold, Happening, PersonTold, told
from services.notifications.triggers import follow_dates
from services.notifications.waking import NEWS
from shared.audit import canonical
from shared.clock import now
from shared.database import Transaction
from shared.events.base import DomainEvent, Occurrence
from shared.messaging.reactions import Reactions
from shared.telemetry import current_traceparent

reactions = Reactions("notifications")
deliver = reactions.reaction("deliver")

REMEMBER_NAME = text("""
    insert into name (id, ar, fr) values (:id, :ar, :fr)
    on conflict (id) do update set ar = excluded.ar, fr = excluded.fr
""")
REMEMBER_CIRCLE = text("""
    insert into circle (subject, codes, provinces)
    values (:subject, cast(:codes as text[]), cast(:provinces as text[]))
    on conflict (subject) do update set codes = excluded.codes, provinces = excluded.provinces
""")
# One statement, so that the feed's row locks are held for one round trip. Academies and lanes are locked in one order.
TELL = text("""
    with notice as (
        insert into notice (event_id, type, subject, version, time, audience, data, names, reach, provinces, actor,
            correlation, traceparent)
        values (:event_id, :type, :subject, :version, :time, cast(:audience as text[]), cast(:data as jsonb),
            cast(:names as jsonb), cast(:reach as text[]), cast(:provinces as text[]), :actor, :correlation,
            :traceparent)
        on conflict (event_id) do nothing returning event_id, audience
    ), decided as (
        insert into telling (event_id, jurisdiction, told, untold, at)
        select event_id, jurisdiction, told, untold, :at from notice
        cross join jsonb_to_recordset(cast(:decisions as jsonb)) each (jurisdiction text, told jsonb, untold jsonb)
    ), head as (
        insert into feed_head as head (academy, last)
        select distinct academy, 1 from notice, unnest(audience) academy order by academy
        on conflict (academy) do update set last = head.last + 1
        returning academy, last
    ), entry as (
        insert into feed_entry (academy, sequence, event_id) select academy, last, :event_id from head
    ), owed as (
        insert into delivery (endpoint_id, academy, event_id, sequence, state, attempts, next_attempt_at)
        select lane.endpoint_id, academy, :event_id, head.last, 'waiting', 0, clock_timestamp()
        from head join lane using (academy) where lane.endpoint_id = any(cast(:endpoints as uuid[]))
        returning endpoint_id
    ), locked as (
        select endpoint_id from lane where endpoint_id in (select endpoint_id from owed) order by endpoint_id for update
    ), rung as (
        update lane set due_at = case when concurrency = 1 then coalesce(due_at, clock_timestamp())
            else least(due_at, clock_timestamp()) end
        from locked where locked.endpoint_id = lane.endpoint_id
    )
    select 1 from notice
""")
SETTLE = text("""
    update inbox_item set settled_at = :at from notice
    where inbox_item.subject = :subject and settled_at is null and queue = any(cast(:queues as text[]))
        and notice.event_id = inbox_item.event_id and notice.data @> cast(:same as jsonb)
""")
PUT_IN_INBOXES = text("""
    insert into inbox_item (person_id, event_id, subject, queue, told_at)
    select person_id, :event_id, :subject, queue, :at
    from jsonb_to_recordset(cast(:items as jsonb)) each (person_id uuid, queue text)
""")


@deliver.on(DomainEvent)
async def tell_concerned(tx: Transaction, occurrence: Occurrence[DomainEvent]) -> None:
    """Decide who is told, and owe it to them: a number in each academy's feed, deliveries, inboxes, letters."""
    event, at = occurrence.event, now()
    data = event.model_dump(mode="json")
    if name := name_told_by(event):
        await tx.execute(REMEMBER_NAME, dict(zip(("id", "ar", "fr"), name, strict=True)))
    # What the event itself says of whom it concerns is not in the table yet.
    asked = {"national", *occurrence.audience, *Circle().after(event).codes}
    found = await known(tx, concerned(occurrence), asked, subjects_of(event))
    circle = found.circle.after(event)
    if circle != found.circle:
        remembered = {"codes": list(circle.codes), "provinces": list(circle.provinces)}
        await tx.execute(REMEMBER_CIRCLE, {"subject": occurrence.subject, **remembered})
    happening = Happening.at(occurrence, circle)
    inside = [one for one in found.recipients if happening.within(one.jurisdiction)]
    decisions = [each for one in inside for each in told(happening, one, at)]
    telling = {
        "event_id": occurrence.id,
        "type": event.type,
        "subject": occurrence.subject,
        "version": occurrence.version,
        "time": occurrence.time,
        "audience": list(occurrence.audience),
        "data": canonical(data).decode(),
        "names": canonical(found.names).decode(),
        "reach": sorted(happening.codes),
        "provinces": sorted(happening.provinces),
        "actor": occurrence.actor,
        "correlation": occurrence.correlation,
        "traceparent": current_traceparent() or occurrence.traceparent,
        "decisions": canonical(_by_jurisdiction(decisions)).decode(),
        "endpoints": [each.who.id for each in decisions if each.told and isinstance(each.who, EndpointTold)],
        "at": at,
    }
    if (await tx.execute(TELL, telling)).first() is None:
        return
    await follow_dates(tx, occurrence)
    if days := happening.kind.receipt:
        await ask_receipts(tx, occurrence.audience, occurrence.id, event.type, at=at, days=days)
    if queues := happening.kind.settles:
        same = {field: data[field] for field in happening.kind.same}
        settled = {"subject": occurrence.subject, "queues": list(queues), "same": canonical(same).decode(), "at": at}
        await tx.execute(SETTLE, settled)
    people = [each for each in decisions if each.told and isinstance(each.who, PersonTold)]
    await _put_in_inboxes(tx, occurrence, [each for each in people if each.channel == "inbox"], at)
    await write_letters(tx, occurrence.id, [each for each in people if each.channel == "email"], at)
    tx.after_commit(NEWS.ring)


async def _put_in_inboxes(
    tx: Transaction, occurrence: Occurrence[DomainEvent], decisions: Sequence[Decision], at: datetime
) -> None:
    if not decisions:
        return
    items = [{"person_id": str(each.who.id), "queue": each.queue} for each in decisions]
    about = {"event_id": occurrence.id, "subject": occurrence.subject, "at": at}
    await tx.execute(PUT_IN_INBOXES, about | {"items": canonical(items).decode()})


def _by_jurisdiction(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """The decisions as they are kept: each jurisdiction reads its own."""
    kept: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"told": [], "untold": []})
    for each in decisions:
        kept[each.who.jurisdiction]["told" if each.told else "untold"].append(each.facts())
    return [{"jurisdiction": jurisdiction, **lists} for jurisdiction, lists in sorted(kept.items())]
