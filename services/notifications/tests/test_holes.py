"""A receiver sees a hole: a message says which number was owed before it, whatever the filter leaves out."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from services.notifications import commands, queries
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import OFFICER, OPERATOR, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import receiver
from shared.actor import NATIONAL
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementDrafted, AgreementTextRevised
from shared.events.base import DomainEvent
from shared.events.centers import CenterOpened, CenterPlanned
from shared.web import PageRequest
from tests.fixtures.eventually import eventually

DEAD = "http://127.0.0.1:1/"
ACADEMIES = ("MA-05", "MA-06", "MA-07")
HAPPENS: tuple[type[DomainEvent], ...] = (AgreementDrafted, AgreementTextRevised, CenterPlanned, CenterOpened)
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"types": ["ma.mithaq.center.*"]},
    {"types": ["*.drafted.v1", "*.opened.v1"]},
    {"importance": "attention"},
    {"agreement_types": ["regional"]},
)
WRITERS = 16

Message = tuple[int, int | None]
"""The `sequence` and the `previous_sequence` of a message."""


def holes(received: Sequence[Message]) -> list[int]:
    """The numbers that were owed and never came, as a receiver tells from messages in their order."""
    last, missing = 0, []
    for sequence, previous in received:
        if previous is not None and previous > last:
            missing.append(previous)
        last = sequence
    return missing


async def owed(database: Database, endpoint: UUID) -> list[Message]:
    """What an endpoint is owed, in order."""
    query = "select sequence, previous from delivery where endpoint_id = :endpoint order by sequence"
    return [(row.sequence, row.previous) for row in await rows(database, query, endpoint=endpoint)]


async def test_no_filter_no_batch_and_no_other_writer_makes_a_hole_and_what_is_lost_makes_one(
    database: Database, settings: NotificationsSettings
) -> None:
    random = Random(11)
    endpoints = []
    for academy in ACADEMIES:
        for wanted in FILTERS:
            one = (await registered(database, settings, DEAD, academy=academy)).endpoint.id
            await commands.subscribe(database, Subscribe(**wanted, endpoint_id=one), by=OPERATOR)
            endpoints.append(one)
    batches = [
        [
            happening(
                (event := random.choice(HAPPENS)).model_validate(event.example),
                audience=random.sample(ACADEMIES, random.randint(1, len(ACADEMIES))),
            )
            for _ in range(random.choice((1, 1, 3, 8)))
        ]
        for _ in range(WRITERS * 4)
    ]

    async def write(mine: Sequence[Any]) -> None:
        for batch in mine:
            async with database.transaction(NATIONAL) as tx:
                await tell_concerned(tx, batch)

    await asyncio.gather(*(write(batches[number::WRITERS]) for number in range(WRITERS)))
    left_out = 0
    for one in endpoints:
        messages = await owed(database, one)
        assert len(messages) > 5
        assert [previous for _, previous in messages] == [0, *(sequence for sequence, _ in messages[:-1])]
        assert holes(messages) == []
        for lost, (sequence, _) in enumerate(messages[:-1]):
            assert holes(messages[:lost] + messages[lost + 1 :]) == [sequence]
        left_out += messages[-1][0] - len(messages)
    assert left_out > 100, "the academies' own numbers have gaps for who filters"


async def test_a_message_says_the_same_however_often_it_is_sent(
    database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        one = (await registered(database, settings, academy.url)).endpoint.id
        await commands.subscribe(database, Subscribe(types=["ma.mithaq.center.*"], endpoint_id=one), by=OFFICER)
        opened = [happening(CenterOpened.model_validate(CenterOpened.example)) for _ in range(2)]
        drafted = happening(AgreementDrafted.model_validate(AgreementDrafted.example))
        since = now() - timedelta(hours=1)
        await told(database, opened[0], drafted, opened[1])
        async with sending():
            await eventually(lambda: _arrived(academy.received, 2))
            await eventually(lambda: _settled(database))
            second = await rows(database, "select id from delivery where sequence = 3")
            await commands.redeliver(database, second[0].id, by=OFFICER)
            await eventually(lambda: _arrived(academy.received, 3))
            await eventually(lambda: _settled(database))
            await commands.replay_feed(database, one, since=since, until=now(), by=OFFICER)
            await eventually(lambda: _arrived(academy.received, 6))
            await eventually(lambda: _settled(database))
    bodies = [body for _, body in academy.received]
    said = [(each["sequence"], each.get("previous_sequence")) for each in map(json.loads, bodies)]
    # What a replay adds was never owed before: it follows what the replay sends before it.
    assert said == [(1, 0), (3, 1), (3, 1), (1, 0), (2, 1), (3, 1)]
    assert bodies[1] == bodies[2] == bodies[5]
    assert bodies[0] == bodies[3]
    page = PageRequest(None, None, 10)  # type: ignore[arg-type]
    attempts, _ = await queries.delivery_attempts(database, second[0].id, language="fr", page=page, by=OFFICER)
    assert {each.body for each in attempts} == {bodies[1].decode()}


async def test_what_an_endpoint_was_not_owed_while_it_was_disabled_is_no_hole(
    database: Database, settings: NotificationsSettings
) -> None:
    one = (await registered(database, settings, DEAD)).endpoint.id
    since = now() - timedelta(hours=1)
    await told(database, happening())
    await commands.disable_endpoint(database, one, by=OPERATOR)
    await told(database, happening(), happening())
    await commands.enable_endpoint(database, one, by=OPERATOR)
    await told(database, happening())
    assert await owed(database, one) == [(1, 0), (4, 1)]
    await commands.recover_missed(database, one, since=since, by=OPERATOR)
    messages = await owed(database, one)
    assert messages == [(1, 0), (2, 1), (3, 2), (4, 1)]
    assert holes(messages) == []
    assert holes([messages[0], *messages[2:]]) == [2], "what is recovered shows its holes too"
    later = [row.told_at for row in await rows(database, "select told_at from feed_entry where sequence = 3")]
    another = (await registered(database, settings, DEAD)).endpoint.id
    await commands.replay_feed(database, another, since=later[0], until=now(), by=OPERATOR)
    assert await owed(database, another) == [(3, None), (4, 3)], "what came before the period is not known"


async def _arrived(received: Sequence[Any], number: int) -> bool:
    return len(received) == number


async def _settled(database: Database) -> bool:
    return await rows(database, "select count(*) from delivery where state = 'waiting'") == [(0,)]
