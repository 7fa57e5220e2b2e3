"""Ceremonies in calendar feeds: where they stand, for how long, and what moves them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.agreements import commands
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    bound,
    current,
    fill,
    officer,
    plan,
    terminate,
)
from services.agreements.tests.feeds import a_feed, events
from shared.clock import now, today
from shared.database import Database


def to_the_second(at: datetime) -> datetime:
    """An instant as a feed tells it."""
    return at.astimezone(UTC).replace(microsecond=0)


async def test_a_ceremony_takes_its_time_at_its_place(as_: Any, http: httpx.AsyncClient, database: Database) -> None:
    ceremony = await plan(database, *[(await approved(database)).id for _ in range(2)])
    await commands.postpone_ceremony(database, ceremony.id, reason="r", by=MINISTRY)
    paths = {language: await a_feed(as_, officer(), language=language) for language in ("ar", "fr", "en")}
    uid = f"ceremony-{ceremony.id}@mithaq"
    assert uid not in await events(http, paths["fr"]), "it waits for its date"
    at = now() + timedelta(days=3)
    await commands.reschedule_ceremony(database, ceremony.id, planned_for=at, by=MINISTRY)
    told = {language: (await events(http, path))[uid] for language, path in paths.items()}
    assert {(each.start, each.end) for each in told.values()} == {
        (to_the_second(at), to_the_second(at) + timedelta(hours=2))
    }
    assert {str(each["transp"]) for each in told.values()} == {"OPAQUE"}
    assert {language: str(each["location"]) for language, each in told.items()} == {
        "ar": "الرباط",
        "fr": "Rabat",
        "en": "Rabat",
    }
    assert {language: str(each["summary"]) for language, each in told.items()} == {
        "ar": "\u2068حفل التوقيع (وهمي)\u2069 (عدد الاتفاقيات: \u20682\u2069)",
        "fr": "Cérémonie de signature (fictif) (conventions : 2)",
        "en": "Cérémonie de signature (fictif) (agreements: 2)",
    }


async def test_what_moves_is_told_as_the_same_appointment_revised_since_it_moved(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=100)))
    ceremony = await plan(database, (await approved(database)).id)
    path = await a_feed(as_, officer())

    async def put_off(days: int) -> None:
        await commands.postpone_ceremony(database, ceremony.id, reason="r", by=MINISTRY)
        at = now() + timedelta(days=days)
        await commands.reschedule_ceremony(database, ceremony.id, planned_for=at, by=MINISTRY)

    await put_off(10)
    before, asked_at = await events(http, path), now()
    assert await events(http, path) == before, "nothing moved"
    await put_off(20)
    await terminate(database, agreement, notified_on=today(), effective_on=today() + timedelta(days=40))
    after = await events(http, path)
    for uid in (f"ceremony-{ceremony.id}@mithaq", f"expiry-{agreement.id}@mithaq"):
        old, new = before[uid], after[uid]
        assert new.start != old.start and new["sequence"] > old["sequence"]
        assert old["dtstamp"].dt <= asked_at and to_the_second(asked_at) <= new["dtstamp"].dt <= now()


@pytest.mark.parametrize(("days", "is_shown"), [(1, True), (-40, False)])
async def test_an_opened_ceremony_stands_where_it_began_and_one_that_is_closed_where_it_ended(
    as_: Any, http: httpx.AsyncClient, database: Database, days: int, is_shown: bool
) -> None:
    ceremony = await plan(database, (await approved(database)).id)
    await commands.postpone_ceremony(database, ceremony.id, reason="r", by=MINISTRY)
    planned_for = now() + timedelta(days=days)
    await commands.reschedule_ceremony(database, ceremony.id, planned_for=planned_for, by=MINISTRY)
    path, uid = await a_feed(as_, officer()), f"ceremony-{ceremony.id}@mithaq"
    await fill(database, ceremony)
    waiting = (await events(http, path)).get(uid)
    assert (waiting and waiting.start) == (to_the_second(planned_for) if is_shown else None), "it has not begun"
    ceremony = await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    assert ceremony.opened_at
    began = to_the_second(ceremony.opened_at)
    told = (await events(http, path))[uid]
    assert (told.start, told.end) == (began, began + timedelta(hours=2))
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    told = (await events(http, path))[uid]
    assert told.start == began and began < told.end < began + timedelta(hours=2)
