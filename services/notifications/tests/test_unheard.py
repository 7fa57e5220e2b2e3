"""Statutory notices of which nobody of an academy was told: counted, kept, and shown to who can see to it."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from structlog.testing import capture_logs

from services.notifications import commands, queries
from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import (
    FOREIGNER,
    OFFICER,
    OPERATOR,
    actor,
    happening,
    person,
    published,
    registered,
    rows,
    told,
)
from services.notifications.tests.conftest import Reads
from shared import telemetry
from shared.actor import NATIONAL, SYSTEM, Actor, Role
from shared.database import Database
from shared.events.agreements import AgreementDrafted, AgreementParty, AgreementSuspended, AgreementTextRevised
from shared.events.centers import CenterPlanned, CenterSuspended
from shared.events.notifications import EndpointDisabled
from shared.ids import new_id
from shared.territory import ACADEMY_CODES, DIRECTORATES, MINISTRY_ID
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

STATUTORY = AgreementSuspended.model_validate(AgreementSuspended.example)
QUIET = AgreementTextRevised.model_validate(AgreementTextRevised.example)
MINISTRY = actor(Role.ministry_officer, jurisdiction="national", name="ministry")
DIRECTORATE = actor(Role.directorate_officer, jurisdiction="DP-MOH", name="directorate")
DEAD = "https://academie.example/avis"


class Counted(dict[str, int]):
    """What the metric counts, by jurisdiction."""

    def add(self, number: int, attributes: dict[str, str]) -> None:
        """Count."""
        code = attributes["jurisdiction"]
        self[code] = self.get(code, 0) + number

    @property
    def some(self) -> dict[str, int]:
        """What is above zero."""
        return {code: number for code, number in self.items() if number}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What was counted so far."""
    counts = Counted()
    monkeypatch.setattr(telemetry.notices_unheard, "add", counts.add)
    return counts


async def came(database: Database, days: int) -> None:
    """Let everybody have come last so many days ago."""
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text("update person set seen_at = now() - make_interval(days => :days)"), {"days": days})


async def listed(app: FastAPI, issuer: Issuer, by: Actor, **wanted: Any) -> list[tuple[UUID, list[str]]]:
    """What somebody reads of what nobody was told."""
    async with client_of(app, issuer.token(by)) as client:
        found = await client.get("/api/v1/notifications/unheard", params=wanted)
    assert found.status_code == 200, found.text
    return [(UUID(each["id"]), each["unheard"]) for each in found.json()["items"]]


async def test_an_academy_of_which_nobody_is_told_is_counted_although_another_hears(
    app: FastAPI, issuer: Issuer, database: Database, settings: NotificationsSettings, counted: Counted
) -> None:
    await registered(database, settings, DEAD, academy="MA-05")
    with capture_logs() as logs:
        (event, _) = await told(
            database, happening(STATUTORY, audience=("MA-05", "MA-06")), happening(QUIET, audience=("MA-06",))
        )
    assert counted.some == {"MA-06": 1}
    # Zeros are counted too: the first one is an increase then.
    assert {*counted} == {"national", *ACADEMY_CODES}
    (said,) = [each for each in logs if each["log_level"] == "error"]
    assert (said["type"], said["event_id"], said["unheard"]) == (STATUTORY.type, str(event.id), ["MA-06"])
    for by in (OPERATOR, MINISTRY, OFFICER):
        assert await listed(app, issuer, by) == [(event.id, ["MA-06"])]
        assert (await queries.explanation(database, event.id, language="fr", by=by)).unheard == ["MA-06"]
    assert await listed(app, issuer, FOREIGNER) == []
    assert (await queries.explanation(database, event.id, language="fr", by=FOREIGNER)).unheard == []


@pytest.mark.parametrize("party", [True, False], ids=["the ministry is a party", "it is none"])
async def test_what_concerns_the_ministry_as_a_party_is_unheard_where_it_has_nobody(
    database: Database, counted: Counted, party: bool
) -> None:
    await person(database, OFFICER)
    agreement = new_id()
    theirs = AgreementParty(party_id=new_id(), organisation_id=MINISTRY_ID, roles=("supervising_ministry",))
    parties = [theirs.model_dump()] if party else []
    drafted = AgreementDrafted.model_validate(AgreementDrafted.example | {"parties": parties})
    await told(database, *(happening(each, subject=agreement) for each in (drafted, STATUTORY)))
    assert counted.some == ({"national": 1} if party else {})


