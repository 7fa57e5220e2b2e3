"""What notifications does about every event: write down, for each academy concerned, what it is owed."""

from sqlalchemy import text

from services.notifications.notice import name_told_by, subjects_of
from services.notifications.waking import NEWS
from shared.audit import canonical
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
NAMES = text("select id, ar, fr from name where id = any(cast(:ids as uuid[]))")
# One statement, so that the feed's row locks are held for one round trip. Academies and lanes are locked in one order.
TELL = text("""
    with notice as (
        insert into notice (event_id, type, subject, version, time, audience, data, names, correlation, traceparent)
        values (:event_id, :type, :subject, :version, :time, cast(:audience as text[]), cast(:data as jsonb),
            cast(:names as jsonb), :correlation, :traceparent)
        on conflict (event_id) do nothing returning event_id, audience
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
        from head join lane using (academy)
        where lane.enabled and (:type <> 'ma.mithaq.endpoint.tested.v1' or lane.endpoint_id = :subject)
        returning endpoint_id
    ), locked as (
        select endpoint_id from lane where endpoint_id in (select endpoint_id from owed) order by endpoint_id for update
    )
    update lane set due_at = case when concurrency = 1 then coalesce(due_at, clock_timestamp())
        else least(due_at, clock_timestamp()) end
    from locked where locked.endpoint_id = lane.endpoint_id
""")


@deliver.on(DomainEvent)
async def tell_academies(tx: Transaction, occurrence: Occurrence[DomainEvent]) -> None:
    """Number the event in the feed of each academy in its audience, and owe it to each of their endpoints."""
    event = occurrence.event
    if name := name_told_by(event):
        await tx.execute(REMEMBER_NAME, dict(zip(("id", "ar", "fr"), name, strict=True)))
    if not occurrence.audience:
        return
    subjects = subjects_of(event)
    known = await tx.execute(NAMES, {"ids": list(subjects)}) if subjects else ()
    names = {str(row.id): {"ar": row.ar, "fr": row.fr} for row in known}
    await tx.execute(
        TELL,
        {
            "event_id": occurrence.id,
            "type": event.type,
            "subject": occurrence.subject,
            "version": occurrence.version,
            "time": occurrence.time,
            "audience": list(occurrence.audience),
            "data": canonical(event.model_dump(mode="json")).decode(),
            "names": canonical(names).decode(),
            "correlation": occurrence.correlation,
            "traceparent": current_traceparent() or occurrence.traceparent,
        },
    )
    tx.after_commit(NEWS.ring)
