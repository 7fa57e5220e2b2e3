"""What academies are owed: numbered without gaps, in one transaction, within their jurisdiction."""

import asyncio

from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import happening, registered, rows, told
from shared.actor import EVERYONE
from shared.database import Database
from shared.events.agreements import AgreementApproved, AgreementCameIntoForce
from shared.ids import new_id
from shared.territory import ACADEMY_CODES

DEAD = "http://127.0.0.1:1/"


async def test_a_national_event_reaches_all_twelve_academies(
    database: Database, settings: NotificationsSettings
) -> None:
    for academy in ACADEMY_CODES:
        await registered(database, settings, DEAD, academy=academy)
    await told(database, happening(audience=ACADEMY_CODES))
    owed = await rows(database, "select academy, sequence from delivery order by academy")
    assert owed == [(academy, 1) for academy in ACADEMY_CODES]


async def test_what_concerns_no_academy_is_told_to_none(database: Database) -> None:
    await told(database, happening(audience=()))
    assert await rows(database, "select * from notice") == []


async def test_the_same_event_twice_is_told_once(database: Database, settings: NotificationsSettings) -> None:
    await registered(database, settings, DEAD)
    event = happening()
    await told(database, event, event)
    assert await rows(database, "select sequence from feed_entry") == [(1,)]
    assert await rows(database, "select count(*) from delivery") == [(1,)]
    assert await rows(database, "select last from feed_head") == [(1,)]


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


async def test_rows_are_seen_within_their_jurisdiction_only(
    database: Database, settings: NotificationsSettings
) -> None:
    await registered(database, settings, DEAD, academy="MA-06")
    await told(database, happening(audience=("MA-06",)))
    tables = ("notice", "feed_head", "feed_entry", "lane", "delivery", "endpoint", "endpoint_secret", "journal")
    for scope, expected in (({"MA-06", EVERYONE}, 1), ({"MA-05", EVERYONE}, 0), ({"org:1"}, 0), (set[str](), 0)):
        async with database.transaction(frozenset(scope)) as tx:
            for table in tables:
                found = (await tx.connection()).exec_driver_sql(f"select count(*) from {table}")
                assert (await found).scalar_one() == expected, (table, scope)


async def test_a_name_told_by_one_event_is_used_in_the_next(database: Database) -> None:
    agreement = new_id()
    approved = AgreementApproved(agreement_id=agreement, reference="AREF-06/2024-0001", text_hash="0" * 64)
    later = AgreementCameIntoForce.model_validate(AgreementCameIntoForce.example | {"agreement_id": agreement})
    await told(database, happening(approved, audience=()), happening(later))
    ((names,),) = await rows(database, "select names from notice")
    assert names == {str(agreement): {"ar": "AREF-06/2024-0001", "fr": "AREF-06/2024-0001"}}
