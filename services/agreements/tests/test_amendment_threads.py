"""Comments on amendments, as on agreements: on what they hang, who sees them, who may be mentioned."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text as sql

from services.agreements import commands, queries
from services.agreements.amendment import Amendment
from services.agreements.errors.negotiation import TextMovedOn
from services.agreements.errors.threads import ClauseUnknown, NotToBeMentioned, NotYourThread, ObligationUnknown
from services.agreements.tests.branches import branch_of, owed, propose, read, revise, reword, running
from services.agreements.tests.builders import (
    MINISTRY,
    bound,
    know,
    mandate,
    officer,
    operator_of,
    party,
    person,
    president,
    signer,
)
from services.agreements.tests.clients import Client
from services.agreements.thread import Thread
from shared.actor import NATIONAL, Actor, Role
from shared.database import Database
from shared.events.agreements import ThreadOpened
from shared.ids import new_id
from shared.messaging import journal


async def proposed(database: Database) -> Amendment:
    """A branch with other words in its first clause."""
    return await reword(database, await propose(database, await bound(database, running())), "article-1", "Un")


async def opened(database: Database, amendment: Amendment, by: Actor | None = None, **options: Any) -> Thread:
    """A thread on the clause that it changes."""
    fields: dict[str, Any] = {"clause": "article-1", "text_hash": None, "body": "(fictif) à préciser"}
    return await commands.open_thread(database, amendment.id, of="amendment", **(fields | options), by=by or officer())


async def partner_of(database: Database, amendment: Amendment) -> Actor:
    """Who signs for the association."""
    return president(operator_of(await read(database, amendment.agreement_id)))


async def test_an_amendment_is_discussed_while_it_is_reviewed(as_: Any, database: Database) -> None:
    amendment = await proposed(database)
    await commands.submit_amendment(database, amendment.id, by=officer())
    at, partner = f"/amendments/{amendment.id}/threads", as_(await partner_of(database, amendment))
    made = await partner.post(at, {"body": "(fictif) pourquoi", "clause": "article-1"})
    assert made.status_code == 201, made.text
    assert made.json()["available_actions"] == ["answer_amendment_thread", "resolve_amendment_thread"]
    one = made.headers["Location"].removeprefix("/api/v1")
    answered = await as_(officer()).post(f"{one}/comments", {"body": "(fictif) parce que"})
    assert (answered.status_code, answered.json()["count"]) == (201, 2)
    done = await partner.post(f"{one}/resolution", If_Match=answered.headers["ETag"])
    assert done.json()["available_actions"] == ["reopen_amendment_thread"]
    again = await as_(officer()).post(f"{one}/reopening", If_Match=done.headers["ETag"])
    assert (again.status_code, again.json()["state"]) == (200, "open")


async def test_it_hangs_on_a_clause_or_an_obligation_that_the_branch_has_or_takes_away(database: Database) -> None:
    amendment = await proposed(database)
    before = await branch_of(database, amendment)
    due, gone = owed(before), before.clauses[1].key
    _, branch, text = await queries.amendment_content(database, amendment.id, by=MINISTRY)
    left = [each for each in text if each.key != gone]
    amendment = await revise(database, amendment, clauses=left, obligations=(*branch.obligations, due))
    assert (await opened(database, amendment, clause=gone)).clause == gone
    on_duty = await opened(database, amendment, clause=None, obligation_id=due.obligation_id)
    assert (on_duty.obligation_id, on_duty.text_hash) == (due.obligation_id, amendment.content_hash)
    with pytest.raises(ClauseUnknown):
        await opened(database, amendment, clause="article-9")
    with pytest.raises(ObligationUnknown):
        await opened(database, amendment, clause=None, obligation_id=new_id())


async def test_a_comment_on_another_branch_is_refused_and_an_old_one_is_outdated(as_: Any, database: Database) -> None:
    amendment = await proposed(database)
    thread = await opened(database, amendment)
    later = await reword(database, amendment, "article-2", "Deux")
    with pytest.raises(TextMovedOn):
        await opened(database, later, text_hash=amendment.content_hash)
    told = (await as_(officer()).get(f"/amendments/{amendment.id}/threads/{thread.id}")).json()
    assert told["outdated"] and told["text_hash"] == amendment.content_hash


async def test_agreement_and_amendment_have_threads_of_their_own(as_: Any, database: Database) -> None:
    amendment = await proposed(database)
    mine = await opened(database, amendment)
    agreement = f"/agreements/{amendment.agreement_id}"
    theirs = await as_(officer()).post(f"{agreement}/threads", {"body": "(fictif)", "clause": "article-1"})
    desk = as_(officer())
    for at, ids in ((f"/amendments/{amendment.id}", [str(mine.id)]), (agreement, [theirs.json()["id"]])):
        assert [each["id"] for each in (await desk.get(f"{at}/threads")).json()["items"]] == ids
        points = (await desk.get(f"{at}/open-points")).json()
        assert (points["open"], [each["open"] for each in points["items"]]) == (1, [1])
    assert (await desk.get(f"{agreement}/threads/{mine.id}")).status_code == 404
    assert (await desk.get(f"/amendments/{amendment.id}/threads/{theirs.json()['id']}")).status_code == 404


async def test_whom_the_amendment_brings_in_discusses_it_and_sees_nothing_of_the_agreement(
    as_: Any, database: Database
) -> None:
    newcomer = party(new_id(), "funder")
    amendment = await proposed(database)
    await opened(database, amendment)
    on_agreement: dict[str, Any] = {"clause": None, "text_hash": None, "body": "(fictif)", "by": officer()}
    await commands.open_thread(database, amendment.agreement_id, **on_agreement)
    stranger = signer(newcomer.organisation_id)
    assert (await as_(stranger).get(f"/amendments/{amendment.id}/threads")).status_code == 404
    await know(database, running(others=[newcomer]))
    amendment = await revise(database, amendment, parties=(*amendment.parties, newcomer))
    seen = await as_(stranger).get(f"/amendments/{amendment.id}/threads")
    assert len(seen.json()["items"]) == 1
    assert (await as_(stranger).get(f"/agreements/{amendment.agreement_id}/threads")).status_code == 404
    async with database.transaction(stranger.scope) as tx:
        assert (await tx.execute(sql("select count(*) from thread"))).scalar() == 1
    said = await as_(stranger).post(f"/amendments/{amendment.id}/threads", {"body": "(fictif)"})
    assert said.status_code == 201, said.text


async def test_a_thread_of_an_amendment_is_told_to_its_parties(database: Database) -> None:
    amendment = await proposed(database)
    partner = await partner_of(database, amendment)
    thread = await opened(database, amendment, people=[partner.person])
    async with database.transaction(NATIONAL) as tx:
        (told,) = await journal.past(tx, thread.id)
    assert isinstance(told.event, ThreadOpened)
    assert (told.event.amendment_id, told.event.agreement_id) == (amendment.id, amendment.agreement_id)
    assert set(told.event.parties) == {each.organisation_id for each in amendment.parties}
    assert (told.event.people, thread.audience()) == ((partner.person,), ("MA-06",))


async def test_a_point_of_an_amendment_is_settled_by_who_raised_it_or_keeps_the_agreement(database: Database) -> None:
    amendment = await proposed(database)
    thread = await opened(database, amendment)
    for by in (await partner_of(database, amendment), MINISTRY):
        with pytest.raises(NotYourThread):
            await commands.resolve_thread(database, amendment.id, thread.id, of="amendment", by=by)


async def participants(client: Client, at: str) -> tuple[set[UUID], dict[str, str | None]]:
    """The organisations, and the people with their names."""
    answered = await client.get(f"{at}/participants")
    assert answered.status_code == 200, answered.text
    items = answered.json()["items"]
    organisations = {UUID(each["organisation_id"]) for each in items if each["person"] is None}
    return organisations, {each["person"]: each["name"] for each in items if each["person"]}


async def test_participants_are_whom_a_comment_may_mention(as_: Any, database: Database) -> None:
    amendment = await proposed(database)
    partner = await partner_of(database, amendment)
    colleague = person("colleague", Role.association_manager, partner.jurisdiction)
    for at in (f"/amendments/{amendment.id}", f"/agreements/{amendment.agreement_id}"):
        await as_(colleague).post(f"{at}/threads", {"body": "(fictif)"})
        organisations, people = await participants(as_(partner), at)
        assert {each.organisation_id for each in amendment.parties} <= organisations
        assert {officer().person, partner.person, colleague.person} <= {*people}
        body = {"body": "(fictif)", "organisations": [*map(str, organisations)], "people": [*people]}
        assert (await as_(partner).post(f"{at}/threads", body)).status_code == 201


async def test_whose_mandate_it_is_is_told_to_those_only_who_see_it(as_: Any, database: Database) -> None:
    agreement = await bound(database, running())
    second = person("second", Role.association_manager, f"org:{operator_of(agreement)}")
    async with database.transaction(NATIONAL) as tx:
        tx.add(mandate(operator_of(agreement), second))
    at = f"/agreements/{agreement.id}"
    _, own = await participants(as_(president(operator_of(agreement))), at)
    _, others = await participants(as_(officer()), at)
    assert second.person in own and second.person not in others


async def test_who_commented_is_called_by_the_name_that_their_token_says(
    as_: Any, database: Database, token: Any
) -> None:
    agreement = await bound(database, running())
    at, by = f"/agreements/{agreement.id}", president(operator_of(agreement))
    named = Client(as_(by).http, lambda who: token(who, name="Personne (fictive)"), by)
    made = await named.post(f"{at}/threads", {"body": "(fictif)"})
    assert made.json()["comments"][0]["name"] == "Personne (fictive)"
    _, people = await participants(as_(officer()), at)
    assert people[by.person] == "Personne (fictive)" and people[officer().person] is None
    hidden = Client(as_(by).http, lambda who: token(who, name="a\u202eb"), by)
    made = await hidden.post(f"{at}/threads", {"body": "(fictif)"})
    assert (made.status_code, made.json()["comments"][0]["name"]) == (201, None)
    async with database.transaction(NATIONAL) as tx:
        published = (await tx.execute(sql("select data::text from journal where aggregate_type = 'thread'"))).scalars()
        assert not any("Personne" in each for each in published)


async def test_a_foreign_file_has_no_participants(as_: Any, database: Database) -> None:
    amendment = await proposed(database)
    stranger = as_(person("else", Role.academy_officer, "MA-01"))
    for at in (f"/amendments/{amendment.id}", f"/agreements/{amendment.agreement_id}"):
        assert (await stranger.get(f"{at}/participants")).status_code == 404


async def test_a_stranger_is_not_mentioned_on_an_amendment(database: Database) -> None:
    amendment = await proposed(database)
    for named in ({"people": ["x#nobody"]}, {"organisations": [new_id()]}):
        with pytest.raises(NotToBeMentioned):
            await opened(database, amendment, **named)
