"""Comments: where they hang, who may be mentioned, who sees them, and what travels."""

import json
from typing import Any

import pytest
from sqlalchemy import text as sql

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.errors.negotiation import TextMovedOn
from services.agreements.errors.threads import ClauseUnknown, NotToBeMentioned, NotYourThread, PointsFull, ThreadFull
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    body_of,
    clauses,
    current,
    current_network,
    director,
    know,
    mandate,
    officer,
    operator_of,
    owing,
    president,
    remark,
)
from services.agreements.thread import MOST, Point, Thread
from shared.actor import NATIONAL, Actor
from shared.database import Database
from shared.events.agreements import ThreadAnswered
from shared.ids import new_id
from shared.messaging import journal
from shared.refusals import NotFound
from shared.territory import ACADEMIES, MINISTRY_ID
from shared.web import etag


async def drafted(database: Database) -> Agreement:
    """A draft with its text, with its parties known."""
    terms = current()
    await know(database, terms)
    return await commands.draft_agreement(database, terms, clauses=clauses(), by=officer())


async def opened(database: Database, agreement: Agreement, by: Actor | None = None, **options: Any) -> Thread:
    """A thread on the first clause."""
    fields: dict[str, Any] = {"clause": "article-1", "text_hash": None, "body": "(fictif) à préciser"}
    return await commands.open_thread(database, agreement.id, **(fields | options), by=by or officer())


async def test_a_thread_hangs_on_a_clause_of_the_text_as_it_stood(as_: Any, database: Database) -> None:
    agreement = await drafted(database)
    thread = await opened(database, agreement)
    assert (thread.clause, thread.text_hash) == ("article-1", agreement.text_hash)
    with pytest.raises(ClauseUnknown):
        await opened(database, agreement, clause="article-9")
    await commands.revise_text(database, agreement.id, clauses(3), by=officer())
    with pytest.raises(TextMovedOn):
        await opened(database, agreement, text_hash=agreement.text_hash)
    told = (await as_(officer()).get(f"/agreements/{agreement.id}/threads/{thread.id}")).json()
    assert told["outdated"] and told["text_hash"] == agreement.text_hash


