"""Who comes is known from then on, and finds what a colleague who was there all the time has."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands, past, queries
from services.notifications.arrival import LOCK_TELLING
from services.notifications.kinds import kinds
from services.notifications.people import own_scope, person_id
from services.notifications.preferences import Preferences
from services.notifications.reactions import tell_concerned
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.telling import Decision, Happening, PersonTold
from services.notifications.telling import told as decide
from services.notifications.tests.builders import (
    FOREIGNER,
    OFFICER,
    OPERATOR,
    WAITS_FOR_OTHERS,
    actor,
    happening,
    person,
    published,
    rows,
    told,
)
from services.notifications.tests.conftest import Reads
from shared.actor import NATIONAL, Actor, Role
from shared.clock import now
from shared.database import Database
from shared.events.agreements import (
    AgreementApproved,
    AgreementParty,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementSuspended,
    AgreementTextRevised,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import BY_TYPE
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ASSOCIATION, PARTNER = new_id(), new_id()
DIRECTOR = actor(Role.academy_director, name="director")
HOMES = [
    (Role.academy_director, "MA-06"),
    (Role.academy_officer, "MA-06"),
    (Role.academy_officer, "MA-05"),
    (Role.ministry_officer, "national"),
    (Role.association_manager, f"org:{ASSOCIATION}"),
    (Role.association_manager, f"org:{PARTNER}"),
]


def example(event: type[DomainEvent], **changes: Any) -> DomainEvent:
    """The event's example, changed where it has such fields."""
    fitting = {name: value for name, value in changes.items() if name in event.model_fields}
    return event.model_validate(event.example | fitting)


