"""Calendar feeds: what calendar programs are told, and who lets them."""

from datetime import date, datetime, timedelta
from sys import modules
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from icalendar import Calendar
from sqlmodel import select

from services.agreements import commands
from services.agreements.calendar import Appointment, feed
from services.agreements.tables import CalendarRow
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    bound,
    current,
    director,
    late,
    officer,
    operator_of,
    owing,
    plan,
    president,
    sign_for,
)
from shared.actor import NATIONAL, Actor
from shared.clock import CASABLANCA, business_date, now, today
from shared.database import Database
from shared.ids import new_id


async def a_feed(as_: Any, by: Actor, **body: Any) -> str:
    """The address of a new feed."""
    created = await as_(by).post("/calendars", {"language": "fr"} | body)
    assert created.status_code == 201, created.text
    path: str = created.json()["path"]
    return path


async def appointments(http: httpx.AsyncClient, path: str) -> dict[str, tuple[date, str]]:
    """What a feed tells: uid -> day and title."""
    answered = await http.get(path)
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answered.text)
    assert calendar.errors == []
    return {str(each["uid"]): (each.start, str(each["summary"])) for each in calendar.events}


async def test_a_feed_tells_what_is_ahead_to_whoever_has_its_address(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await late(
        database, current(effective_from=today() - timedelta(days=40), effective_until=today() + timedelta(days=100))
    )
    told = await appointments(http, await a_feed(as_, officer()))
    reference = agreement.reference
    duty = agreement.duties[0].obligation_id
    assert told[f"obligation-{duty}-1@mithaq"] == (
        today() - timedelta(days=10),
        f"Obligation due, convention {reference}",
    )
    assert told[f"expiry-{agreement.id}@mithaq"][0] == agreement.effective_until


async def test_what_is_past_never_crowds_out_what_is_ahead(
    as_: Any, http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["services.agreements.queries.calendars"], "MOST", 1)
    days = [today() + timedelta(days=number) for number in (-20, -10, 10, 20)]
    terms = current(effective_from=today() - timedelta(days=40), effective_until=today() + timedelta(days=100))
    await bound(database, owing(terms, *({"due_on": day} for day in days)))
    told = await appointments(http, await a_feed(as_, officer()))
    assert sorted(day for uid, (day, _) in told.items() if uid.startswith("obligation")) == days[1:3]


async def test_a_renewal_to_be_decided_is_in_the_feed_until_it_is(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database)
    (first,) = agreement.editions
    path = await a_feed(as_, officer(), language="en")
    assert [uid for uid in await appointments(http, path) if uid.startswith("renewal")] == []
    await commands.let_time_pass(database, agreement.id, on=first.ends_on - timedelta(days=90))
    uid = f"renewal-{agreement.id}-{first.ends_on}@mithaq"
    assert (await appointments(http, path))[uid][0] == first.ends_on
    evaluation: dict[str, Any] = {"outcome": "unfavourable", "reason": "r", "by": officer()}
    await commands.evaluate_renewal(database, agreement.id, **evaluation)
    await commands.decline_renewal(database, agreement.id, reason="r", by=director())
    told = await appointments(http, path)
    assert uid not in told
    assert told[f"expiry-{agreement.id}@mithaq"][0] == first.ends_on, "it ends with its edition"


async def test_the_last_day_to_sign_is_in_the_feed_until_all_have_signed(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await approved(database)
    path = await a_feed(as_, officer(), language="en")
    uid = f"offer-{agreement.id}@mithaq"
    told = await appointments(http, path)
    assert agreement.expires_on and told[uid] == (
        agreement.expires_on,
        f"Last day to sign agreement {agreement.reference}",
    )
    for party in agreement.parties:
        await sign_for(database, agreement, party.organisation_id)
    assert uid not in await appointments(http, path)


async def test_a_ceremony_is_told_on_its_day_in_morocco(as_: Any, http: httpx.AsyncClient, database: Database) -> None:
    agreement = await approved(database)
    ceremony = await plan(database, agreement.id)
    await commands.postpone_ceremony(database, ceremony.id, reason="r", by=MINISTRY)
    path = await a_feed(as_, officer())
    uid = f"ceremony-{ceremony.id}@mithaq"
    assert uid not in await appointments(http, path), "it waits for its date"
    at = now() + timedelta(days=3)
    await commands.reschedule_ceremony(database, ceremony.id, planned_for=at, by=MINISTRY)
    day, title = (await appointments(http, path))[uid]
    assert (day, title) == (business_date(at), f"Cérémonie de signature, {at.astimezone(CASABLANCA):%H:%M}")


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
    assert (await as_(director()).post(f"/calendars/{mine['id']}/revocation")).status_code == 404, "another person's"
    assert (await http.get(path)).status_code == 200
    for _ in range(2):
        revoked = await as_(officer()).post(f"/calendars/{mine['id']}/revocation")
        assert revoked.status_code == 200 and revoked.json()["revoked_at"]
    gone, never = await http.get(path), await http.get("/api/v1/calendars/never-was.ics")
    assert gone.status_code == never.status_code == 404
    assert gone.json()["type"] == never.json()["type"] == "/problems/not-found"


async def test_the_token_of_a_feed_is_not_kept(as_: Any, database: Database) -> None:
    path = await a_feed(as_, officer())
    token = path.removeprefix("/api/v1/calendars/").removesuffix(".ics")
    async with database.transaction(NATIONAL) as tx:
        (row,) = (await tx.exec(select(CalendarRow))).all()
    assert len(token) == 32 and token not in row.model_dump_json() and len(row.digest) == 64


async def test_an_unchanged_feed_is_not_sent_again(as_: Any, http: httpx.AsyncClient, database: Database) -> None:
    agreement = await late(database)
    path = await a_feed(as_, officer())
    first = await http.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    same = await http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    named = agreement.duties[0].obligation_id
    await commands.waive_obligation(database, agreement.id, named, reason="r", by=director())
    changed = await http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and str(named) not in changed.text, "what is settled is no appointment"


async def test_a_feed_holds_no_free_text_and_nobodys_name(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await late(database)
    named = agreement.duties[0].obligation_id
    operator = president(operator_of(agreement))
    await commands.claim_obligation(database, agreement.id, named, evidence="secret", by=operator)
    text = (await http.get(await a_feed(as_, officer()))).text
    for word in ("secret", operator.subject, agreement.duties[0].what.fr, agreement.title.fr):
        assert word not in text


def test_a_feed_is_valid_and_the_same_appointments_give_the_same_bytes(app: FastAPI) -> None:
    day = date(2026, 3, 28)
    stamped = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    listed = [Appointment("expiry-1", day, "expiry", {"reference": "AREF-06/2026-0001"})]
    for language, right_to_left in (("ar", True), ("fr", False), ("en", False)):
        options: dict[str, Any] = {"language": language, "wording": app.state.wording, "stamped": stamped}
        written = feed(listed, **options)
        assert written == feed(listed, **options)
        assert b"\r\n" in written and all(len(line) <= 75 for line in written.split(b"\r\n")), "RFC 5545, 3.1"
        (event,) = Calendar.from_ical(written).events
        assert (event.start, event.end) == (day, day + timedelta(days=1)), "all day long"
        assert ("\u2068AREF-06/2026-0001\u2069" in str(event["summary"])) == right_to_left
