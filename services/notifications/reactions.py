"""What notifications does about every event: write down who is told of it, and owe it to each of them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.arrival import LOCK_TELLING
from services.notifications.circle import AgreementNotKnown, Circle, agreements_of, concerned, said_by_nobody
from services.notifications.commands.receipts import ask_receipts
from services.notifications.kinds import kinds
from services.notifications.letters import write_letters
from services.notifications.notice import Notice, name_told_by, subjects_of
from services.notifications.recipients import Known, known
from services.notifications.settings import NotificationsSettings
from services.notifications.telling import Channel, Decision, EndpointTold, Happening, Recipient, told
from services.notifications.triggers import follow_dates
from services.notifications.waking import NEWS
from shared import telemetry
from shared.clock import now
from shared.context import acting
from shared.database import Transaction
from shared.events.base import DomainEvent, Occurrence
from shared.messaging.reactions import Reactions
from shared.territory import ACADEMY_CODES, jurisdiction_of

log = structlog.get_logger(__name__)

reactions = Reactions("notifications")
# What a transaction costs by itself is more than what an event costs in it.
deliver = reactions.reaction("deliver", batch=20, pace=0.02, events=(DomainEvent,))

# By their ids, as all who write several of them lock them. Most events call things what they were called before.
REMEMBER_NAMES = text("""
    insert into name (id, ar, fr)
    select id, ar, fr from jsonb_to_recordset(cast(:names as jsonb)) each (id uuid, ar text, fr text) order by id
    on conflict (id) do update set ar = excluded.ar, fr = excluded.fr
    where (name.ar, name.fr) is distinct from (excluded.ar, excluded.fr)
""")
REMEMBER_CIRCLES = text("""
    insert into circle (subject, codes, provinces, agreement_type)
    select subject, codes, provinces, agreement_type from jsonb_to_recordset(cast(:circles as jsonb))
        each (subject uuid, codes text[], provinces text[], agreement_type text) order by subject
    on conflict (subject) do update set codes = excluded.codes, provinces = excluded.provinces,
        agreement_type = coalesce(excluded.agreement_type, circle.agreement_type)
""")
NOTE = text("""
    with notice as (
        insert into notice (event_id, type, subject, version, time, audience, data, names, reach, provinces,
            agreement_type, unheard, actor, correlation, traceparent, summaries)
        select event_id, type, subject, version, "time", audience, data, names, reach, provinces, agreement_type,
            unheard, actor, correlation, traceparent, summaries
        from jsonb_to_recordset(cast(:tellings as jsonb)) each (event_id uuid, type text, subject uuid, version int,
            "time" timestamptz, audience text[], data jsonb, names jsonb, reach text[], provinces text[],
            agreement_type text, unheard text[], actor text, correlation uuid, traceparent text, summaries jsonb)
        on conflict (event_id) do nothing returning event_id
    ), decided as (
        insert into telling (event_id, jurisdiction, told, untold, at)
        select event_id, jurisdiction, told, untold, :at
        from notice join jsonb_to_recordset(cast(:tellings as jsonb)) each (event_id uuid, decisions jsonb)
            using (event_id)
        cross join jsonb_to_recordset(decisions) decision (jurisdiction text, told jsonb, untold jsonb)
    )
    select event_id from notice
