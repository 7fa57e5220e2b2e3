"""What academies are owed: numbered without gaps, in one transaction, within their jurisdiction."""

import asyncio
from datetime import date

from sqlalchemy import text

from services.notifications import commands
from services.notifications.bounces import note_bounce
from services.notifications.letters import give_up, log_attempt
from services.notifications.outcome import Outcome
from services.notifications.people import code_of, own_scope
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tables import Base
from services.notifications.tests.builders import FOREIGNER, OFFICER, actor, happening, person, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.triggers import remind
from shared.actor import EVERYONE, NATIONAL, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import (
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementDrafted,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementSuspended,
)
from shared.ids import new_id
from shared.territory import ACADEMY_CODES
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"


async def test_a_national_event_reaches_all_twelve_academies(
    database: Database, settings: NotificationsSettings
) -> None:
    for academy in ACADEMY_CODES:
        await registered(database, settings, DEAD, academy=academy)
    await told(database, happening(audience=ACADEMY_CODES))
    owed = await rows(database, "select academy, sequence from delivery order by academy")
    assert owed == [(academy, 1) for academy in ACADEMY_CODES]


async def test_what_concerns_no_academy_is_told_to_none(database: Database, settings: NotificationsSettings) -> None:
    await registered(database, settings, DEAD)
    await told(database, happening(audience=()))
    assert await rows(database, "select reach from notice") == [(["national"],)]
    assert await rows(database, "select academy from feed_entry union all select academy from delivery") == []


async def test_the_same_event_twice_is_told_once(database: Database, settings: NotificationsSettings) -> None:
    await registered(database, settings, DEAD)
    event = happening()
    await told(database, event, event)
    assert await rows(database, "select sequence from feed_entry") == [(1,)]
    assert await rows(database, "select count(*) from delivery") == [(1,)]
    assert await rows(database, "select last from feed_head") == [(1,)]


async def test_events_taken_together_are_told_as_each_alone_would_be(
    database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, DEAD)
    await registered(database, settings, DEAD, academy="MA-05")
    chair = await person(database, OFFICER, email="daily", address="agent@academie.example")
    agreement, elsewhere = new_id(), new_id()
    submitted = AgreementSubmittedForReview(agreement_id=agreement, academy="MA-06")
    approved = AgreementApproved(agreement_id=agreement, reference="AREF-06/2024-0001", text_hash="0" * 64)
    story = [
        happening(submitted, subject=agreement),
        happening(audience=("MA-05", "MA-06")),
        happening(subject=elsewhere, audience=("MA-05",)),
        happening(approved, subject=agreement),
    ]
    await commands.subscribe(database, Subscribe(types=["*.agreement.*"]), by=OFFICER)
    await told(database, story[1])
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, story)
    feeds = await rows(database, "select academy, array_agg(event_id order by sequence) from feed_entry group by 1")
    assert dict(map(tuple, feeds)) == {
        "MA-05": [story[1].id, story[2].id],
        "MA-06": [story[1].id, story[0].id, story[3].id],
    }
    owed = await rows(database, "select academy, sequence, event_id from delivery order by 1, 2")
    assert owed == await rows(database, "select academy, sequence, event_id from feed_entry order by 1, 2")
    letters = await rows(database, "select count(distinct letter_id), count(*) from letter_line")
    assert letters == [(1, 3)], "a day's digest is one letter"
    items = "select event_id, settled_at is not null as done from inbox_item where person_id = :chair"
    done = {row.event_id: row.done for row in await rows(database, items, chair=chair)}
    assert done == {story[0].id: True, story[1].id: False, story[3].id: False}, "approving settles what was submitted"


async def test_sixteen_writers_leave_no_gap_and_commit_in_the_order_of_the_numbers(database: Database) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(8):
            await told(database, happening(audience=("MA-05", "MA-06")))

    async def read() -> None:
        while not done.is_set() or len(seen) < 128:
            last = seen[-1] if seen else 0
            query = "select sequence from feed_entry where academy = 'MA-06' and sequence > :last order by sequence"
            seen.extend(row.sequence for row in await rows(database, query, last=last))

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write() for _ in range(16)))
    done.set()
    await asyncio.wait_for(reader, 10)
    assert seen == list(range(1, 129))


async def test_row_level_security_hides_other_regions_without_any_permission_check(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    await registered(database, settings, DEAD, academy="MA-06")
    me = await person(database, OFFICER, email="immediate", address="agent@academie.example")
    await commands.subscribe(database, Subscribe(types=["*.agreement.*"]), by=OFFICER)
    drafted = AgreementDrafted.model_validate(AgreementDrafted.example)
    approved = AgreementApproved(agreement_id=new_id(), reference="AREF-06/2024-0001", text_hash="0" * 64)
    signed = AgreementSigned.model_validate(AgreementSigned.example)
    suspended = AgreementSuspended.model_validate(AgreementSuspended.example)
    await told(database, *(happening(event, at=now()) for event in (drafted, approved, signed, suspended)))
    await commands.make_known(database, language="fr", by=actor(Role.academy_officer, name="colleague"))
    await commands.count_readers(database)
    await commands.count_subscribers(database)
    await remind(database, date(2027, 8, 1))
    async with database.transaction(NATIONAL) as tx:
        statutory = "select letter_id from letter_line join notice using (event_id) where type like '%.suspended.v1'"
        letter = (await tx.execute(text(statutory))).scalar_one()
        await log_attempt(tx, letter, Outcome("refused", "mail_refused", 550), milliseconds=1)
        await give_up(tx, letter, "refused")
        await note_bounce(tx, letter, "5.1.1", "no such user", most=3)
    async with sending():
        await eventually(lambda: rows(database, "select id from attempt"))
    protected = {table for (table,) in await rows(database, "select relname from pg_class where relforcerowsecurity")}
    assert protected == {"journal", *Base.metadata.tables}
    personal = {"person", "inbox_item", "letter", "letter_line", "bounce"}
    # Names, circles and dates are of all regions: only national work reads them.
    gathered = {"name", "circle", "announced_date"}
    everything = protected
    of_academy = everything - personal - gathered - {"rule"}
    mine = code_of(me)
    for scope, seen in (
        (NATIONAL, everything),
        ({"MA-06", EVERYONE}, of_academy),
        (own_scope(OFFICER), of_academy | personal | {"rule"}),
        ({mine}, personal | {"rule", "letter_attempt"}),
        # A national person's own rows, and no other's, whatever the nation may see.
        ({"national", code_of(new_id())}, {"notice", *gathered}),
        (own_scope(FOREIGNER), set[str]()),
        ({"org:1"}, set[str]()),
        (set[str](), set[str]()),
    ):
        async with database.transaction(frozenset(scope)) as tx:
            for table in protected:
                found = (await tx.execute(text(f"select 1 from {table}"))).all()
                assert bool(found) == (table in seen), (table, scope)


async def test_a_name_told_by_one_event_is_used_in_the_next(database: Database) -> None:
    agreement = new_id()
    approved = AgreementApproved(agreement_id=agreement, reference="AREF-06/2024-0001", text_hash="0" * 64)
    later = AgreementCameIntoForce.model_validate(AgreementCameIntoForce.example | {"agreement_id": agreement})
    await told(database, happening(approved, audience=()), happening(later))
    names = (await rows(database, "select names from notice where audience <> '{}'"))[0].names
    assert names == {str(agreement): {"ar": "AREF-06/2024-0001", "fr": "AREF-06/2024-0001"}}
