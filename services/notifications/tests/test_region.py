"""Whose letters an academy's desk reads of: its people's, its directorates', and the organisations' it is told of."""

from collections.abc import Sequence

from fastapi import FastAPI
from sqlalchemy import text

from services.notifications import commands
from services.notifications.schemas.subscriptions import Subscribe
from services.notifications.tests.builders import OPERATOR, actor, happening, person, returned, rows, told
from services.notifications.tests.conftest import Post
from shared.actor import EVERYONE, Actor, Role
from shared.database import Database
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import CenterPlanned, CenterSuspended
from shared.ids import new_id
from shared.territory import ACADEMY_CODES, DIRECTORATES
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

ADDRESS = "agent@academie.example"
DIRECTORATE = DIRECTORATES["DP-MOH"]
ORGANISATION = new_id()
ORG = f"org:{ORGANISATION}"
HOMES = {
    "MA-06": Role.academy_officer,
    DIRECTORATE.code: Role.directorate_officer,
    ORG: Role.association_manager,
    "national": Role.ministry_officer,
}
"""Where those are at home who are written to."""
DESK = (Role.academy_director, Role.academy_officer, Role.academy_system, Role.auditor)
REGION = {"MA-06", DIRECTORATE.code, ORG}
BOTH = ("MA-05", "MA-06")


async def suspended(database: Database, audience: Sequence[str] = BOTH) -> Occurrence[DomainEvent]:
    """A center in a directorate's province is suspended, which these academies are told."""
    center = new_id()
    where = {"center_id": center, "province": DIRECTORATE.province, "operator_id": ORGANISATION}
    planned = CenterPlanned.model_validate(CenterPlanned.example | where)
    await told(database, happening(planned, subject=center, audience=("MA-06",)))
    for home, role in HOMES.items():
        await person(database, actor(role, jurisdiction=home, name=f"written-to-{home}"), address=ADDRESS)
    event = CenterSuspended.model_validate(CenterSuspended.example | {"center_id": center})
    await told(database, notice := happening(event, subject=center, audience=audience))
    return notice


async def attempts(app: FastAPI, issuer: Issuer, by: Actor) -> set[str]:
    """Where those are at home of whose letters somebody reads the attempts."""
    async with client_of(app, issuer.token(by)) as client:
        found = await client.get("/api/v1/letter-attempts", params={"limit": 100})
    return {await _home(app, each["person_id"]) for each in found.json()["items"]}


async def _home(app: FastAPI, person_id: str) -> str:
    database: Database = app.state.database
    ((home,),) = await rows(database, "select jurisdiction from person where id = :id", id=person_id)
    return str(home)


async def explained(app: FastAPI, issuer: Issuer, event: Occurrence[DomainEvent], by: Actor) -> set[str] | int:
    """Where those are at home of whom an explanation speaks, each with what became of the letter; or the refusal."""
    async with client_of(app, issuer.token(by)) as client:
        found = await client.get(f"/api/v1/notifications/{event.id}/explanation")
    if found.status_code != 200:
        return found.status_code
    told = [each for each in found.json()["told"] if each["channel"] == "email"]
    assert all(each["sending"]["state"] == "sent" for each in told)
    return {each["jurisdiction"] for each in told}


READERS: Sequence[tuple[Actor, set[str], set[str] | int]] = [
    *((actor(role), REGION, REGION) for role in DESK),
    # The organisation is this academy's business too; the other region's directorate and people are not.
    *((actor(role, jurisdiction="MA-05"), {ORG}, {ORG}) for role in DESK),
    *((actor(role, jurisdiction="MA-01"), set(), 404) for role in DESK),
    (actor(Role.association_manager, jurisdiction="MA-06"), set(), {"MA-06"}),
    (actor(Role.directorate_officer, jurisdiction=DIRECTORATE.code), set(), {DIRECTORATE.code}),
    (actor(Role.directorate_officer, jurisdiction="DP-SET"), set(), 404),
    (actor(Role.association_manager, jurisdiction=ORG), set(), {ORG}),
    (actor(Role.association_manager, jurisdiction=f"org:{new_id()}"), set(), 404),
    (OPERATOR, REGION, REGION),
]
"""Who reads, whose attempts, and of whom in an explanation."""