""")
# Last and in one statement, so that the feeds' row locks are held as briefly as can be. Academies and lanes are locked
# in one order. What a lane was owed last is read of the locked row: of all others the statement sees what was before it
# waited.
OWE = text("""
    with told as (
        select * from jsonb_to_recordset(cast(:told as jsonb))
            each (event_id uuid, place int, audience text[], endpoints uuid[])
    ), entry as (
        select academy, event_id, row_number() over (partition by academy order by place) as nth,
            count(*) over (partition by academy) as number
        from (select distinct academy, event_id, place from told, unnest(audience) academy) each
    ), head as (
        insert into feed_head as head (academy, last)
        select distinct academy, number from entry order by academy
        on conflict (academy) do update set last = head.last + excluded.last
        returning academy, last
    ), numbered as (
        select academy, event_id, last - number + nth as sequence from entry join head using (academy)
    ), fed as (
        insert into feed_entry (academy, sequence, event_id) select academy, sequence, event_id from numbered
    ), due as (
        select lane.endpoint_id, academy, event_id, sequence
        from numbered join told using (event_id) join lane using (academy) where lane.endpoint_id = any(endpoints)
    ), locked as (
        select endpoint_id, last_owed from lane where endpoint_id in (select endpoint_id from due)
        order by endpoint_id for update
    ), owed as (
        insert into delivery (endpoint_id, academy, event_id, sequence, previous, state, attempts, next_attempt_at)
        select endpoint_id, academy, event_id, sequence,
            lag(sequence, 1, last_owed) over (partition by endpoint_id order by sequence),
            'waiting', 0, clock_timestamp()
        from due join locked using (endpoint_id) order by endpoint_id, sequence
        returning endpoint_id, sequence
    )
    update lane set last_owed = last, due_at = case when concurrency = 1 then coalesce(due_at, clock_timestamp())
        else least(due_at, clock_timestamp()) end
    from (select endpoint_id, max(sequence) as last from owed group by endpoint_id) newest
    where newest.endpoint_id = lane.endpoint_id
""")
# Once for all events that are told together, so that all who lock several items do so in the order of their ids.
LOCK_ITEMS = text("""
    select 1 from inbox_item where subject = any(cast(:subjects as uuid[])) and settled_at is null
    order by id for update
""")
SETTLE = text("""
    update inbox_item set settled_at = :at from notice
    where notice.event_id = inbox_item.event_id and inbox_item.subject = :subject and settled_at is null
        and queue = any(cast(:queues as text[])) and notice.data @> cast(:same as jsonb)
""")
SETTLE_OWN = text("""
    update inbox_item set settled_at = :at from person
    where person.id = person_id and inbox_item.subject = :subject and settled_at is null
        and queue = any(cast(:queues as text[])) and person.jurisdiction = any(cast(:homes as text[]))
""")
PUT_IN_INBOXES = text("""
    insert into inbox_item (person_id, event_id, subject, queue, told_at)
    select person_id, event_id, subject, queue, :at
    from jsonb_to_recordset(cast(:items as jsonb)) each (person_id uuid, event_id uuid, subject uuid, queue text)
""")


@dataclass(frozen=True, slots=True)
class Telling:
    """What is decided about one event."""

    occurrence: Occurrence[DomainEvent]
    happening: Happening
    names: Mapping[str, Any]
    decisions: Sequence[Decision]
    left: frozenset[str]
    """Whom its subject concerns no more: they have nothing left to do about it."""
    seen_since: datetime
    """Who came since then counts as one who hears."""

    @property
    def id(self) -> UUID:
        """The event's."""
        return self.occurrence.id

    @property
    def settles(self) -> bool:
        """Whether work may be done with it."""
        kind = self.happening.kind
        return bool(kind.settles or kind.settles_own or self.left)

    @property
    def unheard(self) -> list[str]:
        """Of a statutory notice, whom it addresses and nobody of whom is told: academies, and the nation.

        Who did not come for long is told, and may have left: nobody says here who did.
        """
        if not self.happening.kind.statutory:
            return []
        addressed = self.happening.audience | ({"national"} if self.happening.addresses("national") else set())
        heard = {each.who.jurisdiction for each in self.decisions if each.told and self._hears(each.who)}
        return sorted(addressed - heard)

    def _hears(self, one: Recipient) -> bool:
        return isinstance(one, EndpointTold) or one.seen_at is None or one.seen_at >= self.seen_since

    def by(self, channel: Channel) -> list[Decision]:
        """Whom it tells on a channel."""
        return [each for each in self.decisions if each.told and each.channel == channel]

    def items(self) -> list[dict[str, Any]]:
        """What it puts into inboxes."""
        about = {"event_id": str(self.id), "subject": str(self.occurrence.subject)}
        return [about | {"person_id": str(each.who.id), "queue": each.queue} for each in self.by("inbox")]

    def row(self) -> dict[str, Any]:
        """The notice and the decisions as JSON values."""
        occurrence, happening = self.occurrence, self.happening
        data = occurrence.event.model_dump(mode="json")
        said = (occurrence.id, occurrence.event.type, occurrence.subject, occurrence.version, occurrence.time)
        notice = Notice(*said, data, self.names)
        return {
            "event_id": str(occurrence.id),
            "type": occurrence.event.type,
            "subject": str(occurrence.subject),
            "version": occurrence.version,
            "time": occurrence.time.isoformat(),
            "audience": list(occurrence.audience),
            "data": data,
            "names": self.names,
            "reach": sorted(happening.codes),
            "provinces": sorted(happening.provinces),
            "agreement_type": happening.agreement_type,
            "unheard": self.unheard,
            "actor": occurrence.actor,
            "correlation": str(occurrence.correlation),
            "traceparent": occurrence.traceparent or telemetry.current_traceparent(),
            "summaries": notice.sentences(),
            "decisions": _by_jurisdiction(self.decisions),
        }


