"""The people whom the preview of a suspension or termination counts are as many as are then told, whatever they asked.

Their subscriptions and preferences are of all kinds; some asked for it once and ask no more, some are told in any case.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import text

from services.agreements import reactions as of_agreements
from services.agreements.agreement import Agreement
from services.agreements.impact import Impact
from services.agreements.kinds import KINDS, Kind
from services.agreements.tests.branches import propose, revise
from services.agreements.tests.builders import bound, current_network, party
from services.notifications import commands
from services.notifications.preferences import Preferences
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from shared.actor import NATIONAL, Actor, Role
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.messaging.tables import JournalRow
from shared.subscribing import FORETOLD
from shared.territory import ACADEMIES, directorates_of
from tests.fixtures.database import Databases
from tests.journeys.test_impact import World, a_life, decide, news_of, occurrence_of

TYPES: tuple[list[str], ...] = (
    [],
    ["*.suspended.v1"],
    ["ma.mithaq.agreement.*"],
    ["ma.mithaq.agreement.terminated.v1", "*_announced.v1"],
    ["ma.mithaq.center.*"],
    ["*.handover_started.v1", "*.abandoned.v1"],
    ["*.withdrawn.v1"],
    ["*.signed.v1"],
)


@pytest.fixture
async def world(databases: Databases) -> World:
    """Both services, empty."""
    return World(await databases("agreements"), await databases("centers"))


@pytest.fixture
async def notifications(databases: Databases) -> Database:
    """Who tells, empty."""
    return await databases("notifications")


def reader(home: str, name: str) -> Actor:
    """Somebody who looks on: nothing is their work."""
    return Actor("https://identity.example", name, frozenset({Role.auditor}), home)


def preferred(chance: random.Random) -> Preferences:
    """At once, later, in one way or in none."""
    by_type = [{"types": chance.choice(["*.suspended.v1", "ma.mithaq.center.*"]), "inbox": "off", "email": "off"}]
    return Preferences(
        language="fr",
        inbox=chance.choice(["immediate", "off"]),
        email=chance.choice(["off", "immediate", "daily"]),
        address=chance.choice([None, "lecteur@exemple.example"]),
        by_type=chance.choice([[], by_type]),
    )


def conditions(chance: random.Random, agreement: Agreement) -> dict[str, Any]:
    """What fits the agreement, and what does not, in every respect."""
    asked: dict[str, Any] = {
        "types": chance.choice(TYPES),
        "importance": chance.choice(["information", "attention", "urgent"]),
    }
    about: dict[str, tuple[Any, Any]] = {
        "academies": (agreement.academy or "MA-06", "MA-05"),
        "provinces": (agreement.centers[0].province if agreement.centers else "MA-CAS", "MA-TNG"),
        "agreement_types": (agreement.agreement_type, "central"),
        "parties": (agreement.parties[1].organisation_id, new_id()),
    }
    narrow = {name: [chance.choice(values)] for name, values in about.items() if chance.random() < 0.2}
    return asked | narrow


async def populate(notifications: Database, chance: random.Random, agreement: Agreement, homes: Sequence[str]) -> None:
    """At each home one who asks for nothing, and some who ask for this and that, or did once."""
    for home in homes:
        await commands.make_known(notifications, language="fr", by=reader(home, f"{home}-nothing"))
        for number in range(3):
            by = reader(home, f"{home}-{number}")
            await commands.set_preferences(notifications, preferred(chance), by=by)
            for _ in range(chance.randrange(3)):
                wanted = Subscribe.model_validate(conditions(chance, agreement))
                id = await commands.subscribe(notifications, wanted, by=by)
                if chance.random() < 0.2:
                    await commands.end_subscription(notifications, id, by=by)


async def count(notifications: Database, agreements: Database) -> None:
    """Who is there and who subscribes is counted, and agreements are told."""
    await commands.count_readers(notifications)
    await commands.count_subscribers(notifications)
    for row in await news_of(notifications):
        event = row.event()
        if reaction := of_agreements.follow_endpoints._functions.get(type(event)):
            async with agreements.transaction(NATIONAL) as tx:
                await reaction(tx, occurrence_of(row))


async def told_of(notifications: Database, events: Sequence[UUID]) -> Counter[str]:
    """Where they are at home who have any of these in their inbox or in a letter, each once."""
    found = text("""
        select jurisdiction from person where id in (
            select person_id from inbox_item where event_id = any(:events)
            union select person_id from letter_line where event_id = any(:events)
        )
    """)
    async with notifications.transaction(NATIONAL) as tx:
        return Counter((await tx.execute(found, {"events": list(events)})).scalars())


async def as_many_are_told(
    world: World, notifications: Database, agreement: Agreement, action: str, **how: Any
) -> Impact:
    """Decide, tell everything, and compare; gives what was looked at."""
    await count(notifications, world.agreements)
    databases = world.agreements, world.centers
    before = {row.event_id for each in databases for row in await news_of(each)}
    looked, _ = await decide(world, agreement, action, **how)
    rows = [row for each in databases for row in await news_of(each)]
    for start in range(0, len(rows), 20):
        async with notifications.transaction(NATIONAL) as tx:
            await tell_concerned(tx, [occurrence_of(row) for row in rows[start : start + 20]])
    published = [row for row in rows if row.event_id not in before]
    assert how["ahead"] or {row.type for row in published} <= {*FORETOLD}, "something is published that nobody foretold"
    told = await told_of(notifications, _ids(published))
    assert {each.jurisdiction: each.number for each in looked.people} == told
    return looked


def _ids(published: Sequence[JournalRow]) -> list[UUID]:
    """Those that the decision is cause for: meanwhile time makes other things happen."""
    return [row.event_id for row in published if row.type in FORETOLD]


def _homes(agreement: Agreement, *more: str) -> list[str]:
    offices = [office.code for each in agreement.centers for office in directorates_of(each.province)]
    parties = [f"org:{each.organisation_id}" for each in agreement.parties[1:2]]
    return ["national", "MA-06", "MA-05", *dict.fromkeys([*offices, *parties]), f"org:{new_id()}", *more]


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("action", ["suspend_agreement", "terminate_agreement"])
async def test_as_many_people_are_told_as_the_preview_counts(
    world: World,
    notifications: Database,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    supervised: bool,
    seed: int,
) -> None:
    chance = random.Random(f"people-{action}-{supervised}-{seed}")
    more: dict[str, Any] = {}
    if not supervised:
        kind = KINDS["academy-association"].model_copy(update={"roles": ("granting_authority", "operator")})
        monkeypatch.setitem(cast(dict[str, Kind], KINDS), kind.id, kind)
        operator = new_id()
        academy = party(ACADEMIES["MA-06"].organisation_id, "granting_authority")
        more = {"operator": operator, "parties": (academy, party(operator, "operator"))}
    agreement = await a_life(world, chance, **more)
    newcomer = party(new_id(), "funder")
    branch = await propose(world.agreements, agreement, "parties")
    await revise(world.agreements, branch, parties=(*agreement.parties, newcomer))
    await populate(notifications, chance, agreement, _homes(agreement, f"org:{newcomer.organisation_id}"))
    named = [each.center_id for each in agreement.centers if chance.random() < 0.6]
    scope = chance.choice(["money", "centers", "centers"])
    ahead = chance.random() < 0.5
    looked = await as_many_are_told(
        world,
        notifications,
        agreement,
        action,
        ahead=ahead,
        scope=scope,
        centers=named if scope == "centers" else [],
    )
    assert "MA-05" not in {each.jurisdiction for each in looked.people}, "jurisdiction holds"
    assert all(each.subscribed in (0, each.number) for each in looked.people)


async def test_with_a_framework_as_many_are_told_as_the_preview_counts_of_all_that_follows_it(
    world: World, notifications: Database
) -> None:
    chance = random.Random("people-framework")
    terms = current_network(agreement_kind="framework", effective_from=today() - timedelta(days=250))
    parent = await bound(world.agreements, terms)
    children = [await a_life(world, chance, academy=academy, parent_id=parent.id) for academy in ("MA-06", "MA-04")]
    homes = dict.fromkeys(home for each in children for home in _homes(each))
    await populate(notifications, chance, children[0], [*homes])
    how: dict[str, Any] = {"ahead": False, "scope": None, "centers": []}
    looked = await as_many_are_told(world, notifications, parent, "terminate_agreement", **how)
    assert {"MA-05", "national"} <= {each.jurisdiction for each in looked.people}, "a national text concerns everybody"
    assert any(each.subscribed for each in looked.people)
