"""The database is what the tables say."""

import asyncio
from collections.abc import Callable

from sqlalchemy import text

from services.agreements.tables import SEEN_BY, Base
from shared.actor import NATIONAL
from shared.database import Database
from shared.migrations import drift


def test_the_tables_are_the_database(database_url: Callable[[str], str]) -> None:
    assert drift(database_url("agreements"), Base.metadata, SEEN_BY) == []


async def test_a_policy_that_lets_others_see_is_a_difference(database_url: Callable[[str], str]) -> None:
    url = database_url("agreements")
    owner = Database(url, role=None)
    try:
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("alter policy jurisdiction on thread using (true)"))
            await tx.execute(text("create policy everybody on mandate for select using (true)"))
            await tx.execute(text("alter table calendar no force row level security"))
    finally:
        await owner.dispose()
    found = await asyncio.to_thread(drift, url, Base.metadata, SEEN_BY)
    assert {str(each).split("'")[1] for each in found} == {"thread", "mandate", "calendar"}
