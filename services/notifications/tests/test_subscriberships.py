"""How many people subscribe to the same is said as a number, and means what the decision that tells would do."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications import commands
from services.notifications.errors import TooManySubscriptions
from services.notifications.kinds import IMPORTANCE
from services.notifications.preferences import Preferences
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.subscribership import asked_by
from services.notifications.telling import LISTS, Happening, PersonTold, Rule, told
from services.notifications.tests.builders import (
    AT,
    FOREIGNER,
    OFFICER,
    URL,
    WAITS_FOR_OTHERS,
    person,
    published,
    registered,
    rows,
)
from services.notifications.tests.conftest import Reads
from shared.actor import Actor, Role
from shared.database import Database
from shared.events.notifications import SubscribershipCounted, Wanted
from shared.ids import new_id
from shared.subscribing import FORETOLD, unmet
from tests.fixtures.eventually import eventually

DIRECTOR = Actor("https://identity.example", "director", frozenset({Role.academy_director}), "MA-06")
RESTS = "ma.mithaq.agreement.suspended.v1"
HANDED = "ma.mithaq.center.handover_started.v1"
Said = tuple[str, tuple[Wanted, ...], int]


async def said(database: Database) -> list[Said]:
    """All that was said of it since the beginning; counting again says nothing more."""
    await commands.count_subscribers(database)
    assert await commands.count_subscribers(database) == 0
    events = [each.event for each in await published(database)]
    return [(each.jurisdiction, each.wanted, each.people) for each in events if isinstance(each, SubscribershipCounted)]


async def test_those_who_ask_for_the_same_are_one_number_and_nobody_is_named(database: Database) -> None:
    for by in (OFFICER, DIRECTOR, FOREIGNER):
        await commands.subscribe(database, Subscribe(types=["*.handover_started.v1"]), by=by)
    wanted = (Wanted(types=(HANDED,)),)
    assert {*await said(database)} == {("MA-06", wanted, 2), ("MA-05", wanted, 1)}


async def test_the_first_count_after_an_upgrade_says_it_of_all_who_subscribed_before(database: Database) -> None:
    first = await commands.subscribe(database, Subscribe(types=["*.handover_started.v1"]), by=OFFICER)
    await commands.end_subscription(database, first, by=OFFICER)
    await commands.subscribe(database, Subscribe(types=["*.suspended.v1"], academies=["MA-06"]), by=OFFICER)
    (only,) = await said(database)
    assert only == ("MA-06", (Wanted(types=(RESTS, "ma.mithaq.center.suspended.v1"), academies=("MA-06",)),), 1)


async def test_who_asks_for_something_else_moves_away_or_asks_no_more_is_one_less(
    database: Database, reads: Reads
) -> None:
    wanted = Subscribe(types=["*.handover_started.v1"])
    for by in (OFFICER, DIRECTOR):
        await commands.subscribe(database, wanted, by=by)
    made = await commands.subscribe(database, wanted, by=FOREIGNER)
    before = await said(database)
    same = (Wanted(types=(HANDED,)),)
    await commands.end_subscription(database, made, by=FOREIGNER)
    await commands.subscribe(database, Subscribe(types=[RESTS]), by=DIRECTOR)
    news = (await said(database))[len(before) :]
    both = (Wanted(types=(RESTS, HANDED)),)
    assert sorted(news, key=str) == sorted([("MA-05", same, 0), ("MA-06", same, 1), ("MA-06", both, 1)], key=str)
    await reads(Actor(OFFICER.issuer, OFFICER.subject, OFFICER.roles, "MA-05"))
    moved = (await said(database))[len(before) + len(news) :]
    assert sorted(moved, key=str) == [("MA-05", same, 1), ("MA-06", same, 0)]


async def test_what_is_not_foretold_or_is_told_in_no_way_is_not_said(database: Database) -> None:
    await commands.subscribe(database, Subscribe(types=["*.signed.v1"]), by=OFFICER)
    await person(database, DIRECTOR, inbox="off", email="off")
    await commands.subscribe(database, Subscribe(types=["*.handover_started.v1"]), by=DIRECTOR)
    await person(database, FOREIGNER, inbox="off", email="weekly", address="lecteur@exemple.example")
    await commands.subscribe(database, Subscribe(types=["*.handover_started.v1"]), by=FOREIGNER)
    assert await said(database) == [("MA-05", (Wanted(types=(HANDED,)),), 1)], "later is told too"


async def test_a_person_has_so_many_subscriptions_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifications.commands.subscriptions.MOST", 2)
    first, _ = [await commands.subscribe(database, Subscribe(), by=OFFICER) for _ in range(2)]
    with pytest.raises(TooManySubscriptions):
        await commands.subscribe(database, Subscribe(), by=OFFICER)
    await commands.end_subscription(database, first, by=OFFICER)
    await commands.subscribe(database, Subscribe(), by=OFFICER)


@pytest.mark.parametrize("whose", ["an endpoint's", "a person's"])
async def test_who_asks_twice_at_once_has_no_more_subscriptions_than_who_waits(
    database: Database, settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setattr("services.notifications.commands.subscriptions.MOST", 2)
    one = (await registered(database, settings, URL)).endpoint.id if whose == "an endpoint's" else None
    wanted = Subscribe(endpoint_id=one)
    await commands.subscribe(database, wanted, by=OFFICER)
    async with database.transaction(OFFICER.scope) as tx:
        await commands.subscribe(tx, wanted, by=OFFICER)
        at_once = asyncio.create_task(commands.subscribe(database, wanted, by=OFFICER))
        await eventually(lambda: rows(database, WAITS_FOR_OTHERS))
    with pytest.raises(TooManySubscriptions):
        await at_once


def some_of(*values: str) -> Any:
    """A condition: some of these, or none."""
    return st.lists(st.sampled_from(values), max_size=2).map(tuple)


ORG = f"org:{UUID(int=1)}"
TYPES = ("*", "ma.mithaq.agreement.*", "*.suspended.v1", HANDED, "*.withdrawn.v1", "*.signed.v1")
RULES = st.builds(
    Rule,
    id=st.builds(new_id),
    types=some_of(*TYPES),
    academies=some_of("MA-06", "MA-05"),
    provinces=some_of("MA-CAS", "MA-TNG"),
    agreement_types=some_of("regional", "central"),
    parties=some_of(ORG, "org:other"),
    importance=st.sampled_from(IMPORTANCE),
)
PREFERENCES = st.builds(
    Preferences,
    inbox=st.sampled_from(["off", "immediate"]),
    email=st.sampled_from(["off", "immediate", "daily", "weekly"]),
    address=st.sampled_from([None, "lecteur@exemple.example"]),
    by_type=st.sampled_from([(), ({"types": "ma.mithaq.center.*", "inbox": "off", "email": "off"},)]),
)


@given(
    st.lists(RULES, max_size=3),
    PREFERENCES,
    st.booleans(),
    st.sampled_from(FORETOLD),
    st.sampled_from(["", "regional"]),
)
def test_what_is_said_fits_an_event_exactly_if_a_subscription_would_tell_of_it(
    rules: list[Rule], preferences: Preferences, suspended: bool, type: str, agreement_type: str
) -> None:
    one = PersonTold(new_id(), "somebody", "national", frozenset({Role.auditor}), preferences, suspended, rules)
    region = frozenset({"MA-06"})
    reach = region | {"national", ORG}
    event = Happening(
        type, new_id(), region, reach, frozenset({"MA-CAS"}), "other", agreement_type=agreement_type or None
    )
    would = any(each.told and each.rule for each in told(event, one, AT))
    assert any(not [*unmet(each, event)] for each in asked_by(one)) == would


def test_a_subscription_is_said_with_every_condition_there_is() -> None:
    assert {*Wanted.model_fields} == {*LISTS}