def lately(event: type[DomainEvent] = AgreementSuspended, *, days: int = 1, **more: Any) -> Occurrence[DomainEvent]:
    """An event of some days ago."""
    return happening(example(event), at=now() - timedelta(days=days), **more)


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The subjects of the notices that were decided about for who comes, in order."""
    subjects: list[UUID] = []

    def deciding(happening: Happening, *given: Any) -> list[Decision]:
        subjects.append(happening.subject)
        return decide(happening, *given)

    monkeypatch.setattr(past, "told", deciding)
    return subjects


async def test_who_opens_their_inbox_is_known_from_then_on(database: Database, reads: Reads) -> None:
    assert await reads(OFFICER, language="fr") == []
    known = "select jurisdiction, roles, language, inbox, email, address from person"
    assert await rows(database, known) == [("MA-06", ["academy_officer"], "fr", "immediate", "off", None)]
    await told(database, lately())
    assert len(await reads(OFFICER)) == 1
    assert await rows(database, "select 1 from letter") == []


@pytest.mark.parametrize(
    "path",
    ["inbox", "inbox/counts", "notifications/preferences", "subscriptions", "notifications/stream"],
)
async def test_whoever_reads_what_is_theirs_is_known(
    path: str, app: FastAPI, database: Database, issuer: Issuer
) -> None:
    by = issuer.person("somebody", "MA-06", Role.academy_officer)
    async with client_of(app, issuer.token(by)) as client:
        # The stream is open for as long as one listens.
        reading = asyncio.create_task(client.get(f"/api/v1/{path}"))
        known = await eventually(lambda: rows(database, "select id from person"))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert known == [(person_id(by.person),)]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whoever_begins_with_their_subscriptions_is_known_by_the_language_they_ask_in(
    method: str, app: FastAPI, database: Database, issuer: Issuer
) -> None:
    by = issuer.person("somebody", "MA-06", Role.academy_officer)
    async with client_of(app, issuer.token(by)) as client:
        asked = {"Accept-Language": "fr", "Idempotency-Key": "first"}
        body: dict[str, Any] | None = {} if method == "POST" else None
        done = await client.request(method, "/api/v1/subscriptions", json=body, headers=asked)
    assert done.is_success, done.text
    assert await rows(database, "select language from person") == [("fr",)]


async def test_a_system_that_follows_the_stream_is_no_person(database: Database) -> None:
    await commands.make_known(database, language="fr", by=actor(Role.academy_system))
    assert await rows(database, "select 1 from person") == []


async def test_who_comes_finds_the_work_of_their_desk_and_what_happened_lately(
    database: Database, reads: Reads
) -> None:
    await told(
        database,
        lately(AgreementApproved, days=200, subject=(waits := new_id())),
        lately(AgreementApproved, days=200, subject=(done := new_id())),
        lately(AgreementSigned, days=190, subject=done, version=2),
        lately(days=29),
        lately(days=31),
        lately(AgreementTextRevised),
        lately(audience=("MA-05",)),
    )
    assert [(each.queue, each.path) for each in await reads(DIRECTOR, to_do=True)] == [
        ("to_sign", f"/agreements/{waits}")
    ]
    assert [each.queue for each in await reads(DIRECTOR)] == ["information", "to_sign"]
    counted = await queries.inbox_counts(database, language="fr", by=DIRECTOR)
    assert {each.queue: (each.total, each.unread, each.to_do) for each in counted.queues if each.total} == {
        "to_sign": (1, 1, 1),
        "information": (1, 1, 0),
    }
    assert await rows(database, "select 1 from letter") == []


@pytest.mark.parametrize("seed", range(4))
async def test_who_comes_finds_what_a_colleague_has(seed: int, database: Database, reads: Reads) -> None:
    chance = Random(seed)
    pairs = [(actor(role, jurisdiction=home, name=f"c-{role}-{home}"), role, home) for role, home in HOMES]
    for colleague, _, _ in pairs:
        await person(database, colleague)
    await told(database, *_random_lives(chance))
    found = 0
    for colleague, role, home in pairs:
        newcomer = actor(role, jurisdiction=home, name=f"n-{role}-{home}")
        theirs, mine = await reads(colleague), await reads(newcomer)
        assert {_seen(each) for each in mine} == {_seen(each) for each in theirs}
        assert [each.time for each in mine] == sorted((each.time for each in mine), reverse=True)
        found += len(mine)
    assert found > 40


async def test_sixteen_first_reads_at_once_find_everything_once(database: Database, reads: Reads) -> None:
    happened = await told(database, *(lately() for _ in range(5)))
    seen = await asyncio.gather(*(reads(OFFICER) for _ in range(16)))
    assert [{each.event_id for each in read} for read in seen] == [{each.id for each in happened}] * 16
    assert await rows(database, "select count(*) from inbox_item") == [(5,)]
    assert await rows(database, "select count(*) from told_later") == [(5,)]


async def test_what_is_told_while_somebody_comes_is_told_or_found(database: Database, reads: Reads) -> None:
    event = lately()
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, [event])
        coming = asyncio.ensure_future(reads(OFFICER))
        await eventually(lambda: rows(database, WAITS_FOR_OTHERS))
    assert [each.event_id for each in await coming] == [event.id]
    async with database.transaction(own_scope(DIRECTOR)) as tx:
        await queries.inbox_counts(tx, language="fr", by=DIRECTOR)
        telling = asyncio.create_task(told(database, lately()))
        await eventually(lambda: rows(database, WAITS_FOR_OTHERS))
    await telling
    assert len(await reads(DIRECTOR)) == 2


async def test_who_comes_reads_the_past_while_others_are_told_and_then_what_was_told_meanwhile(
    database: Database, reads: Reads, decided: list[UUID]
) -> None:
    lives = [new_id() for _ in range(3)]
    before = await told(database, *(lately(AgreementApproved, subject=each, days=60) for each in lives))
    later = lately(AgreementSigned, subject=lives[0], version=2), lately(AgreementApproved)
    async with database.transaction(NATIONAL) as tx:
        await tell_concerned(tx, later)
        coming = asyncio.ensure_future(reads(DIRECTOR, to_do=True))
        await eventually(lambda: rows(database, WAITS_FOR_OTHERS))
        assert {*decided} == {each.subject for each in before}
        decided.clear()
    assert {each.path for each in await coming} == {f"/agreements/{each}" for each in (*lives[1:], later[1].subject)}
    assert {*decided} == {later[1].subject}, "what nothing was told of is not decided about again"


async def test_a_year_of_what_is_long_done_is_not_decided_about(
    database: Database, reads: Reads, decided: list[UUID]
) -> None:
    agreement = new_id()
    for version in range(1, 40, 2):
        await told(
            database,
            lately(AgreementApproved, days=200, subject=agreement, version=version),
            lately(AgreementSigned, days=190, subject=agreement, version=version + 1),
        )
    assert await reads(DIRECTOR) == []
    assert decided == []


async def test_work_is_found_a_year_back_and_no_further(database: Database, reads: Reads) -> None:
    here, _ = await told(database, lately(AgreementApproved, days=365), lately(AgreementApproved, days=367))
    assert [each.event_id for each in await reads(DIRECTOR)] == [here.id]


@pytest.mark.parametrize("later", ["regional", "national"])
async def test_no_number_of_later_notices_hides_work_that_waits(
    later: str, database: Database, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of those that are not addressed to the nation, nor of those that are."""
    monkeypatch.setattr(past, "MOST", 3)
    ministry = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
    work = [lately(AgreementApproved, audience=(), days=60 + each) for each in range(5)]
    heard = [lately(audience=() if later == "national" else ("MA-06",)) for _ in range(5)]
    await told(database, *work, *heard, lately(audience=(), days=29))
    assert {each.event_id for each in await reads(ministry, to_do=True)} == {each.id for each in work}
    assert len(await reads(ministry)) == 5 + (3 if later == "national" else 1)