@pytest.mark.parametrize("hears", ["person", "endpoint"])
async def test_an_academy_hears_by_a_person_s_inbox_or_by_an_endpoint_that_is_not_disabled(
    database: Database, settings: NotificationsSettings, counted: Counted, hears: str
) -> None:
    if hears == "endpoint":
        await registered(database, settings, DEAD)
    else:
        await person(database, OFFICER, inbox="off", email="off")
    await told(database, happening(STATUTORY))
    assert counted.some == {}


@pytest.mark.parametrize(("days", "unheard"), [(89, {}), (91, {"MA-06": 1})])
async def test_who_did_not_come_for_long_is_told_and_does_not_count_as_one_who_hears(
    database: Database, counted: Counted, reads: Reads, days: int, unheard: dict[str, int]
) -> None:
    await person(database, OFFICER)
    await came(database, days)
    (event,) = await told(database, happening(STATUTORY))
    assert counted.some == unheard
    assert [item.event_id for item in await reads(OFFICER)] == [event.id]
    await told(database, happening(STATUTORY))
    assert counted.some == unheard  # who reads their inbox hears again


async def test_a_person_is_seen_whenever_they_come_and_that_is_written_once_a_day(database: Database) -> None:
    await person(database, OFFICER)
    await came(database, 2)
    seen = []
    for _ in range(2):
        await queries.preferences(database, by=OFFICER)
        seen += await rows(database, "select seen_at, seen_at > now() - interval '1 minute' from person")
    assert seen[0] == seen[1] and seen[0][1]


async def test_a_directorate_that_hears_is_not_its_academy(database: Database, counted: Counted, reads: Reads) -> None:
    await person(database, DIRECTORATE)
    center, province = new_id(), DIRECTORATES["DP-MOH"].province
    planned = CenterPlanned.model_validate(CenterPlanned.example | {"center_id": center, "province": province})
    suspended = CenterSuspended.model_validate(CenterSuspended.example | {"center_id": center})
    await told(database, *(happening(each, subject=center) for each in (planned, suspended)))
    assert [item.type for item in await reads(DIRECTORATE)] == [CenterSuspended.type]
    assert counted.some == {"MA-06": 1}


async def test_what_concerns_the_nation_is_unheard_where_the_ministry_has_nobody(
    database: Database, settings: NotificationsSettings, counted: Counted
) -> None:
    for academy in ACADEMY_CODES[1:]:
        await registered(database, settings, DEAD, academy=academy)
    await told(database, happening(STATUTORY, audience=ACADEMY_CODES), happening(STATUTORY, audience=()))
    assert counted.some == {"national": 2, ACADEMY_CODES[0]: 1}
    await person(database, MINISTRY)
    await told(database, happening(STATUTORY, audience=()))
    assert counted.some == {"national": 2, ACADEMY_CODES[0]: 1}


async def test_the_same_event_twice_is_counted_once(database: Database, counted: Counted) -> None:
    event = happening(STATUTORY)
    await told(database, event, event)
    assert counted.some == {"MA-06": 1}


async def test_what_nobody_was_told_is_paged_newest_first(app: FastAPI, issuer: Issuer, database: Database) -> None:
    events = await told(database, *(happening(STATUTORY) for _ in range(3)))
    found: list[str] = []
    path = "/api/v1/notifications/unheard?limit=2"
    async with client_of(app, issuer.token(OPERATOR)) as client:
        while path:
            answered = await client.get(path)
            found += [each["id"] for each in answered.json()["items"]]
            path = answered.links.get("next", {}).get("url", "")
    assert found == sorted((str(each.id) for each in events), reverse=True)


async def test_that_an_academy_s_last_way_is_disabled_stands_in_the_ministry_s_and_the_operator_s_inbox_and_is_counted(
    app: FastAPI,
    issuer: Issuer,
    database: Database,
    settings: NotificationsSettings,
    counted: Counted,
    reads: Reads,
) -> None:
    for one in (MINISTRY, OPERATOR):
        await person(database, one, inbox="off", email="off")
    issued = await registered(database, settings, DEAD)
    await commands.disable_endpoint(database, issued.endpoint.id, because="failing", by=SYSTEM)
    (event,) = [each for each in await published(database) if isinstance(each.event, EndpointDisabled)]
    await told(database, event)
    for one in (MINISTRY, OPERATOR):
        (item,) = await reads(one)
        assert (item.event_id, item.importance, item.statutory) == (event.id, "urgent", True)
    assert counted.some == {"MA-06": 1}
    assert await listed(app, issuer, OPERATOR) == [(event.id, ["MA-06"])]
