"""Triggers: dates that events announced, kept so that people are reminded of them when time says so."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from services.notifications.reminder import Reminder
from services.notifications.tables import REMINDERS, ReminderRow
from shared.actor import NATIONAL, SYSTEM
from shared.clock import business_date
from shared.database import Database, Transaction
from shared.events.base import DomainEvent, Occurrence
from shared.messaging.retrying import passes_by_itself

log = structlog.get_logger(__name__)

KEEP = text("""
    insert into announced_date (subject, trigger, "on", audience)
    values (:subject, :trigger, :on, cast(:audience as text[]))
    on conflict (subject, trigger) do update set "on" = excluded."on", audience = excluded.audience,
        reminded = case when announced_date."on" = excluded."on" then announced_date.reminded end
""")
CLEAR = text("delete from announced_date where subject = :subject and trigger = any(cast(:triggers as text[]))")
DUE = text("""
    select "on", subject from announced_date
    where trigger = :trigger and "on" between :first and :last and (reminded is null or reminded < :days)
        and ("on", subject) > (:on, cast(:subject as uuid))
    order by "on", subject limit 200
""")
REMINDED = text("""
    update announced_date set reminded = :days
    where subject = :subject and trigger = :trigger and "on" = :on and (reminded is null or reminded < :days)
    returning audience
""")
FAR = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A date and how far from it people are reminded (days, negative before it)."""

    name: str
    days: tuple[int, ...]
    set: Mapping[str, str]
    clear: tuple[str, ...]

    @property
    def subject_type(self) -> str:
        """The kind of aggregate whose date it is."""
        return next(iter(self.set)).split(".")[2]


@cache
def triggers() -> tuple[Trigger, ...]:
    """All of triggers.toml."""
    told = tomllib.loads(Path(__file__).with_name("triggers.toml").read_text("utf-8"))
    return tuple(
        Trigger(name, tuple(sorted(facts["days"])), facts["set"], tuple(facts["clear"])) for name, facts in told.items()
    )


async def follow_dates(tx: Transaction, occurrence: Occurrence[DomainEvent]) -> None:
    """Keep the dates that an event announces, and let go of those that no longer count."""
    type = occurrence.event.type
    if cleared := [each.name for each in triggers() if type in each.clear]:
        await tx.execute(CLEAR, {"subject": occurrence.subject, "triggers": cleared})
    for trigger in triggers():
        if (field := trigger.set.get(type)) and (value := getattr(occurrence.event, field)) is not None:
            on = business_date(value) if isinstance(value, datetime) else value
            kept: dict[str, Any] = {"subject": occurrence.subject, "trigger": trigger.name, "on": on}
            await tx.execute(KEEP, kept | {"audience": list(occurrence.audience)})


async def remind(database: Database, today: date) -> int:
    """Give every reminder that is due, each once; gives how many.

    What an outage missed is made up for: of several distances the nearest. Before a date, as long as it has not passed.
    """
    given = 0
    for trigger in triggers():
        # The nearest first: it says all that the farther ones would.
        for days in reversed(trigger.days):
            last = today - timedelta(days=days)
            first = today if days < 0 else last - FAR
            given += await _remind(database, trigger, days, first, last)
    return given


async def _remind(database: Database, trigger: Trigger, days: int, first: date, last: date) -> int:
    given, on, subject = 0, first, UUID(int=0)
    asked: dict[str, Any] = {"trigger": trigger.name, "days": days, "first": first, "last": last}
    while True:
        async with database.transaction(NATIONAL) as tx:
            due = (await tx.execute(DUE, asked | {"on": on, "subject": subject})).all()
        if not due:
            return given
        for on, subject in due:
            try:
                given += await _give(database, trigger, days, on, subject)
            except Exception as error:
                if passes_by_itself(error):
                    raise
                # One in trouble must not keep the others waiting.
                log.exception("cannot remind", trigger=trigger.name, subject=str(subject))


async def _give(database: Database, trigger: Trigger, days: int, on: date, subject: UUID) -> bool:
    reminder = Reminder(id=Reminder.id_of(subject, trigger.name, on, days))
    async with database.transaction(NATIONAL) as tx:
        due: dict[str, Any] = {"days": days, "subject": subject, "trigger": trigger.name, "on": on}
        row = (await tx.execute(REMINDED, due)).first()
        # A date may have been another one for a while: of this one they were reminded before.
        if row is None or await tx.get(ReminderRow, reminder.id):
            return False
        events = reminder.fall_due(
            trigger=trigger.name,
            subject_type=trigger.subject_type,
            subject=subject,
            on=on,
            days=days,
            audience=tuple(row.audience),
        )
        await REMINDERS.record(tx, reminder, events, by=SYSTEM)
    return True