async def test_a_desk_reads_what_became_of_the_letters_in_its_region_and_of_no_other(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    event = await suspended(database)
    async with post() as (postman, _):
        await postman.round()
    for by, of_letters, of_tellings in READERS:
        assert await attempts(app, issuer, by) == of_letters, by
        assert await explained(app, issuer, event, by) == of_tellings, by


async def test_row_level_security_shows_attempts_to_those_who_see_to_them_and_tellings_to_their_own(
    database: Database, post: Post
) -> None:
    await suspended(database)
    async with post() as (postman, _):
        await postman.round()
    for scope, seen in (
        ({"MA-06", EVERYONE}, REGION),
        ({"MA-05", EVERYONE}, {ORG}),
        ({"MA-01", EVERYONE}, set[str]()),
        ({DIRECTORATE.code}, {DIRECTORATE.code}),
        ({"DP-SET"}, set[str]()),
        ({ORG}, {ORG}),
        (set[str](), set[str]()),
    ):
        async with database.transaction(frozenset(scope)) as tx:
            found = (await tx.execute(text("select jurisdiction from letter_attempt"))).scalars()
            assert {*found} == seen, scope
            tellings = (await tx.execute(text("select jurisdiction from telling"))).scalars()
            assert {*tellings} == seen & scope, scope


async def test_what_concerns_every_academy_is_no_academy_s_to_read_of_an_organisation(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    event = await suspended(database, ACADEMY_CODES)
    async with post() as (postman, _):
        await postman.round()
    for academy, own in (("MA-06", REGION - {ORG}), ("MA-05", set[str]())):
        by = actor(Role.academy_director, jurisdiction=academy)
        assert await attempts(app, issuer, by) == own
        assert await explained(app, issuer, event, by) == own


async def test_a_digest_of_what_concerns_each_region_by_itself_is_each_one_s_to_read(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    manager = actor(Role.association_manager, jurisdiction=ORG)
    await person(database, manager, address=ADDRESS, email="daily")
    await commands.subscribe(database, Subscribe(), by=manager)
    planned = CenterPlanned.model_validate(CenterPlanned.example | {"operator_id": ORGANISATION})
    digest = [happening(planned, subject=new_id(), audience=(academy,)) for academy in ACADEMY_CODES[1:]]
    await told(database, *digest, happening(planned, subject=new_id(), audience=ACADEMY_CODES))
    await rows(database, "update letter set next_attempt_at = clock_timestamp() returning 1")
    async with post() as (postman, box):
        await postman.round()
    assert len(box.received) == 1
    for academy in ACADEMY_CODES:
        read = await attempts(app, issuer, actor(Role.academy_director, jurisdiction=academy))
        assert read == ({ORG} if academy != ACADEMY_CODES[0] else set()), academy
    await told(database, *(happening(planned, subject=new_id(), audience=(academy,)) for academy in ACADEMY_CODES))
    await rows(database, "update letter set next_attempt_at = clock_timestamp() where state = 'open' returning 1")
    async with post() as (postman, _):
        await postman.round()
    for academy in ACADEMY_CODES:
        assert await attempts(app, issuer, actor(Role.academy_director, jurisdiction=academy)) == {ORG}, academy


async def test_that_a_letter_came_back_is_read_by_who_read_that_it_had_left(
    app: FastAPI, issuer: Issuer, database: Database, post: Post
) -> None:
    await suspended(database)
    async with post() as (postman, box):
        await postman.round()
    for letter in box.received:
        await commands.report_bounces(database, returned(letter).decode(), most=9, by=OPERATOR)
    log = await rows(database, "select jurisdiction, count(distinct seen_by), count(*) from letter_attempt group by 1")
    assert {tuple(each) for each in log} == {(home, 1, 2) for home in HOMES if home != "national"}
    assert await attempts(app, issuer, actor(Role.academy_director)) == REGION