async def test_a_thread_is_answered_resolved_read_and_reopened(as_: Any, database: Database) -> None:
    agreement = await drafted(database)
    operator = president(operator_of(agreement))
    at = f"/agreements/{agreement.id}/threads"
    made = await as_(operator).post(at, {"body": "(fictif) le délai", "clause": "article-2"})
    assert made.status_code == 201, made.text
    one = made.headers["Location"].removeprefix("/api/v1")
    answered = await as_(officer()).post(f"{one}/comments", {"body": "(fictif) trente jours"})
    assert (answered.status_code, answered.json()["count"]) == (201, 2)
    stale = await as_(operator).post(f"{one}/resolution", If_Match=made.headers["ETag"])
    assert stale.status_code == 412, "somebody answered meanwhile"
    done = await as_(operator).post(f"{one}/resolution", If_Match=answered.headers["ETag"])
    assert done.json()["available_actions"] == ["reopen_thread"]
    refused = await as_(officer()).post(f"{one}/comments", {"body": "(fictif)"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-allowed-now")
    told = (await as_(MINISTRY).get(one)).json()
    assert [each["body"] for each in told["comments"]] == ["(fictif) le délai", "(fictif) trente jours"]
    again = await as_(officer()).post(f"{one}/reopening", If_Match=done.headers["ETag"])
    assert again.json()["state"] == "open"


async def test_a_point_is_settled_by_who_raised_it_or_keeps_the_agreement(database: Database) -> None:
    agreement = await drafted(database)
    mine = await opened(database, agreement)
    operator = president(operator_of(agreement))
    for by in (operator, MINISTRY):
        with pytest.raises(NotYourThread):
            await commands.resolve_thread(database, agreement.id, mine.id, by=by)
    theirs = await opened(database, agreement, operator)
    await commands.resolve_thread(database, agreement.id, theirs.id, by=director())
    with pytest.raises(NotYourThread):
        await commands.reopen_thread(database, agreement.id, theirs.id, by=MINISTRY)


async def test_who_takes_part_can_be_mentioned(database: Database) -> None:
    agreement = await drafted(database)
    operator = operator_of(agreement)
    mentioned = [operator, MINISTRY_ID, ACADEMIES["MA-06"].organisation_id]
    people = [president(operator).person, officer().person]
    thread = await opened(database, agreement, organisations=mentioned, people=people)
    assert (thread.comments[0].organisations, thread.comments[0].people) == (tuple(mentioned), tuple(people))
    colleague = Actor(officer().issuer, "colleague", officer().roles, "MA-06")
    with pytest.raises(NotToBeMentioned):
        await opened(database, agreement, people=[colleague.person])
    answer: dict[str, Any] = {"body": "(fictif)", "by": colleague}
    await commands.answer_thread(database, agreement.id, thread.id, **answer)
    await commands.answer_thread(database, agreement.id, thread.id, **answer | {"people": [colleague.person]})


async def test_an_answer_names_who_else_commented_before(database: Database) -> None:
    agreement = await drafted(database)
    thread = await opened(database, agreement)
    operator = president(operator_of(agreement))
    said = []
    for by in (operator, operator, officer()):
        thread = await commands.answer_thread(database, agreement.id, thread.id, body="(fictif)", by=by)
        async with database.transaction(NATIONAL) as tx:
            *_, last = await journal.past(tx, thread.id)
        assert isinstance(last.event, ThreadAnswered)
        said.append(last.event.commenters)
    assert said == [(officer().person,), (officer().person,), (operator.person,)]


async def test_a_foreign_mention_is_refused_whether_it_exists_or_not(as_: Any, database: Database) -> None:
    agreement, other = await drafted(database), await drafted(database)
    at = f"/agreements/{agreement.id}/threads"
    foreign = {
        "organisations": (str(operator_of(other)), str(new_id())),
        "people": (president(operator_of(other)).person, "x#nobody"),
    }
    for field, names in foreign.items():
        refusals = [await as_(officer()).post(at, {"body": "(fictif)", field: [name]}) for name in names]
        assert [each.status_code for each in refusals] == [422, 422]
        first, second = (each.text.replace(name, "") for each, name in zip(refusals, names, strict=True))
        drop = ("trace_id", *names)
        assert _without(first, *drop) == _without(second, *drop)


async def test_a_mandate_that_is_over_makes_nobody_known(database: Database) -> None:
    agreement = await drafted(database)
    former = president(new_id())
    over = mandate(operator_of(agreement), former, valid_until=mandate(new_id()).valid_from)
    async with database.transaction(NATIONAL) as tx:
        tx.add(over)
    with pytest.raises(NotToBeMentioned):
        await opened(database, agreement, people=[former.person])


async def test_threads_are_listed_newest_first_by_pages_and_filters(as_: Any, database: Database) -> None:
    agreement = await drafted(database)
    made = [await opened(database, agreement, clause=clause) for clause in ("article-1", "article-2", None)]
    await commands.resolve_thread(database, agreement.id, made[0].id, by=officer())
    at, desk = f"/agreements/{agreement.id}/threads", as_(officer())
    first = (await desk.get(at, limit=2)).json()
    rest = (await desk.get(at, limit=2, cursor=first["next"])).json()
    ids = [each["id"] for each in (*first["items"], *rest["items"])]
    assert ids == [str(each.id) for each in reversed(made)] and rest["next"] is None
    for params, wanted in (({"state": "resolved"}, made[:1]), ({"clause": "article-2"}, made[1:2])):
        found = (await desk.get(at, **params)).json()["items"]
        assert [each["id"] for each in found] == [str(each.id) for each in wanted]


async def test_open_points_are_counted_by_clause_and_party(as_: Any, database: Database) -> None:
    agreement = await drafted(database)
    operator = operator_of(agreement)
    points = [await opened(database, agreement, by) for by in (officer(), president(operator), president(operator))]
    settled = await opened(database, agreement, clause=None)
    await opened(database, agreement, clause=None)
    await commands.resolve_thread(database, agreement.id, settled.id, by=officer())
    at, ministry = f"/agreements/{agreement.id}/open-points", as_(MINISTRY)
    told = (await ministry.get(at)).json()
    counts = {(each["clause"], each["organisation_id"]): each["open"] for each in told["items"]}
    academy = str(ACADEMIES["MA-06"].organisation_id)
    assert counts == {(None, academy): 1, ("article-1", academy): 1, ("article-1", str(operator)): 2}
    assert told["open"] == 4
    first = (await ministry.get(at, limit=2)).json()
    rest = (await ministry.get(at, limit=2, cursor=first["next"])).json()
    assert first["items"] + rest["items"] == told["items"] and (first["open"], rest["open"]) == (4, 4)
    for each, by in zip(points, (officer(), president(operator), president(operator)), strict=True):
        await commands.resolve_thread(database, agreement.id, each.id, by=by)
    gone = (await ministry.get(at, limit=2, cursor=first["next"])).json()
    assert (gone["items"], gone["open"]) == ([], 1), "a page goes on where the one before ended, settled or not"


async def test_who_sees_the_agreement_today_sees_its_threads(as_: Any, database: Database) -> None:
    agreement = await drafted(database)
    thread = await opened(database, agreement)
    before, other = operator_of(agreement), current()
    await know(database, other)
    body = {
        name: value for name, value in body_of(other).items() if name not in ("agreement_kind", "academy", "clauses")
    }
    revised = await as_(officer()).http.put(
        f"/api/v1/agreements/{agreement.id}/terms",
        json=body,
        headers=as_(officer()).headers | {"If-Match": f'"{agreement.version}"'},
    )
    assert revised.status_code == 200, revised.text
    after = next(each.organisation_id for each in other.parties if "operator" in each.roles)
    at = f"/agreements/{agreement.id}/threads/{thread.id}"
    assert (await as_(president(after)).get(at)).status_code == 200
    assert (await as_(president(before)).get(at)).status_code == 404


@pytest.mark.parametrize("jurisdiction", ["MA-01", "DP-TNG"])
async def test_the_database_shows_no_foreign_thread_nor_its_journal(database: Database, jurisdiction: str) -> None:
    agreement = await drafted(database)
    await opened(database, agreement)
    for scope, seen in (({jurisdiction}, 0), ({"MA-06"}, 1)):
        async with database.transaction(frozenset(scope)) as tx:
            assert (await tx.execute(sql("select count(*) from thread"))).scalar() == seen
            journal = sql("select count(*) from journal where aggregate_type = 'thread'")
            assert (await tx.execute(journal)).scalar() == seen


async def test_a_thread_belongs_to_its_agreement(as_: Any, database: Database) -> None:
    agreement, other = await drafted(database), await drafted(database)
    thread = await opened(database, agreement)
    assert (await as_(officer()).get(f"/agreements/{other.id}/threads/{thread.id}")).status_code == 404
    with pytest.raises(NotFound):
        await commands.answer_thread(database, other.id, thread.id, body="(fictif)", by=officer())


async def test_what_is_said_is_published_nowhere(database: Database) -> None:
    agreement = await drafted(database)
    thread = await opened(database, agreement, body="(fictif) canari")
    await commands.answer_thread(database, agreement.id, thread.id, body="(fictif) canari", by=officer())
    async with database.transaction(NATIONAL) as tx:
        rows = (await tx.execute(sql("select data::text, audience from journal where aggregate_type = 'thread'"))).all()
    assert len(rows) == 2
    assert not any("canari" in data for data, _ in rows)
    assert all(audience == ["MA-06"] for _, audience in rows)


async def test_a_comment_on_a_national_agreement_bothers_no_academy(database: Database) -> None:
    agreement = await approved(database, current_network())
    thread = await opened(database, agreement, MINISTRY, clause=None)
    assert thread.audience() == ()


async def test_a_comment_leaves_the_agreements_version_alone(database: Database) -> None:
    agreement = await drafted(database)
    await opened(database, agreement)
    moved_on = await commands.open_negotiation(database, agreement.id, by=officer(), expected=agreement.version)
    assert moved_on.version == agreement.version + 1


def test_a_thread_holds_a_bounded_number_of_comments() -> None:
    id = new_id()
    opening = Thread.open(id, remark(), point=Point(agreement_id=new_id()), academies=(), parties=(), text_hash=None)
    thread = Thread.fold(id, opening)
    while len(thread.comments) < MOST:
        thread.evolve(thread.answer(remark(), parties=()))
    with pytest.raises(ThreadFull):
        thread.answer(remark(), parties=())


async def test_a_thread_on_an_obligation_stays_on_it_when_terms_are_put_again(as_: Any, database: Database) -> None:
    """One that is as it was is known by that, one that is changed by its id."""
    terms = owing(current(), {"due_days": 30}, {"due_days": 30}, {"due_days": 60})
    await know(database, terms)
    desk = as_(officer())
    draft = (await desk.post("/agreements", body_of(terms))).json()
    at, ids = f"/agreements/{draft['id']}", [each["obligation_id"] for each in draft["duties"]]
    for id in ids:
        await desk.post(f"{at}/threads", {"body": "(fictif) délai ?", "obligation_id": id})
    body = body_of(terms)
    for name in ("clauses", "agreement_kind", "academy"):
        del body[name]
    body["title"]["fr"] += " bis"
    put = await desk.put(f"{at}/terms", body, If_Match=etag(draft["version"]))
    assert [each["obligation_id"] for each in put.json()["duties"]] == ids
    one, other, changed = body["obligations"]
    one["due_days"], changed["what"]["fr"], changed["obligation_id"] = 45, "Autre (fictif)", ids[2]
    put = await desk.put(f"{at}/terms", body | {"obligations": [changed, other, one]}, If_Match=put.headers["ETag"])
    duties = put.json()["duties"]
    assert [each["obligation_id"] for each in duties[:2]] == [ids[2], ids[0]], "of equal ones the first"
    assert duties[0]["what"]["fr"] == "Autre (fictif)" and duties[2]["obligation_id"] not in ids
    points = {each["obligation_id"] for each in (await desk.get(f"{at}/open-points")).json()["items"]}
    assert points == {*ids}
    for wrong, problem in ({str(new_id())}, "part-unknown"), ({ids[2]}, "malformed"):
        one["obligation_id"] = wrong.pop()
        refused = await desk.put(f"{at}/terms", body, If_Match=put.headers["ETag"])
        assert (refused.status_code, refused.json()["type"]) == (422, f"/problems/{problem}")


async def test_an_agreement_has_so_many_open_points_and_another_once_one_is_settled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.agreements.commands.threads.MOST_OPEN", 2)
    agreement = await drafted(database)
    first, _ = [await opened(database, agreement) for _ in range(2)]
    with pytest.raises(PointsFull) as refused:
        await opened(database, agreement, clause=None)
    assert refused.value.values == {"most": 2}
    await opened(database, await drafted(database))
    await commands.resolve_thread(database, agreement.id, first.id, by=officer())
    await opened(database, agreement)
    with pytest.raises(PointsFull):
        await commands.reopen_thread(database, agreement.id, first.id, by=officer())


def _without(answer: str, *names: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(answer).items() if name not in names}
