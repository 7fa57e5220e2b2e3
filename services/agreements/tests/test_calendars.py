"""Calendar feeds: what calendar programs are told."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from sys import modules
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from icalendar import Calendar
from sqlalchemy import text

from services.agreements import commands
from services.agreements.bilingual import Bilingual
from services.agreements.calendar import Appointment, feed
from services.agreements.kinds import Tier
from services.agreements.ladder import Ladder
from services.agreements.tests.branches import agree, carry, propose, read, reword, running
from services.agreements.tests.builders import (
    LEGAL,
    MINISTRY,
    accept_for_all,
    approved,
    ask_for_a_visa,
    attached,
    bound,
    current,
    director,
    late,
    officer,
    operator_of,
    owing,
    president,
    reviewed,
    sign_for,
    signed_by_all,
    suspend,
    terminate,
)
from services.agreements.tests.feeds import a_feed, appointments
from shared.actor import NATIONAL
from shared.clock import business_date, today
from shared.database import Database
from shared.ids import new_id

DAYS = import_module("services.agreements.migrations.versions.0014_calendar_days")
FEEDS = import_module("services.agreements.migrations.versions.0027_feeds")


async def test_a_feed_tells_what_is_ahead_to_whoever_has_its_address(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await late(
        database, current(effective_from=today() - timedelta(days=40), effective_until=today() + timedelta(days=100))
    )
    told = await appointments(http, await a_feed(as_, officer()))
    assert told[f"obligation-{agreement.duties[0].obligation_id}-1@mithaq"][0] == today() - timedelta(days=10)
    assert told[f"expiry-{agreement.id}@mithaq"][0] == agreement.effective_until


async def test_a_feed_says_who_owes_what(as_: Any, http: httpx.AsyncClient, database: Database) -> None:
    terms = current(effective_from=today() - timedelta(days=40))
    first, second = terms.parties[:2]
    mutual = [
        {"debtor": each.party_id, "creditor": other.party_id} for each, other in ((first, second), (second, first))
    ]
    owed = [Bilingual(ar=f"التزام {number} (وهمي)", fr=f"Obligation {number} (fictif)") for number in (1, 2)]
    duties = [{"due_on": today(), "what": what, **who} for what, who in zip(owed, mutual, strict=True)]
    agreement = await bound(database, owing(terms, *duties))
    names = [agreement.names[each.organisation_id] for each in (first, second)]
    for by in (officer(), MINISTRY, president(operator_of(agreement))):
        for language, told in (
            ("fr", [f"{name.fr} : échéance de « {what.fr} »" for name, what in zip(names, owed, strict=True)]),
            ("en", [f"{name.fr}: “{what.fr}” is due" for name, what in zip(names, owed, strict=True)]),
            ("ar", [f"{name.ar}: حلول أجل «{what.ar}»" for name, what in zip(names, owed, strict=True)]),
        ):
            found = await appointments(http, await a_feed(as_, by, language=language))
            titles = [found[f"obligation-{each.obligation_id}-1@mithaq"][1] for each in agreement.duties]
            plain = [each.replace("\u2068", "").replace("\u2069", "") for each in titles]
            assert all(title.startswith(start) for title, start in zip(plain, told, strict=True)), plain
            assert all(str(agreement.reference) in title for title in plain)


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
    for each in agreement.parties:
        await sign_for(database, agreement, each.organisation_id)
    assert uid not in await appointments(http, path)


async def test_an_announced_end_takes_the_place_of_the_old_one_until_it_is_withdrawn(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=100)))
    path = await a_feed(as_, officer(), language="en")
    uid = f"expiry-{agreement.id}@mithaq"
    day = today() + timedelta(days=40)
    expires = (agreement.effective_until, f"Last day of agreement {agreement.reference}")
    assert (await appointments(http, path))[uid] == expires
    await terminate(database, agreement, notified_on=today(), effective_on=day)
    told = await appointments(http, path)
    assert told[uid] == (day, f"Agreement {agreement.reference} ends: termination")
    assert agreement.effective_until not in [on for on, _ in told.values()]
    await commands.withdraw_announcement(database, agreement.id, reason="r", by=director())
    assert (await appointments(http, path))[uid] == expires


async def test_an_announced_suspension_is_told_beside_the_end_until_it_takes_effect(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=100)))
    path = await a_feed(as_, president(operator_of(agreement)), language="en")
    day = today() + timedelta(days=20)
    await suspend(database, agreement, notified_on=today(), effective_on=day)
    told = await appointments(http, path)
    assert told[f"suspension-{agreement.id}@mithaq"] == (
        day,
        f"Agreement {agreement.reference} is suspended from this day on",
    )
    assert f"expiry-{agreement.id}@mithaq" in told
    await commands.let_time_pass(database, agreement.id, on=day)
    told = await appointments(http, path)
    assert f"suspension-{agreement.id}@mithaq" not in told and f"expiry-{agreement.id}@mithaq" in told


async def test_the_deadline_of_the_step_that_is_waited_for_is_told_to_the_parties(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await reviewed(database)
    due = business_date(agreement.climbing.since + timedelta(days=10))
    uid = f"approval-{agreement.id}@mithaq"
    paths = [await a_feed(as_, by, language="en") for by in (officer(), president(operator_of(agreement)))]
    for path in paths:
        assert (await appointments(http, path))[uid] == (
            due,
            f"Last day to approve the text of agreement {agreement.id}",
        ), "it has no reference yet"
    await commands.return_with_remarks(database, agreement.id, remarks="r", by=LEGAL)
    assert uid not in await appointments(http, paths[0]), "the parties negotiate again"
    await accept_for_all(database, await read(database, agreement.id))
    await commands.submit_for_review(database, agreement.id, by=officer())
    assert uid in await appointments(http, paths[0])
    await commands.approve_agreement(database, agreement.id, by=LEGAL)
    assert uid not in await appointments(http, paths[0])


async def test_what_all_have_signed_ahead_counts_from_the_first_day_of_the_agreement(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    start = today() + timedelta(days=60)
    agreement = await signed_by_all(database, current(effective_from=start))
    amendment = await reword(database, await propose(database, agreement), "article-1", "Un")
    amendment = await carry(database, amendment)
    those = (president(operator_of(agreement)), officer(), MINISTRY)
    paths = [await a_feed(as_, by, language="en") for by in those]
    first, amended = f"start-{agreement.id}@mithaq", f"amended-{amendment.id}@mithaq"
    for path in paths:
        told = await appointments(http, path)
        assert told[first] == (start, f"Agreement {agreement.reference} is in force from this day on")
        assert told[amended][0] == start
    await attached(database, agreement, "termination_decision")
    await terminate(database, agreement, notified_on=today(), effective_on=start)
    for path in paths:
        told = await appointments(http, path)
        assert told[f"expiry-{agreement.id}@mithaq"][0] == start
        assert first not in told and amended not in told, "it ends before it begins"
    await commands.withdraw_announcement(database, agreement.id, reason="r", by=director())
    await commands.bring_into_force(database, agreement.id, on=start)
    for path in paths:
        told = await appointments(http, path)
        assert first not in told and amended not in told


async def test_the_first_day_of_what_waits_for_a_visa_is_not_told_before_it_is_recorded(
    as_: Any, http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ask_for_a_visa(monkeypatch)
    start = today() + timedelta(days=60)
    agreement = await signed_by_all(database, current(agreement_kind=kind, effective_from=start))
    path, uid = await a_feed(as_, officer()), f"start-{agreement.id}@mithaq"
    assert uid not in await appointments(http, path)
    await commands.record_visa(database, agreement.id, visa_number="V-1", granted_on=today(), by=director())
    assert (await appointments(http, path))[uid][0] == start


async def test_the_last_day_of_a_document_is_told_to_its_parties_and_its_offices_while_it_holds(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=300)))
    operator = president(operator_of(agreement))
    until = today() + timedelta(days=50)
    agreement = await attached(database, agreement, "insurance_certificate", expires_on=until)
    paper = agreement.documents[-1].document_id
    uid = f"document-{paper}@mithaq"
    paths = [
        *[await a_feed(as_, by, language="en") for by in (operator, officer(), MINISTRY)],
        await a_feed(as_, officer(), language="en", organisation_id=str(operator_of(agreement))),
    ]
    for path in paths:
        told = await appointments(http, path)
        assert told[uid] == (until, f"Last day of a document of agreement {agreement.reference}")
    for by in (president(new_id()), officer("MA-07")):
        assert await appointments(http, await a_feed(as_, by)) == {}
    later = until + timedelta(days=100)
    file = await attached(database, agreement, "insurance_certificate", expires_on=later, replaces=paper)
    renewed = f"document-{file.documents[-1].document_id}@mithaq"
    for path in paths:
        told = await appointments(http, path)
        assert uid not in told and told[renewed][0] == later
    await commands.let_time_pass(database, agreement.id, on=later + timedelta(days=1))
    for path in paths:
        assert renewed not in await appointments(http, path), "it holds no more"


async def test_all_documents_of_an_agreement_are_told_until_it_ends(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=300)))
    days = [today() + timedelta(days=number) for number in (90, 20, 50, 500)]
    for day in days:
        agreement = await attached(database, agreement, "insurance_certificate", expires_on=day)
    path = await a_feed(as_, officer())
    told = await appointments(http, path)
    assert sorted(day for uid, (day, _) in told.items() if uid.startswith("document")) == sorted(days[:3])
    await commands.let_time_pass(database, agreement.id, on=agreement.effective_until + timedelta(days=1))
    assert not [uid for uid in await appointments(http, path) if uid.startswith("document")]


async def test_the_nearest_documents_are_told_whichever_agreement_has_them(
    as_: Any, http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["services.agreements.queries.calendars"], "MOST", 2)
    for numbers in ((10, 20, 60), (15, 300), (30, 40)):
        agreement = await bound(database, current(effective_until=today() + timedelta(days=300)))
        for number in numbers:
            until = today() + timedelta(days=number)
            await attached(database, agreement, "insurance_certificate", expires_on=until)
    told = await appointments(http, await a_feed(as_, officer()))
    assert sorted((day - today()).days for uid, (day, _) in told.items() if uid.startswith("document")) == [10, 15]


async def test_what_was_in_review_before_calendars_told_of_it_has_the_day_that_its_state_gives(
    database: Database, database_url: Callable[[str], str]
) -> None:
    agreement = await reviewed(database)
    owner = Database(database_url("agreements"), role=None)
    try:
        async with owner.transaction(NATIONAL) as tx:
            await tx.execute(text("update agreement set approval_due_on = null"))
            await (await tx.connection()).run_sync(DAYS.fill_in, "agreement", "legal_review")
            filled = (await tx.execute(text("select approval_due_on from agreement"))).scalar_one()
    finally:
        await owner.dispose()
    assert filled == agreement.climbing.due_on is not None
    name = {"ar": "مثال", "fr": "exemple"}
    tiers = [
        Tier.model_validate({"id": id, "name": name, "roles": ["ministry_officer"], "needed": needed, "days": days})
        for id, needed, days in (("first", 2, 10), ("unlimited", 1, None), ("last", 1, 200))
    ]
    ladder = Ladder(tiers=tuple(tiers), since=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    step_due = text(f"select {DAYS.STEP_DUE} from (select cast(:state as jsonb) as state) file")
    seen = list[date | None]()
    async with database.transaction(NATIONAL) as tx:
        for person in ("a", "b", "c", "d", "nobody"):
            state = json.dumps({"ladder": ladder.model_dump(mode="json")})
            at = await (await tx.connection()).scalar(step_due, {"state": state})
            seen.append(at and business_date(at))
            assert seen[-1] == ladder.due_on
            if ladder.current:
                at = ladder.since + timedelta(days=1)
                ladder = ladder.having(ladder.approve(person, ladder.current.roles, at))
    assert [each is not None for each in seen] == [True, True, False, True, False]


async def test_what_was_there_before_every_feed_told_of_it_has_the_days_that_its_state_gives(
    database: Database, database_url: Callable[[str], str]
) -> None:
    agreement = await bound(database, current(effective_until=today() + timedelta(days=300)))
    for number in (90, 20):
        await attached(database, agreement, "insurance_certificate", expires_on=today() + timedelta(days=number))
    await bound(database)
    applied = await carry(database, await reword(database, await propose(database, agreement), "article-1", "Un"))
    offered = await agree(database, await reword(database, await propose(database, agreement), "article-1", "Deux"))
    over = await bound(database, running())
    amendment = await agree(database, await reword(database, await propose(database, over), "article-1", "Un"))
    assert amendment.expires_on
    await commands.let_amendment_time_pass(database, amendment.id, on=amendment.expires_on + timedelta(days=1))
    days = {"agreement": "papers_until", "amendment": "offered_until, applied_on"}
    owner = Database(database_url("agreements"), role=None)
    told = list[dict[UUID, Any]]()
    try:
        async with owner.transaction(NATIONAL) as tx:
            for again in (False, True):
                if again:
                    for table, columns in days.items():
                        gone = ", ".join(f"{column} = null" for column in columns.split(", "))
                        await tx.execute(text(f"update {table} set {gone}"))
                    for filled in (FEEDS.PAPERS_UNTIL, FEEDS.OFFERED_UNTIL, FEEDS.APPLIED_ON):
                        await tx.execute(text(filled))
                for table, columns in days.items():
                    rows = (await tx.execute(text(f"select id, {columns} from {table}"))).all()
                    told.append({id: tuple(found) for id, *found in rows})
    finally:
        await owner.dispose()
    assert told[:2] == told[2:]
    agreements, amendments = told[2:]
    assert agreements[agreement.id] == (today() + timedelta(days=20),)
    assert amendments[applied.id] == (None, today())
    assert amendments[offered.id] == (offered.expires_on, None)
    assert amendments[amendment.id] == (None, None)


async def test_a_feed_holds_no_evidence_and_no_persons_name(
    as_: Any, http: httpx.AsyncClient, database: Database
) -> None:
    agreement = await late(database)
    named = agreement.duties[0].obligation_id
    operator = president(operator_of(agreement))
    await commands.claim_obligation(database, agreement.id, named, evidence="secret", by=operator)
    told = (await http.get(await a_feed(as_, officer()))).text
    for word in ("secret", operator.subject, agreement.title.fr):
        assert word not in told


def test_a_feed_is_valid_and_the_same_appointments_give_the_same_bytes(app: FastAPI) -> None:
    day = date(2026, 3, 28)
    changed_at = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    reference = {"reference": "AREF-06/2026-0001"}
    listed = [Appointment("expiry-1", day, "expiry", {**reference}, version=3, changed_at=changed_at)]
    for language, right_to_left in (("ar", True), ("fr", False), ("en", False)):
        options: dict[str, Any] = {"language": language, "wording": app.state.wording}
        written = feed(listed, **options)
        assert written == feed(listed, **options)
        assert b"\r\n" in written and all(len(line) <= 75 for line in written.split(b"\r\n")), "RFC 5545, 3.1"
        event: Any
        calendar: Any = Calendar.from_ical(written)
        assert calendar["name"] == calendar["x-wr-calname"] == app.state.wording.text("calendar.name", language)
        (event,) = calendar.events
        assert event["last-modified"].dt == changed_at
        assert (event.start, event.end) == (day, day + timedelta(days=1)), "all day long"
        assert (event["sequence"], event["dtstamp"].dt, event["transp"]) == (3, changed_at, "TRANSPARENT")
        assert ("\u2068AREF-06/2026-0001\u2069" in str(event["summary"])) == right_to_left
