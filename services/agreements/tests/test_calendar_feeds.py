"""Feeds of calendars: whose they are, how long they answer, who ends them, and what is kept of them."""

from datetime import datetime, timedelta
from sys import modules
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import select

from services.agreements import commands, parameters, reactions
from services.agreements.parameters import Parameters
from services.agreements.tables import CalendarRow, MandateRow
from services.agreements.tests.builders import (
    MINISTRY,
    director,
    late,
    officer,
    operator_of,
    person,
    president,
)
from services.agreements.tests.feeds import a_feed, appointments, its_end
from services.agreements.tests.test_reactions import told as heard
from shared.actor import NATIONAL, Actor, Role
from shared.clock import business_date, now, today
from shared.database import Database
from shared.events.network import MandateEnded
from shared.ids import new_id
from shared.messaging.tables import IdempotencyRow


async def test_a_feed_stays_within_the_jurisdiction_of_who_made_it(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await late(database)
    foreign = [await a_feed(as_, officer("MA-07")), await a_feed(as_, president(new_id()))]
    for path in foreign:
        assert await appointments(http, path) == {}
    for by in (MINISTRY, officer(), president(operator_of(agreement))):
        assert await appointments(http, await a_feed(as_, by))


async def test_a_feed_of_one_party_tells_its_agreements_only(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement, _other = await late(database), await late(database)
    path = await a_feed(as_, officer(), organisation_id=str(operator_of(agreement)))
    told = await appointments(http, path)
    assert f"obligation-{agreement.duties[0].obligation_id}-1@mithaq" in told and len(told) == 1


async def test_a_revoked_feed_answers_like_one_that_never_was(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    path = await a_feed(as_, officer())
    (mine,) = (await as_(officer()).get("/calendars")).json()["items"]
    assert "path" not in mine and mine["revoked_at"] is None
    colleague = person("another-officer", Role.academy_officer, "MA-06")
    assert (await as_(colleague).post(f"/calendars/{mine['id']}/revocation")).status_code == 404, "another person's"
    assert (await http.get(path)).status_code == 200
    for _ in range(2):
        revoked = await as_(officer()).post(f"/calendars/{mine['id']}/revocation")
        assert revoked.status_code == 200 and revoked.json()["revoked_at"]
    gone, never = await http.get(path), await http.get("/api/v1/calendars/never-was.ics")
    assert gone.status_code == never.status_code == 404
    assert gone.json()["type"] == never.json()["type"] == "/problems/not-found"


async def test_who_heads_an_organisation_finds_and_revokes_the_feeds_that_its_people_leave_behind(
    as_: Any, http: httpx.AsyncClient
) -> None:
    association = new_id()
    operations = person("operations", Role.operator, "national")
    successor = person("successor", Role.association_manager, f"org:{association}")
    auditor = person("auditor", Role.auditor, "national")
    foreign = (director("MA-07"), president(new_id()))
    for left, heads in ((officer(), (director(), MINISTRY, operations)), (president(association), (successor,))):
        for head in heads:
            path = await a_feed(as_, left)
            (*_, found) = (await as_(head).get("/calendars", person=left.person)).json()["items"]
            assert "path" not in found and (await as_(head).get("/calendars")).json()["items"] == []
            for other in (*foreign, auditor, person("colleague", Role.academy_officer, "MA-06")):
                seen = await as_(other).get("/calendars", person=left.person)
                assert seen.status_code == 403 or seen.json()["items"] == []
                assert (await as_(other).post(f"/calendars/{found['id']}/revocation")).status_code == 404
            assert (await http.get(path)).status_code == 200
            revoked = await as_(head).post(f"/calendars/{found['id']}/revocation")
            assert revoked.status_code == 200 and revoked.json()["revoked_at"]
            assert (await http.get(path)).status_code == 404


async def test_a_feed_lapses_unless_its_person_renews_it(
    as_: Any, http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "_chosen", [Parameters(calendar_days=30)])
    path = await a_feed(as_, officer())
    (made,) = (await as_(officer()).get("/calendars")).json()["items"]
    ends = datetime.fromisoformat(made["answers_until"])
    first = await its_end(http, path)
    assert first.start == business_date(ends) == business_date(now() + timedelta(days=30))
    assert "renouvelez-le" in first["summary"]
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(update(CalendarRow).values(renewed_at=now() - timedelta(days=30)))
    assert (await http.get(path)).status_code == 404
    for other in (person("another-officer", Role.academy_officer, "MA-06"), officer("MA-07"), MINISTRY):
        assert (await as_(other).post(f"/calendars/{made['id']}/renewal")).status_code == 404, "not theirs"
    moved = Actor(officer().issuer, officer().subject, officer().roles, "MA-07")
    assert (await as_(moved).post(f"/calendars/{made['id']}/renewal")).status_code == 404, "at home elsewhere"
    renewed = await as_(officer()).post(f"/calendars/{made['id']}/renewal")
    assert renewed.status_code == 200 and datetime.fromisoformat(renewed.json()["answers_until"]) > ends
    again = await its_end(http, path)
    assert again["uid"] == first["uid"] and again["dtstamp"].dt >= first["dtstamp"].dt
    assert again["sequence"] >= first["sequence"]


async def test_a_revoked_feed_is_not_renewed(as_: Any, http: httpx.AsyncClient) -> None:
    path = await a_feed(as_, officer())
    (made,) = (await as_(officer()).get("/calendars")).json()["items"]
    await as_(officer()).post(f"/calendars/{made['id']}/revocation")
    refused = await as_(officer()).post(f"/calendars/{made['id']}/renewal")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/calendar-revoked")
    assert (await http.get(path)).status_code == 404


async def holds(database: Database, organisation: UUID, by: Actor) -> UUID:
    """A mandate of theirs for this organisation."""
    days = {"valid_from": today() - timedelta(days=9), "valid_until": today() + timedelta(days=90)}
    async with database.transaction(NATIONAL) as tx:
        row = MandateRow(
            id=new_id(), visible_to=[f"org:{organisation}"], organisation_id=organisation, person=by.person, **days
        )
        tx.add(row)
    return row.id


async def resigns(database: Database, organisation: UUID, mandate: UUID) -> None:
    """The network tells that the mandate ended before its time."""
    event = MandateEnded(mandate_id=mandate, organisation_id=organisation, ended_on=today(), how="resigned")
    async with database.transaction(NATIONAL) as tx:
        await reactions.end_mandate(tx, heard(event))


async def test_the_feeds_of_whose_mandate_was_ended_rest_until_they_renew_them(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    association, other = new_id(), new_id()
    left, stays = president(association), person("treasurer", Role.association_manager, f"org:{association}")
    gone, kept, elsewhere = [await a_feed(as_, by) for by in (left, stays, president(other))]
    first, second = await holds(database, association, left), await holds(database, association, left)
    await holds(database, other, left)
    await holds(database, association, stays)
    answers = dict.fromkeys((gone, kept, elsewhere), 200)

    async def answered() -> dict[str, int]:
        return {path: (await http.get(path)).status_code for path in answers}

    await resigns(database, association, first)
    assert await answered() == answers, "they hold another"
    await resigns(database, association, second)
    assert await answered() == answers | {gone: 404}
    (resting,) = (await as_(left).get("/calendars")).json()["items"]
    assert resting["answers_until"] is None and resting["revoked_at"] is None
    assert (await as_(left).post(f"/calendars/{resting['id']}/renewal")).status_code == 200
    assert await answered() == answers


async def test_a_person_has_so_many_feeds_and_makes_another_once_one_is_revoked(
    as_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["services.agreements.commands.calendars"], "MOST", 2)
    for _ in range(2):
        await a_feed(as_, officer())
    refused = await as_(officer()).post("/calendars", {"language": "fr"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-calendars")
    assert "\u20682\u2069" in refused.json()["detail"]
    await a_feed(as_, director())
    first, _ = (await as_(officer()).get("/calendars")).json()["items"]
    await as_(officer()).post(f"/calendars/{first['id']}/revocation")
    await a_feed(as_, officer())


async def test_a_feed_that_rests_leaves_room_for_another_and_goes_on_while_there_is_some(
    as_: Any, http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["services.agreements.commands.calendars"], "MOST", 1)
    await a_feed(as_, officer())
    (first,) = (await as_(officer()).get("/calendars")).json()["items"]
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(update(CalendarRow).values(renewed_at=None))
    other = await a_feed(as_, officer())
    again = await as_(officer()).post(f"/calendars/{first['id']}/renewal")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/too-many-calendars")
    assert (await http.get(f"{other}?nocache=1")).status_code == 200, "calendar programs add what they like"


async def test_the_token_of_a_feed_is_not_kept(as_: Any, database: Database) -> None:
    path = await a_feed(as_, officer())
    token = path.removeprefix("/api/v1/calendars/").removesuffix(".ics")
    async with database.transaction(NATIONAL) as tx:
        (row,) = (await tx.exec(select(CalendarRow))).all()
    assert len(token) == 32 and token not in row.model_dump_json() and len(row.digest) == 64


async def test_the_address_of_a_feed_is_told_once_and_lies_in_no_answer_kept(as_: Any, database: Database) -> None:
    asked = [
        await as_(officer()).post("/calendars", {"language": "fr"}, Idempotency_Key="a-feed-for-my-phone")
        for _ in range(2)
    ]
    first, again = (each.json() for each in asked)
    assert [each.status_code for each in asked] == [201, 201]
    assert first["path"] and again == first | {"path": None}
    async with database.transaction(NATIONAL) as tx:
        (kept,) = (await tx.exec(select(IdempotencyRow))).all()
        (calendar,) = (await tx.exec(select(CalendarRow))).all()
    token = first["path"].removeprefix("/api/v1/calendars/").removesuffix(".ics")
    assert str(calendar.id) in str(kept.body) and token not in f"{kept.headers} {kept.body!r}"


async def test_an_unchanged_feed_is_not_sent_again(as_: Any, http: httpx.AsyncClient, database: Database) -> None:
    agreement = await late(database)
    path = await a_feed(as_, officer())
    first = await http.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"another", W/{tag}', "*"):
        same = await http.get(path, headers={"If-None-Match": known})
        assert (same.status_code, same.content) == (304, b""), known
    for known in ("", '"another"', tag.strip('"'), f"{tag[:-1]}x"):
        assert (await http.get(path, headers={"If-None-Match": known})).status_code == 200, known
    looked = await http.head(path)
    assert (looked.status_code, looked.content, looked.headers["ETag"]) == (200, b"", tag)
    named = agreement.duties[0].obligation_id
    await commands.waive_obligation(database, agreement.id, named, reason="r", by=director())
    changed = await http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and str(named) not in changed.text, "what is settled is no appointment"
