"""Reminders: days before and after dates that events announced, once for each, also after an outage."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.notifications.notice import wording
from services.notifications.tests.builders import actor, happening, notice, person, published, rows, told
from services.notifications.tests.conftest import Reads
from services.notifications.triggers import remind, triggers
from shared.actor import NATIONAL, Role
from shared.database import Database
from shared.events.agreements import (
    AgreementDrafted,
    AgreementParty,
    AgreementSigned,
    AgreementTerminated,
    CeremonyClosed,
    CeremonyMinutesAdopted,
    CeremonyPlanned,
    CeremonyPostponed,
    CeremonyRescheduled,
)
from shared.events.base import DomainEvent
from shared.events.catalog import BY_TYPE
from shared.events.notifications import ReminderFellDue
from shared.ids import new_id
from shared.language import LANGUAGES

ENDS = date(2027, 8, 31)


def example(event: type[DomainEvent], **changes: Any) -> DomainEvent:
    """The event's example, changed."""
    return event.model_validate(event.example | changes)


async def signed(database: Database, agreement: UUID | None = None, *, until: date = ENDS) -> UUID:
    """An agreement is signed until a day."""
    agreement = agreement or new_id()
    event = example(AgreementSigned, agreement_id=agreement, effective_until=until)
    await told(database, happening(event, subject=agreement))
    return agreement


async def reminded(database: Database) -> list[tuple[date, int]]:
    """Dates and distances of the reminders given."""
    events = [each.event for each in await published(database) if isinstance(each.event, ReminderFellDue)]
    return [(event.on, event.days) for event in events]


def test_every_trigger_is_set_and_cleared_by_events_that_exist_and_has_its_sentence() -> None:
    for trigger in triggers():
        assert trigger.days and trigger.clear
        for type, field in trigger.set.items():
            assert field in BY_TYPE[type].model_fields
        assert {*trigger.clear} <= {*BY_TYPE}
        event = example(ReminderFellDue, trigger=trigger.name)
        sentences = {notice(event).summary(language) for language in LANGUAGES}
        assert len(sentences) == len(LANGUAGES)
        assert all("…" not in sentence and "{" not in sentence for sentence in sentences)
    assert {key.removeprefix("triggers.") for key in wording().keys("triggers.")} == {each.name for each in triggers()}


async def test_a_date_is_reminded_of_once_for_each_distance(database: Database) -> None:
    await signed(database)
    assert await remind(database, date(2027, 6, 1)) == 0
    assert await remind(database, date(2027, 6, 2)) == 1
    assert await remind(database, date(2027, 6, 2)) == 0
    assert await remind(database, date(2027, 8, 1)) == 1
    assert await remind(database, date(2027, 8, 2)) == 0
    assert await reminded(database) == [(ENDS, -90), (ENDS, -30)]


async def test_after_an_outage_the_nearest_reminder_is_given_alone(database: Database) -> None:
    await signed(database)
    assert await remind(database, date(2027, 8, 20)) == 1
    assert await remind(database, date(2027, 8, 20)) == 0
    assert await reminded(database) == [(ENDS, -30)]


async def test_a_date_that_cannot_be_reminded_of_keeps_no_other_waiting(database: Database) -> None:
    await signed(database)
    assert await remind(database, date(2027, 6, 2)) == 1
    # Its reminder is in the journal and no longer under its id: it cannot be written again.
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update reminder set id = gen_random_uuid()"))
        await tx.execute(text("update announced_date set reminded = null"))
    await signed(database)
    await signed(database)
    assert await remind(database, date(2027, 6, 2)) == 2
    assert await remind(database, date(2027, 6, 2)) == 0
    assert await rows(database, "select count(*) from announced_date where reminded is null") == [(1,)]


async def test_a_date_that_has_passed_is_not_announced_any_more(database: Database) -> None:
    await signed(database)
    assert await remind(database, date(2027, 9, 1)) == 0


async def test_what_ended_is_not_reminded_of(database: Database) -> None:
    agreement = await signed(database)
    await told(database, happening(example(AgreementTerminated, agreement_id=agreement), subject=agreement))
    assert await remind(database, date(2027, 8, 20)) == 0


async def test_a_day_after_is_made_up_for_however_late(database: Database) -> None:
    one, other = new_id(), new_id()
    for ceremony in (one, other):
        event = example(CeremonyClosed, ceremony_id=ceremony, closed_at="2024-09-02T23:30:00Z")
        await told(database, happening(event, subject=ceremony))
    await told(database, happening(example(CeremonyMinutesAdopted, ceremony_id=other), subject=other))
    # Half past midnight in Morocco: the date is the day after the one in UTC.
    assert await remind(database, date(2024, 9, 9)) == 0
    assert await remind(database, date(2025, 1, 1)) == 1
    assert await reminded(database) == [(date(2024, 9, 3), 7)]


@pytest.mark.parametrize("back", [False, True])
async def test_another_date_is_reminded_of_anew_and_the_same_one_is_not(database: Database, back: bool) -> None:
    ceremony = new_id()
    first = "2024-09-10T10:00:00Z"
    await told(database, happening(example(CeremonyPlanned, ceremony_id=ceremony, planned_for=first), subject=ceremony))
    assert await remind(database, date(2024, 9, 9)) == 1
    await told(database, happening(example(CeremonyPostponed, ceremony_id=ceremony), subject=ceremony))
    assert await remind(database, date(2024, 9, 9)) == 0
    again = first if back else "2024-09-11T10:00:00Z"
    event = example(CeremonyRescheduled, ceremony_id=ceremony, planned_for=again)
    await told(database, happening(event, subject=ceremony))
    await remind(database, date(2024, 9, 10))
    assert len(await reminded(database)) == (1 if back else 2)


async def test_a_reminder_reaches_whom_its_subject_concerns(database: Database, reads: Reads) -> None:
    association, agreement = new_id(), new_id()
    manager = actor(Role.association_manager, jurisdiction=f"org:{association}", name="manager")
    stranger = actor(Role.association_manager, jurisdiction=f"org:{new_id()}", name="stranger")
    director = actor(Role.academy_director, name="director")
    for one in (manager, stranger, director):
        await person(database, one)
    parties = [AgreementParty(party_id=new_id(), organisation_id=association, roles=("operator",)).model_dump()]
    drafted = example(AgreementDrafted, agreement_id=agreement, parties=parties)
    await told(database, happening(drafted, subject=agreement))
    await signed(database, agreement)
    await remind(database, date(2027, 8, 20))
    (reminder,) = await published(database)
    await told(database, reminder)
    for one in (manager, director):
        (item,) = await reads(one)
        assert item.summary == "Rappel : la convention AREF-06/2024-0001 prend fin le 31 août 2027."
        assert item.path == f"/agreements/{agreement}"
    assert await reads(stranger) == []
    assert await rows(database, "select count(*) from inbox_item") == [(2,)]