@deliver.batch
async def tell_concerned(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
    """Decide who is told, and owe it to them: numbers in each academy's feed, deliveries, inboxes, letters."""
    # Without the session's layers, as whoever sends: of every event it is asked.
    db = await tx.connection()
    await db.execute(LOCK_TELLING)
    at = now()
    decided = await _decided(db, occurrences, at)
    tellings = to_json([each.row() for each in decided]).decode()
    new = set((await db.execute(NOTE, {"tellings": tellings, "at": at})).scalars())
    fresh = [each for each in decided if each.id in new]
    if done := [each.occurrence.subject for each in fresh if each.settles]:
        await db.execute(LOCK_ITEMS, {"subjects": done})
    items: list[dict[str, Any]] = []
    for each in fresh:
        if each.settles:
            # What was put into inboxes before is settled with the rest, what comes after is not.
            await _put_in_inboxes(db, items, at)
            items = []
        story, name = each.occurrence, f"tell {each.occurrence.event.type}"
        # A batch has a trace of its own; what follows from an event goes on with the event's.
        with (
            acting(correlation_id=story.correlation, causation_id=each.id),
            telemetry.continued(story.traceparent, name, kind=SpanKind.CONSUMER),
        ):
            await _follow(tx, each, at)
        items += each.items()
    await _put_in_inboxes(db, items, at)
    await write_letters(tx, {each.id: each.by("email") for each in fresh}, at)
    await db.execute(OWE, {"told": to_json([_owed(place, each) for place, each in enumerate(fresh)]).decode()})
    tx.after_commit(NEWS.ring)
    tx.after_commit(partial(_count_unheard, fresh))


def _count_unheard(fresh: Sequence[Telling]) -> None:
    """Count the statutory notices of which nobody of an academy, or of the nation, was told: somebody must know.

    A crash just before leaves them uncounted: their rows say it all the same.
    """
    unheard = Counter(code for each in fresh for code in each.unheard)
    _count_from_zero(telemetry.notices_unheard.add)
    for code, number in unheard.items():
        telemetry.notices_unheard.add(number, {"jurisdiction": code})
    for each in fresh:
        if each.unheard:
            about = {"type": each.happening.type, "event_id": str(each.id), "unheard": each.unheard}
            log.error("nobody was told of a statutory notice", **about)


@cache
def _count_from_zero(add: Callable[[int, dict[str, str]], None]) -> None:
    """Of a series that begins with its first one, the increase cannot be seen. Once: counting costs."""
    for code in ("national", *ACADEMY_CODES):
        add(0, {"jurisdiction": code})


@cache
def _hears_for() -> timedelta:
    return timedelta(days=NotificationsSettings().hears_for)


async def _decided(db: AsyncConnection, occurrences: Sequence[Occurrence[DomainEvent]], at: datetime) -> list[Telling]:
    """What is decided about each, one after the other: what one says of its subject holds for the next."""
    found = await _known(db, occurrences)
    names: dict[UUID, Mapping[str, str]] = {}
    circles: dict[UUID, Circle] = {}
    decided = []
    seen_since = at - _hears_for()
    for occurrence in occurrences:
        event = occurrence.event
        if name := name_told_by(event):
            id, ar, fr = name
            found.names[id] = names[id] = {"ar": ar, "fr": fr}
        before = found.circle(concerned(occurrence), agreements_of(occurrence))
        if said_by_nobody(event, before):
            raise AgreementNotKnown()
        if (circle := before.after(event)) is not before:
            found.circles[occurrence.subject] = circles[occurrence.subject] = circle
        left = before.left_by(event)
        happening = Happening.at(occurrence, circle, left)
        inside = [one for code in sorted(happening.codes) for one in found.recipients.get(code, ())]
        decisions = [each for one in inside for each in told(happening, one, at)]
        said = {str(id): found.names[id] for id in subjects_of(event) if id in found.names}
        decided.append(Telling(occurrence, happening, said, decisions, left, seen_since))
    if names:
        told_names = [{"id": str(id), **each} for id, each in names.items()]
        await db.execute(REMEMBER_NAMES, {"names": to_json(told_names).decode()})
    if circles:
        told_circles = [{"subject": str(subject), **asdict(each)} for subject, each in circles.items()]
        await db.execute(REMEMBER_CIRCLES, {"circles": to_json(told_circles).decode()})
    return decided


async def _known(db: AsyncConnection, occurrences: Sequence[Occurrence[DomainEvent]]) -> Known:
    """All that is known of these events: what they themselves say of whom they concern is in no table yet."""
    subjects: set[UUID] = set()
    named: set[UUID] = set()
    codes = {"national"}
    for each in occurrences:
        subjects.update((each.subject, *concerned(each), *agreements_of(each)))
        named.update(subjects_of(each.event))
        codes.update((*each.audience, *Circle().after(each.event).codes))
    return await known(db, subjects, codes, named)


async def _follow(tx: Transaction, telling: Telling, at: datetime) -> None:
    """What else an event is cause for: dates to remind of, receipts to ask for, and work that is done."""
    occurrence, kind = telling.occurrence, telling.happening.kind
    await follow_dates(tx, occurrence)
    if days := kind.receipt:
        await ask_receipts(tx, occurrence.audience, occurrence.id, occurrence.event.type, at=at, days=days)
    if queues := kind.settles:
        data = occurrence.event.model_dump(mode="json")
        same = {field: data[field] for field in kind.same}
        settled = {"subject": occurrence.subject, "queues": list(queues), "same": to_json(same).decode(), "at": at}
        await tx.execute(SETTLE, settled)
    if queues := kind.settles_own:
        organisation: UUID = occurrence.event.organisation_id  # type: ignore[attr-defined]
        await _settle_own(tx, telling, queues, {jurisdiction_of(organisation)}, at)
    if telling.left:
        await _settle_own(tx, telling, kinds().asking, telling.left, at)


async def _put_in_inboxes(db: AsyncConnection, items: Sequence[Mapping[str, Any]], at: datetime) -> None:
    if items:
        await db.execute(PUT_IN_INBOXES, {"items": to_json(items).decode(), "at": at})


async def _settle_own(
    tx: Transaction, telling: Telling, queues: Iterable[str], homes: Iterable[str], at: datetime
) -> None:
    settled = {"subject": telling.occurrence.subject, "queues": sorted(queues), "homes": sorted(homes), "at": at}
    await tx.execute(SETTLE_OWN, settled)


def _owed(place: int, telling: Telling) -> dict[str, Any]:
    endpoints = [str(each.who.id) for each in telling.decisions if each.told and isinstance(each.who, EndpointTold)]
    return {
        "event_id": str(telling.id),
        "place": place,
        "audience": list(telling.occurrence.audience),
        "endpoints": endpoints,
    }


def _by_jurisdiction(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """The decisions as they are kept: each jurisdiction reads its own."""
    kept: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"told": [], "untold": []})
    for each in decisions:
        kept[each.who.jurisdiction]["told" if each.told else "untold"].append(each.facts())
    return [{"jurisdiction": jurisdiction, **lists} for jurisdiction, lists in sorted(kept.items())]