async def test_who_comes_is_helped_by_an_index_on_what_kind_of_notice_it_is(database: Database) -> None:
    """None on whom it reaches would be taken under row-level security, so a year is found by type."""
    one = PersonTold(new_id(), "somebody", "MA-06", DIRECTOR.roles, Preferences())
    async with database.transaction(own_scope(DIRECTOR)) as tx:
        await tx.execute(text("set local enable_seqscan = off"))
        for statement in (past.WAITING, past.LATELY):
            query = text("explain " + statement.replace("{within}", ""))
            plan = "\n".join((await tx.execute(query, past.values(one, now()))).scalars())
            assert "notice_type" in plan and "notice_story" in plan, plan


async def test_telling_waits_for_nobody_who_is_known(database: Database, reads: Reads) -> None:
    await reads(OFFICER)
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(LOCK_TELLING)
        async with asyncio.timeout(5):
            assert await reads(OFFICER) == []


async def test_who_moves_to_another_desk_finds_its_work_and_leaves_the_former_ones(
    database: Database, reads: Reads
) -> None:
    officer = Actor(DIRECTOR.issuer, DIRECTOR.subject, frozenset({Role.academy_officer}), "MA-06")
    elsewhere = Actor(DIRECTOR.issuer, DIRECTOR.subject, DIRECTOR.roles, "MA-05")
    await told(
        database,
        lately(AgreementApproved),
        lately(AgreementSubmittedForReview),
        lately(AgreementApproved, audience=("MA-05",)),
    )

    async def work(by: Actor) -> set[str]:
        return {each.queue for each in await reads(by, to_do=True)}

    assert await work(officer) == {"to_approve"}
    assert await work(DIRECTOR) == {"to_approve", "to_sign"}
    assert await work(officer) == {"to_approve"}, "nobody signs who may not"
    assert await work(DIRECTOR) == {"to_approve", "to_sign"}
    here = {each.event_id for each in await reads(DIRECTOR)}
    there = {each.event_id for each in await reads(elsewhere)}
    assert len(there) == 1 and not here & there
    assert await work(DIRECTOR) == {"to_approve", "to_sign"}


async def test_a_subscription_brings_nothing_of_before(database: Database, reads: Reads) -> None:
    await told(database, lately(AgreementTextRevised))
    await commands.subscribe(database, Subscribe(), by=OFFICER)
    assert await reads(OFFICER) == []
    await told(database, lately(AgreementTextRevised))
    assert len(await reads(OFFICER)) == 1


