"""Obligations and editions over HTTP: who sees what, and what is answered."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from sqlmodel import select

from services.agreements import commands, schedule
from services.agreements.agreement import Agreement
from services.agreements.errors.obligations import NotYourObligation
from services.agreements.tables import AGREEMENTS, ObligationRow
from services.agreements.terms import Fulfilling
from services.agreements.tests.builders import (
    MINISTRY,
    attached,
    body_of,
    bound,
    current,
    current_network,
    director,
    know,
    late,
    officer,
    operator_of,
    owing,
    party,
    president,
    signer,
    suspend,
    terminate,
)
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.web.conventions import is_problem

ACADEMY_6 = ACADEMIES["MA-06"].organisation_id


async def owed(as_: Any, by: Actor, **params: Any) -> list[dict[str, Any]]:
    """What somebody sees across agreements."""
    answered = await as_(by).get("/obligations", **params)
    assert answered.status_code == 200, answered.text
    items: list[dict[str, Any]] = answered.json()["items"]
    return items


async def test_duties_are_drafted_with_their_agreement(as_: Any, database: Database) -> None:
    terms = current()
    opening = {"fulfilled_by": "center_opened", "center_id": terms.centers[0].center_id}
    terms = owing(terms, opening, {"creditor": None, "blocks": ("renewal",), "survives": True})
    await know(database, terms)
    created = await as_(officer()).post("/agreements", body_of(terms))
    assert created.status_code == 201, created.text
    opens, other = created.json()["duties"]
    debtor = next(each["party_id"] for each in created.json()["parties"] if "operator" in each["roles"])
    assert (opens["debtor"], opens["center_id"]) == (debtor, created.json()["centers"][0]["center_id"])
    assert (other["creditor"], other["blocks"], other["survives"]) == (None, ["renewal"], True)


@pytest.mark.parametrize("what", get_args(Fulfilling))
async def test_what_fulfils_an_obligation_is_agreed_and_told(as_: Any, database: Database, what: Fulfilling) -> None:
    terms = current(effective_from=today())
    center_id = terms.centers[0].center_id
    await know(database, terms)
    body = body_of(owing(terms, {"fulfilled_by": what, "center_id": center_id}))
    created = (await as_(officer()).post("/agreements", body)).json()
    (duty,) = created["duties"]
    assert (duty["fulfilled_by"], duty["center_id"]) == (what, created["centers"][0]["center_id"])
    agreement = await bound(database, owing(terms, {"fulfilled_by": what, "center_id": center_id}))
    (entry,) = (await as_(officer()).get(f"/agreements/{agreement.id}/obligations")).json()["items"]
    assert (entry["fulfilled_by"], entry["center_id"]) == (what, str(center_id))


async def test_an_opening_may_be_named_by_its_center_alone(as_: Any, database: Database) -> None:
    terms = current()
    await know(database, terms)
    body = body_of(owing(terms, {}))
    body["obligations"][0] |= {"opens_center": 0}
    (duty,) = (await as_(officer()).post("/agreements", body)).json()["duties"]
    assert duty["fulfilled_by"] == "center_opened"


async def test_an_obligation_of_a_stranger_is_refused_at_drafting(as_: Any) -> None:
    body = body_of(owing(current(), {}))
    body["obligations"][0]["debtor_id"] = str(new_id())
    refused = await as_(officer()).post("/agreements", body)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/obligation-party-unknown")


@pytest.mark.parametrize(
    "changes",
    [
        {"opens_center": 1},
        {"center": 1, "fulfilled_by": "center_filled"},
        {"center": 0},
        {"fulfilled_by": "center_filled"},
        {"center": 0, "fulfilled_by": "center_filled", "opens_center": 0},
        {"center": 0, "fulfilled_by": "center_painted"},
        {"due_days": None},
        {"due_on": "2030-01-01"},
        {"recurrence": {"first_due_on": "2030-01-01"}},
    ],
    ids=[
        "no-such-center",
        "no-such-center-to-fill",
        "by-nothing",
        "nowhere",
        "in-two-ways",
        "by-nothing-known",
        "never-due",
        "due-twice",
        "no-period",
    ],
)
async def test_a_malformed_obligation_is_refused(as_: Any, changes: dict[str, Any]) -> None:
    body = body_of(owing(current(), {}))
    body["obligations"][0] |= changes
    refused = await as_(officer()).post("/agreements", body)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/malformed")


async def test_a_claim_is_made_returned_made_again_and_confirmed(as_: Any, database: Database) -> None:
    agreement = await late(database)
    operator = president(operator_of(agreement))
    at = f"/agreements/{agreement.id}/obligations"
    named = f"{at}/{agreement.duties[0].obligation_id}"
    agreement = await attached(database, agreement, "evidence", by=operator)
    read = await as_(operator).get(at)
    (entry,) = read.json()["items"]
    assert entry["state"] == "due" and entry["late_since"] == str(today() - timedelta(days=9))
    assert entry["available_actions"] == ["claim_obligation"]
    evidence = {"evidence": "(fictif) procès-verbal", "documents": [agreement.documents[-1].hash]}
    unseen = evidence | {"documents": ["ab" * 32]}
    refused = await as_(operator).post(f"{named}/claim", unseen, If_Match=read.headers["ETag"])
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/file-unknown")
    claimed = await as_(operator).post(f"{named}/claim", evidence, If_Match=read.headers["ETag"])
    assert claimed.status_code == 200, claimed.text
    read = await as_(officer()).get(at)
    assert read.json()["items"][0]["claim"] == evidence | {"claimed_on": str(today())}
    assert read.json()["items"][0]["available_actions"] == ["return_obligation", "confirm_obligation"]
    why = {"reason": "(fictif) illisible"}
    returned = await as_(officer()).post(f"{named}/return", why, If_Match=read.headers["ETag"])
    again = await as_(operator).post(f"{named}/claim", evidence, If_Match=returned.headers["ETag"])
    done = await as_(director()).post(f"{named}/confirmation", {}, If_Match=again.headers["ETag"])
    assert done.status_code == 200, done.text
    (entry,) = (await as_(operator).get(at)).json()["items"]
    assert (entry["state"], entry["settled_on"], entry["late_since"]) == ("fulfilled", str(today()), None)
    assert entry["available_actions"] == []


async def test_an_obligation_says_why_an_action_on_it_is_not_available(as_: Any, database: Database) -> None:
    agreement = await late(database)
    at = f"/agreements/{agreement.id}/obligations"

    async def why(by: Actor) -> dict[str, str]:
        (entry,) = (await as_(by).get(at)).json()["items"]
        told = {each["action"]: each["type"].removeprefix("/problems/") for each in entry["unavailable_actions"]}
        assert not told.keys() & {*entry["available_actions"]}
        assert all(each["detail"] for each in entry["unavailable_actions"])
        return told

    operator = president(operator_of(agreement))
    others = dict.fromkeys(["return_obligation", "confirm_obligation", "waive_obligation"], "not-your-obligation")
    assert await why(operator) == others
    unclaimed = dict.fromkeys(["return_obligation", "confirm_obligation"], "nothing-owed")
    assert await why(officer()) == unclaimed | {"claim_obligation": "not-your-obligation"}
    named = agreement.duties[0].obligation_id
    await commands.claim_obligation(database, agreement.id, named, evidence="e", by=operator)
    assert (await why(officer()))["waive_obligation"] == "nothing-owed"


async def test_a_ledger_is_read_in_pages_each_entry_once_and_in_order(as_: Any, database: Database) -> None:
    days = [today() + timedelta(days=number) for number in (30, 10, 20, 20, 40)]
    terms = current(effective_from=today() - timedelta(days=40), effective_until=today() + timedelta(days=400))
    agreement = await bound(database, owing(terms, *({"due_on": day} for day in days)))
    path, reader = f"/agreements/{agreement.id}/obligations", as_(officer())
    whole = await reader.get(path)
    assert whole.json()["next"] is None
    assert [each["due_on"] for each in whole.json()["items"]] == [str(day) for day in sorted(days)]
    seen, sizes, more = [], [], True
    cursor: dict[str, str] = {}
    while more:
        read = await reader.get(path, limit=2, **cursor)
        assert read.status_code == 200, read.text
        assert read.headers["ETag"] == whole.headers["ETag"]
        seen += read.json()["items"]
        sizes.append(len(read.json()["items"]))
        cursor = {"cursor": read.json()["next"]}
        more = "link" in read.headers
        assert more == (read.json()["next"] is not None)
    assert (seen, sizes) == (whole.json()["items"], [2, 2, 1])


async def test_a_page_after_an_entry_that_is_not_in_the_ledger_is_refused(as_: Any, database: Database) -> None:
    first, second = [await bound(database, owing(current(), {}, {})) for _ in range(2)]
    read = await as_(officer()).get(f"/agreements/{first.id}/obligations", limit=1)
    elsewhere = await as_(officer()).get(f"/agreements/{second.id}/obligations", cursor=read.json()["next"])
    is_problem(elsewhere, 422, "malformed")


async def test_nobody_settles_what_is_anothers(database: Database) -> None:
    host = party(new_id(), "premises_host")
    terms = current(effective_from=today() - timedelta(days=40), others=(host,))
    agreement = await bound(database, owing(terms, {}))
    named = agreement.duties[0].obligation_id
    operator, stranger = president(operator_of(agreement)), president(host.organisation_id)
    for by in (officer(), stranger, MINISTRY):
        with pytest.raises(NotYourObligation):
            await commands.claim_obligation(database, agreement.id, named, evidence="e", by=by)
    for by in (operator, stranger, MINISTRY):
        with pytest.raises(NotYourObligation):
            await commands.waive_obligation(database, agreement.id, named, reason="r", by=by)
    await commands.claim_obligation(database, agreement.id, named, evidence="e", by=operator)
    for by in (operator, stranger, MINISTRY):
        with pytest.raises(NotYourObligation):
            await commands.confirm_obligation(database, agreement.id, named, by=by)
        with pytest.raises(NotYourObligation):
            await commands.return_obligation(database, agreement.id, named, reason="r", by=by)
    assert (await commands.confirm_obligation(database, agreement.id, named, by=officer())).obligations


async def test_the_keeper_confirms_what_others_owe_each_other_and_not_what_it_owes(database: Database) -> None:
    host = party(new_id(), "premises_host")
    terms = current(effective_from=today() - timedelta(days=40), others=(host,))
    own = {"debtor": terms.parties[0].party_id, "creditor": host.party_id}
    agreement = await bound(database, owing(terms, {"creditor": host.party_id}, own))
    theirs, ours = (each.obligation_id for each in agreement.duties)
    await commands.claim_obligation(database, agreement.id, theirs, evidence="e", by=president(operator_of(agreement)))
    await commands.claim_obligation(database, agreement.id, ours, evidence="e", by=officer())
    await commands.confirm_obligation(database, agreement.id, theirs, by=officer())
    with pytest.raises(NotYourObligation):
        await commands.confirm_obligation(database, agreement.id, ours, by=officer())


async def test_what_is_owed_to_all_the_others_is_waived_by_those_who_grant_or_supervise(database: Database) -> None:
    host = party(new_id(), "premises_host")
    terms = current(effective_from=today() - timedelta(days=40), others=(host,))
    agreement = await bound(database, owing(terms, {"creditor": None}))
    named = agreement.duties[0].obligation_id
    with pytest.raises(NotYourObligation):
        await commands.waive_obligation(database, agreement.id, named, reason="r", by=president(host.organisation_id))
    waived = await commands.waive_obligation(database, agreement.id, named, reason="r", by=MINISTRY)
    assert waived.obligations[0].state == "waived"


async def test_what_the_only_one_that_grants_owes_to_all_is_waived_by_one_of_them(database: Database) -> None:
    terms = current_network(agreement_kind="framework", effective_from=today() - timedelta(days=40))
    ministry = next(each.party_id for each in terms.parties if each.organisation_id == MINISTRY_ID)
    agreement = await bound(database, owing(terms, {"debtor": ministry, "creditor": None}))
    named = agreement.duties[0].obligation_id
    with pytest.raises(NotYourObligation):
        await commands.waive_obligation(database, agreement.id, named, reason="r", by=MINISTRY)
    other = next(each.organisation_id for each in agreement.parties if each.organisation_id != MINISTRY_ID)
    waived = await commands.waive_obligation(database, agreement.id, named, reason="r", by=signer(other))
    assert waived.obligations[0].state == "waived"


async def test_late_obligations_are_seen_by_all_parties_and_nobody_else(as_: Any, database: Database) -> None:
    host = party(new_id(), "premises_host")
    agreement = await late(database, current(effective_from=today() - timedelta(days=40), others=(host,)))
    for each in agreement.parties:
        (seen,) = await owed(as_, signer(each.organisation_id), late=True)
        assert seen["agreement_id"] == str(agreement.id)
        assert seen["debtor_id"] == str(operator_of(agreement))
        assert seen["late_since"] == str(today() - timedelta(days=9))
    for by in (officer("MA-07"), president(new_id())):
        assert await owed(as_, by) == []
        assert (await as_(by).get(f"/agreements/{agreement.id}/obligations")).status_code == 404


async def test_obligations_are_found_by_lateness_state_and_party(as_: Any, database: Database) -> None:
    agreement = await late(database)
    other = await bound(database, owing(current(), {}))
    assert len(await owed(as_, MINISTRY)) == 2
    assert [each["agreement_id"] for each in await owed(as_, MINISTRY, late=True)] == [str(agreement.id)]
    assert [each["agreement_id"] for each in await owed(as_, MINISTRY, late=False)] == [str(other.id)]
    assert [each["agreement_id"] for each in await owed(as_, MINISTRY, state="pending")] == [str(other.id)]
    party = str(operator_of(other))
    assert [each["agreement_id"] for each in await owed(as_, MINISTRY, party=party)] == [str(other.id)]
    assert await owed(as_, MINISTRY, party=str(ACADEMY_6)) == [], "it is owed, and owes nothing"


async def test_obligations_are_paged_by_their_day(as_: Any, database: Database) -> None:
    days = [{"due_days": each} for each in (5, 3, 9, 3, 1)]
    await bound(database, owing(current(), *days))
    seen: list[str] = []
    url = "/obligations?limit=2"
    while url:
        answered = await as_(MINISTRY).get(url)
        seen += [each["due_on"] for each in answered.json()["items"]]
        following = answered.json()["next"]
        url = f"/obligations?limit=2&cursor={following}" if following else ""
    start = today() + timedelta(days=1)
    assert seen == [str(start + timedelta(days=each)) for each in (1, 3, 3, 5, 9)]


async def test_the_rows_of_the_ledger_say_what_the_agreement_says(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await bound(database, owing(current(), {}, {"due_days": 60}, {"due_days": 90, "survives": True}))
    operator = president(operator_of(agreement))
    named = agreement.duties[0].obligation_id
    await commands.claim_obligation(database, agreement.id, named, evidence="e", by=operator)
    monkeypatch.setattr(schedule, "today", lambda: today() + timedelta(days=70))
    await schedule.let_time_pass(database)
    agreement = await suspend(database, agreement)
    await says_the_same(database)
    await terminate(database, agreement)
    await says_the_same(database)


async def says_the_same(database: Database) -> None:
    """The rows are what the aggregates tell."""
    async with database.transaction(NATIONAL) as tx:
        rows = (await tx.exec(select(ObligationRow))).all()
        assert rows
        for row in rows:
            agreement = await AGREEMENTS.read(tx, row.agreement_id)
            entry = agreement.obligation(row.obligation_id, row.occurrence)
            assert (row.state, row.due_on, row.debtor_id) == (entry.state.value, entry.due_on, entry.debtor_id)
            assert tuple(row.visible_to) == agreement.visible_to()


async def test_a_renewal_is_evaluated_and_decided(as_: Any, database: Database) -> None:
    agreement = await bound(database)
    (first,) = agreement.editions
    agreement = await commands.let_time_pass(database, agreement.id, on=first.ends_on - timedelta(days=90))
    at = f"/agreements/{agreement.id}"
    read = await as_(officer()).get(f"{at}/editions")
    assert read.json()["renewal"]["state"] == "due"
    early = await as_(director()).post(f"{at}/renewal", renewal_of(agreement), If_Match=read.headers["ETag"])
    assert (early.status_code, early.json()["type"]) == (409, "/problems/renewal-not-allowed-now")
    assert early.json()["allowed"] == ["evaluate_renewal"]
    evaluation = {"outcome": "favourable", "reason": "(fictif) résultats"}
    etag = (await as_(officer()).post(f"{at}/renewal/evaluation", evaluation, If_Match=read.headers["ETag"])).headers
    renewed = await as_(director()).post(f"{at}/renewal", renewal_of(agreement), If_Match=etag["ETag"])
    assert renewed.status_code == 200, renewed.text
    read = await as_(officer()).get(f"{at}/editions")
    assert [each["state"] for each in read.json()["items"]] == ["running", "planned"]
    page = (await as_(officer()).get(f"{at}/editions", limit=1)).json()
    page = (await as_(officer()).get(f"{at}/editions", limit=1, cursor=page["next"])).json()
    assert (page["items"], page["next"]) == (read.json()["items"][1:], None)
    assert read.json()["renewal"] | {"state": "renewed", "outcome": "favourable"} == read.json()["renewal"]
    assert renewed.json()["centers"] == (await as_(officer()).get(at)).json()["centers"]


def renewal_of(agreement: Agreement) -> dict[str, Any]:
    """The body that renews it with everything."""
    edition = agreement.editions[-1]
    body = edition.model_dump(mode="json", exclude={"number", "starts_on", "state"})
    ends_on = edition.ends_on + timedelta(days=300)
    return body | {"ends_on": str(ends_on), "budget_year": ends_on.year, "school_year": "2030/2031"}
