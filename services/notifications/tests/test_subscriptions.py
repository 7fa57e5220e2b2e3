"""Subscriptions, what they would have told, and the explanation of what was told: one decision, kept as it was."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from services.notifications import commands, queries
from services.notifications.endpoint import Endpoint
from services.notifications.errors import MatchesNothing
from services.notifications.schemas.subscriptions import Conditions, ExplanationAnswer, Subscribe, ToldAnswer
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
    FOREIGNER,
    OFFICER,
    OPERATOR,
    actor,
    happening,
    person,
    registered,
    rows,
    told,
)
from shared.actor import Actor, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import AgreementSigned
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import ALL
from shared.events.centers import CenterOpened
from shared.refusals import Forbidden, NotFound
from shared.territory import ACADEMY_CODES

DEAD = "http://127.0.0.1:1/"
CENTERS = Conditions(types=["ma.mithaq.center.*"])


async def endpoint(database: Database, settings: NotificationsSettings, academy: str = "MA-06") -> Endpoint:
    """A registered endpoint."""
    return (await registered(database, settings, DEAD, academy=academy)).endpoint


async def explained(database: Database, event: UUID, by: Actor = OPERATOR) -> ExplanationAnswer:
    """Who was told of an event."""
    return await queries.explanation(database, event, language="en", by=by)


def recent(event: DomainEvent, **more: Any) -> Occurrence[DomainEvent]:
    """An event of now."""
    occurrence = happening(event, **more)
    return Occurrence(**{name: getattr(occurrence, name) for name in occurrence.__slots__} | {"time": now()})


async def test_an_endpoint_is_told_what_it_subscribed_to_and_everything_again_without(
    database: Database, settings: NotificationsSettings
) -> None:
    one = await endpoint(database, settings)
    subscription = await commands.subscribe(
        database, Subscribe(types=["ma.mithaq.center.*"], endpoint_id=one.id), by=OFFICER
    )
    opened, signed = happening(example(CenterOpened)), happening(example(AgreementSigned))
    await told(database, opened, signed)
    assert await owed(database) == [opened.id]
    await commands.end_subscription(database, subscription, by=OFFICER)
    (later,) = await told(database, happening(example(AgreementSigned)))
    assert await owed(database) == [opened.id, later.id]
    # The feed has all of it in any case.
    assert await rows(database, "select last from feed_head") == [(3,)]


async def test_only_who_keeps_an_endpoint_subscribes_it(database: Database, settings: NotificationsSettings) -> None:
    one = await endpoint(database, settings)
    wanted = Subscribe(endpoint_id=one.id)
    with pytest.raises(NotFound):
        await commands.subscribe(database, wanted, by=FOREIGNER)
    with pytest.raises(Forbidden):
        await commands.subscribe(database, wanted, by=actor(Role.auditor))
    made = await commands.subscribe(database, wanted, by=OPERATOR)
    with pytest.raises(NotFound):
        await commands.end_subscription(database, made, by=FOREIGNER)
    await commands.end_subscription(database, made, by=OFFICER)
    with pytest.raises(NotFound):
        await commands.end_subscription(database, made, by=OFFICER)


async def test_what_somebody_follows_is_nobody_elses_to_end(database: Database) -> None:
    made = await commands.subscribe(database, Subscribe(), by=OFFICER)
    for stranger in (OPERATOR, actor(Role.academy_officer, name="colleague")):
        with pytest.raises(NotFound):
            await commands.end_subscription(database, made, by=stranger)


async def test_a_pattern_that_fits_nothing_is_refused() -> None:
    with pytest.raises(MatchesNothing):
        Subscribe(types=["ma.mithaq.nothing.*"]).conditions()


async def test_a_rehearsal_tells_what_would_have_been_told_and_writes_nothing(
    database: Database, settings: NotificationsSettings
) -> None:
    one = await endpoint(database, settings)
    await person(database, OFFICER)
    foreign = recent(example(CenterOpened), audience=("MA-05",))
    old = happening(example(CenterOpened))
    fits = [recent(example(CenterOpened)) for _ in range(12)]
    await told(database, foreign, old, recent(example(AgreementSigned)), *fits)
    before = await everything(database)
    for by in (OFFICER, OPERATOR):
        answer = await queries.rehearsal(database, CENTERS, endpoint_id=one.id, days=30, language="fr", by=by)
        assert (answer.told, answer.types) == (12, {"ma.mithaq.center.opened.v1": 12})
        assert [each.id for each in answer.samples] == [each.id for each in reversed(fits)][:10]
        assert answer.complete
    own = await queries.rehearsal(database, CENTERS, endpoint_id=None, days=30, language="fr", by=OFFICER)
    assert own.told == 12
    assert (await queries.rehearsal(database, CENTERS, endpoint_id=None, days=1, language="fr", by=FOREIGNER)).told == 1
    assert await everything(database) == before


async def test_a_rehearsal_and_the_telling_that_follows_agree(
    database: Database, settings: NotificationsSettings
) -> None:
    one = await endpoint(database, settings)
    wanted: Any = {"importance": "attention", "types": ["*.agreement.*"]}
    before = [recent(example(event)) for event in ALL]
    await told(database, *before)
    rehearsed = await queries.rehearsal(
        database, Conditions(**wanted), endpoint_id=one.id, days=1, language="fr", by=OFFICER
    )
    await commands.subscribe(database, Subscribe(**wanted, endpoint_id=one.id), by=OFFICER)
    told_again = await told(database, *(recent(example(event)) for event in ALL))
    by_rule = [
        each.why
        for occurrence in told_again
        for each in (await explained(database, occurrence.id)).told
        if each.rule is not None
    ]
    assert rehearsed.told == len(by_rule) > 10


async def test_an_explanation_says_who_was_told_and_who_was_not_and_why(
    database: Database, settings: NotificationsSettings
) -> None:
    all_of_it, some, off = [await endpoint(database, settings) for _ in range(3)]
    await endpoint(database, settings, "MA-05")
    made = await commands.subscribe(database, Subscribe(types=["ma.mithaq.center.*"], endpoint_id=some.id), by=OFFICER)
    await commands.disable_endpoint(database, off.id, by=OPERATOR)
    me = await person(database, OFFICER, email="daily", address="agent@academie.example")
    await told(database, opened := happening(example(CenterOpened)), signed := happening(example(AgreementSigned)))
    await commands.end_subscription(database, made, by=OFFICER)

    found = await explained(database, opened.id, OFFICER)
    assert {(each.recipient, each.channel, each.why, each.rule) for each in found.told} == {
        (all_of_it.id, "webhook", "no_rules", None),
        (some.id, "webhook", "rule", made),
    }
    assert {(each.recipient, each.why) for each in found.not_told} == {(off.id, "disabled"), (me, "no_rule_matches")}
    assert {each.name for each in found.told} == {DEAD}
    assert all(each.reason and each.language in ("ar", "fr") for each in found.told)
    found = await explained(database, signed.id, OFFICER)
    assert (some.id, "no_rule_matches") in {(each.recipient, each.why) for each in found.not_told}
    with pytest.raises(NotFound):
        await explained(database, opened.id, FOREIGNER)


async def test_an_academy_sees_what_became_of_its_own_people_s_letters(
    database: Database, settings: NotificationsSettings
) -> None:
    me = await person(database, OFFICER, email="immediate", address="agent@academie.example")
    await person(database, FOREIGNER, email="immediate", address="autre@academie.example")
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    await commands.subscribe(database, Subscribe(), by=FOREIGNER)
    (both,) = await told(database, happening(audience=("MA-05", "MA-06")))
    one = await endpoint(database, settings)
    await commands.replay_feed(database, one.id, since=now() - timedelta(hours=1), until=now(), by=OFFICER)
    found = await explained(database, both.id, OFFICER)
    assert [
        (each.recipient, each.sending and each.sending.state) for each in found.told if each.channel == "email"
    ] == [(me, "waiting")]
    assert [(each.recipient, each.why, each.name) for each in found.sent_later] == [(one.id, "replayed", DEAD)]
    assert (await explained(database, both.id, FOREIGNER)).sent_later == []


async def test_the_explanation_equals_the_log_for_every_event_of_a_random_run(
    database: Database, settings: NotificationsSettings
) -> None:
    random = Random(7)
    people: list[Actor] = []
    for number in range(10):
        academy = random.choice(ACADEMY_CODES[:4])
        one = await endpoint(database, settings, academy)
        role = random.choice([Role.academy_director, Role.academy_officer, Role.auditor])
        people.append(actor(role, jurisdiction=random.choice([academy, "national"]), name=f"person-{number}"))
        preferences: Any = {
            "inbox": random.choice(["off", "immediate"]),
            "email": random.choice(["off", "immediate", "daily", "weekly"]),
            "address": random.choice([None, f"person-{number}@academie.example"]),
            "language": random.choice(["ar", "fr", "en"]),
        }
        await person(database, people[-1], **preferences)
        for endpoint_id, by in ((one.id, OPERATOR), (None, people[-1])):
            for _ in range(random.randrange(3)):
                wanted: Any = {
                    "types": random.sample(["ma.mithaq.agreement.*", "ma.mithaq.center.*", "*"], random.randrange(3)),
                    "academies": random.sample(ACADEMY_CODES[:4], random.randrange(3)),
                    "importance": random.choice(["information", "attention", "urgent"]),
                }
                await commands.subscribe(database, Subscribe(**wanted, endpoint_id=endpoint_id), by=by)
    happened = [
        happening(
            example(random.choice(ALL)),
            audience=random.sample(ACADEMY_CODES[:5], random.randrange(4)),
            by=random.choice(people).person,
        )
        for _ in range(60)
    ]
    endpoints = [row.id for row in await rows(database, "select id from endpoint order by id")]
    since = now()
    await told(database, *happened[:20])
    for each in endpoints[:4]:
        await commands.disable_endpoint(database, each, by=OPERATOR)
    await told(database, *happened[20:])
    for number, each in enumerate(endpoints[:4]):
        await commands.enable_endpoint(database, each, by=OPERATOR)
        if number:
            await commands.recover_missed(database, each, since=since, by=OPERATOR)
    # One that did not exist then, and one that is sent what its rules left out.
    late = await endpoint(database, settings, ACADEMY_CODES[0])
    for each in (late.id, endpoints[4]):
        await commands.replay_feed(database, each, since=since, until=now(), by=OPERATOR)
    # What waits for its first attempt would not be started over.
    await rows(database, "update delivery set state = 'refused' returning 1")
    # One is sent again by hand, and what one was sent by a recovery is replayed.
    ((resent,),) = await rows(database, "select id from delivery where owed_by = 'recovered' order by id limit 1")
    await commands.replay_feed(database, endpoints[1], since=since, until=now(), by=OPERATOR)
    await commands.redeliver(database, resent, by=OPERATOR)
    await commands.recover_missed(database, endpoints[5], since=since, by=OPERATOR)
    await rows(database, GOES_ON)
    log: dict[UUID, set[tuple[Any, ...]]] = {each.id: set() for each in happened}
    for row in await rows(database, LOG):
        if row.event_id in log:
            log[row.event_id].add(tuple(row)[1:])
    rules: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await rows(database, "select id, coalesce(endpoint_id, person_id) as owner from rule"):
        rules[row.owner].add(row.id)
    owed_by = {row.id: row.owed_by for row in await rows(database, "select id, owed_by from delivery")}
    ways: set[Any] = set()
    told_in_all = later_in_all = 0
    for each in happened:
        found = await explained(database, each.id)
        said = {as_logged(one) for one in (*found.told, *found.sent_later)}
        assert said == log[each.id]
        assert len(said) == len(found.told) + len(found.sent_later)
        for decision in found.told:
            assert (decision.rule in rules[decision.recipient]) if decision.rule else decision.why != "rule"
        told_in_all += len(said)
        later_in_all += len(found.sent_later)
        refused = {(one.recipient, one.channel): one.sending for one in found.not_told}
        assert not refused.keys() & {(one.recipient, one.channel) for one in found.told}
        later = {one.recipient: one.sending for one in found.sent_later}
        for (recipient, _), sending in refused.items():
            assert sending == later.get(recipient)
        for sent in found.sent_later:
            assert sent.sending and sent.why == owed_by[sent.sending.id]
        ways |= {(one.why, one.sending.again) for one in (*found.told, *found.sent_later) if one.sending}
        assert {one.recipient for one in found.sent_later} <= {late.id, *endpoints}
    assert told_in_all > 100
    assert later_in_all > 20
    sent_again = {
        ("recovered", "recovered"),
        ("replayed", "replayed"),
        ("recovered", "replayed"),
        ("recovered", "resent"),
    }
    assert ways >= sent_again | {("no_rules", None)} and {"recovered", "replayed"} <= {
        again for why, again in ways if why not in ("recovered", "replayed")
    }


def as_logged(one: ToldAnswer) -> tuple[Any, ...]:
    """An answer as the log would have it."""
    if one.sending is None:
        return one.recipient, one.channel, None, None, None, None, None
    sending = one.sending
    return (
        one.recipient,
        one.channel,
        sending.language,
        sending.state,
        sending.attempts,
        sending.replayed,
        sending.again,
    )


GOES_ON = """
    with gone as (select *, row_number() over (order by sequence, endpoint_id) % 3 as way from delivery),
    tried as (
        insert into attempt (delivery_id, endpoint_id, academy, event_id, at, milliseconds, result, reason, language)
        select gone.id, endpoint_id, gone.academy, event_id, now(), 1, 'failed', 'timeout',
            endpoint.state ->> 'language'
        from gone join endpoint on endpoint.id = endpoint_id where way > 0
    ), lettered as (
        update letter set attempts = 1,
            state = (array['sent', 'failed', 'refused'])[1 + ascii(substr(recipient, 8)) % 3]
        where state = 'waiting'
    )
    update delivery set attempts = way, state = (array['waiting', 'delivered', 'refused'])[1 + way]
    from gone where gone.id = delivery.id returning 1
"""
LOG = """
    select event_id, endpoint_id as recipient, endpoint.state ->> 'channel' as channel,
        case when attempts > 0 then endpoint.state ->> 'language' end as language, delivery.state, attempts, replayed,
        again
    from delivery join endpoint on endpoint.id = endpoint_id
    union all select event_id, person_id, 'inbox', null, null, null, null, null from inbox_item
    union all select event_id, letter.person_id, 'email', language, state, attempts, false, null
    from letter_line join letter on letter.id = letter_id
"""


def example(event: type[DomainEvent]) -> DomainEvent:
    """The event's example."""
    return event.model_validate(event.example)


async def owed(database: Database) -> Sequence[UUID]:
    """The events owed to endpoints, in their order."""
    return [row.event_id for row in await rows(database, "select event_id from delivery order by sequence")]


async def everything(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    tables = await rows(database, "select relname from pg_class where relforcerowsecurity")
    return {table: (await rows(database, f'select count(*) from "{table}"'))[0][0] for (table,) in tables}