async def test_who_wants_no_inbox_finds_what_is_statutory_alone(database: Database, reads: Reads) -> None:
    await told(database, lately(), lately(AgreementApproved))
    await person(database, DIRECTOR, inbox="off", email="immediate", address="direction@academie.example")
    assert [each.statutory for each in await reads(DIRECTOR)] == [True]
    assert await rows(database, "select 1 from letter") == []


async def test_an_explanation_names_who_came_later_to_those_of_their_desk(database: Database, reads: Reads) -> None:
    (event,) = await told(database, lately(audience=("MA-05", "MA-06")))

    async def named(by: Actor) -> list[tuple[UUID, str, str | None]]:
        explained = await queries.explanation(database, event.id, language="fr", by=by)
        assert explained.told == []
        return [(each.recipient, each.why, each.channel) for each in explained.sent_later]

    assert await named(OPERATOR) == []
    for one in (OFFICER, FOREIGNER):
        await reads(one)
    mine, theirs = ((person_id(each.person), "statutory", "inbox") for each in (OFFICER, FOREIGNER))
    assert (await named(OFFICER), await named(FOREIGNER)) == ([mine], [theirs])
    assert await named(OPERATOR) == [mine, theirs]


async def test_how_many_people_are_known_is_said_of_every_jurisdiction_once(database: Database, reads: Reads) -> None:
    async def said() -> list[tuple[str, int]]:
        await commands.count_readers(database)
        assert await commands.count_readers(database) == 0
        return [(each.event.jurisdiction, each.event.people) for each in await published(database)]  # type: ignore[attr-defined]

    for one in (OFFICER, DIRECTOR, FOREIGNER):
        await reads(one)
    first = [("MA-05", 1), ("MA-06", 2)]
    assert await said() == first
    await reads(Actor(FOREIGNER.issuer, FOREIGNER.subject, FOREIGNER.roles, "MA-06"))
    assert await said() == [*first, ("MA-05", 0), ("MA-06", 3)]


def _seen(item: Any) -> tuple[Any, ...]:
    return item.event_id, item.queue, item.action, item.settled_at is None


def _random_lives(chance: Random) -> list[Occurrence[DomainEvent]]:
    """What may happen to a few agreements and amendments, in any order, to any of their parties."""
    organisations = [ASSOCIATION, PARTNER, ACADEMIES["MA-06"].organisation_id, MINISTRY_ID]
    parties, obligations = [new_id(), new_id()], [new_id(), new_id()]
    kinds_of_life = {
        "agreement": ["drafted", "terms_revised", "amended", "party_signed"],
        "amendment": ["proposed", "revised", "rebased", "party_signed"],
    }
    begins = now() - timedelta(days=20)
    happened: list[Occurrence[DomainEvent]] = []
    for life in [*kinds_of_life] * 2:
        subject, audience = new_id(), chance.choice([("MA-06",), ("MA-06",), ()])
        first, *whose = (BY_TYPE[f"ma.mithaq.{life}.{verb}.v1"] for verb in kinds_of_life[life])
        matters = [
            BY_TYPE[type]
            for type, kind in kinds().events.items()
            if type.split(".")[2] == life and (kind.statutory or kind.settles or kind.queue != "information")
        ]
        for version in range(1, 26):
            event = first if version == 1 else chance.choice(matters if chance.random() < 0.7 else whose)
            # What begins says whom it concerns: an amendment that does not waits for its agreement.
            several = chance.sample(organisations, chance.randrange(1 if event is first else 0, 3))
            changes: dict[str, Any] = {
                "organisation_id": chance.choice(organisations),
                "party_id": chance.choice(parties),
                "obligation_id": chance.choice(obligations),
                "occurrence": chance.randrange(1, 3),
                "awaited": several,
                "parties": several,
            }
            if life == "agreement" and event in (first, *whose[:2]):
                changes["parties"] = [
                    AgreementParty(party_id=new_id(), organisation_id=each, roles=("operator",)).model_dump()
                    for each in several
                ]
            at = begins + timedelta(hours=len(happened))
            told_of: dict[str, Any] = {"subject": subject, "audience": audience, "version": version, "at": at}
            happened.append(happening(example(event, **changes), **told_of))
    return happened
