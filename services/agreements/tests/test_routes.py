"""Agreements over HTTP: what clients send, what they are answered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import update

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.tables import AGREEMENTS, AssociationStandingRow, MandateRow
from services.agreements.tests.builders import (
    MINISTRY,
    approved,
    body_of,
    bound,
    clauses,
    current,
    current_network,
    director,
    fill,
    hold,
    know,
    officer,
    operator_of,
    plan,
    regional,
    sign_for,
    signer,
)
from services.agreements.tests.clients import Client
from shared.actor import NATIONAL
from shared.clock import now, start_of, today
from shared.database import Database
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID

ACADEMY_6 = ACADEMIES["MA-06"].organisation_id


def signature(agreement: Agreement, organisation: Any, **changes: Any) -> dict[str, Any]:
    """A signature's body for the party of this organisation."""
    party = next(each.party_id for each in agreement.parties if each.organisation_id == organisation)
    return {"party_id": str(party), "text_hash": agreement.text_hash} | changes


async def test_an_agreement_goes_from_draft_to_signature(as_: Any, database: Database) -> None:
    terms = current(effective_from=today())
    await know(database, terms)
    desk, ministry = as_(officer()), as_(MINISTRY)
    created = await desk.post("/agreements", body_of(terms))
    assert created.status_code == 201, created.text
    at = created.headers["Location"].removeprefix("/api/v1")
    assert created.json()["available_actions"] == [
        "revise_text",
        "revise_terms",
        "open_negotiation",
        "cancel_agreement",
        "attach_document",
    ]
    etag = (await desk.post(f"{at}/negotiation", If_Match=created.headers["ETag"])).headers["ETag"]
    for party in created.json()["parties"]:
        body = {"party_id": party["party_id"], "text_hash": created.json()["text_hash"]}
        accepted = await as_(signer(UUID(party["organisation_id"]))).post(f"{at}/acceptances", body)
        assert accepted.status_code == 201, accepted.text
    early = await desk.post(f"{at}/review", If_Match=etag)
    assert early.status_code == 412
    etag = (await desk.post(f"{at}/review", If_Match=accepted.headers["ETag"])).headers["ETag"]
    frozen = await ministry.post(f"{at}/approval", If_Match=etag)
    assert frozen.json()["reference"] == f"AREF-06/{today().year}-0001"
    for party in frozen.json()["parties"]:
        body = {"party_id": party["party_id"], "text_hash": frozen.json()["text_hash"]}
        signed = await as_(signer(UUID(party["organisation_id"]))).post(f"{at}/signatures", body)
        assert signed.status_code == 201, signed.text
    assert signed.json()["state"] == "in_force"
    listed = (await desk.get(f"{at}/signatures")).json()["items"]
    assert all(each["signature"] for each in listed)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"academy": "MA-13"}, "#/academy"),
        ({"agreement_kind": "x" * 200}, "#/agreement_kind"),
        ({"school_year": "2024"}, "#/school_year"),
        ({"parties": []}, "#/parties"),
        ({"title": {"ar": "عنوان"}}, "#/title/fr"),
        ({"title": {"ar": "عنوان", "fr": "Titre", "en": "Title"}}, "#/title/en"),
        ({"clauses": [{"title": {"ar": "ع", "fr": "T"}, "body": {"ar": "نص", "fr": ""}}]}, "#/clauses/0/body/fr"),
    ],
)
async def test_a_draft_that_cannot_be_is_malformed(as_: Any, wrong: dict[str, Any], pointer: str) -> None:
    refused = await as_(officer()).post("/agreements", body_of(current()) | wrong)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_terms_that_do_not_hold_are_explained(as_: Any) -> None:
    terms = current()
    refused = await as_(officer()).post("/agreements", body_of(terms.model_copy(update={"parties": terms.parties[:2]})))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/roles-missing")
    assert refused.json()["roles"] == ["supervising_ministry"]


async def refused_signature(client: Client, agreement: Agreement, body: dict[str, Any]) -> tuple[int, str]:
    """The status and kind of the problem that a signature is answered with."""
    answered = await client.post(f"/agreements/{agreement.id}/signatures", body, Accept_Language="fr")
    problem = answered.json()
    assert problem["title"] and problem["detail"] and "{" not in problem["detail"], problem
    return answered.status_code, problem["type"].removeprefix("/problems/")


async def test_each_bad_signature_gets_its_own_problem(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    operator = operator_of(agreement)
    good = signature(agreement, operator)
    president = as_(signer(operator))
    assert await refused_signature(president, agreement, good | {"text_hash": "0" * 64}) == (409, "text-hash-differs")
    assert await refused_signature(president, agreement, good | {"party_id": str(new_id())}) == (409, "not-a-party")
    assert await refused_signature(president, agreement, good | {"ceremony_id": str(new_id())}) == (404, "not-found")
    assert await refused_signature(president, agreement, good | {"surprise": 1}) == (422, "malformed")
    assert await refused_signature(president, agreement, signature(agreement, ACADEMY_6)) == (403, "no-mandate")
    assert await refused_signature(as_(officer()), agreement, good) == (403, "forbidden")
    assert await refused_signature(as_(director("MA-07")), agreement, good) == (404, "not-found")
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator, standing="suspended"))
    assert await refused_signature(president, agreement, good) == (409, "association-not-accredited")
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=operator, standing="accredited"))
    assert (await president.post(f"/agreements/{agreement.id}/signatures", good)).status_code == 201
    assert await refused_signature(president, agreement, good) == (409, "already-signed")


async def test_a_mandate_that_is_over_is_told_with_its_dates(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    yesterday = today() - timedelta(days=1)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(update(MandateRow).values(valid_until=yesterday))
    body = signature(agreement, MINISTRY_ID)
    answered = await as_(MINISTRY).post(f"/agreements/{agreement.id}/signatures", body)
    assert (answered.status_code, answered.json()["type"]) == (403, "/problems/mandate-not-valid")
    assert answered.json()["valid_until"] == yesterday.isoformat()


async def test_a_mandate_for_other_agreements_is_refused_in_the_readers_language(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    async with database.transaction(NATIONAL) as tx:
        await tx.exec(update(MandateRow).values(agreement_types=["central", "network"]))
    told = {}
    for language in ("ar", "fr", "en"):
        answered = await as_(MINISTRY).post(
            f"/agreements/{agreement.id}/signatures", signature(agreement, MINISTRY_ID), Accept_Language=language
        )
        assert (answered.status_code, answered.json()["type"]) == (403, "/problems/mandate-out-of-scope")
        assert answered.json()["agreement_type"] == "regional"
        told[language] = answered.json()["detail"]
    assert len(set(told.values())) == 3 and "{" not in "".join(told.values())


async def test_nothing_is_signed_in_or_beside_a_ceremony_out_of_order(as_: Any, database: Database) -> None:
    agreement, other = await approved(database), await approved(database)
    ministry = as_(MINISTRY)
    ceremony = await plan(database, agreement.id)
    beside = signature(agreement, MINISTRY_ID)
    inside = beside | {"ceremony_id": str(ceremony.id)}
    assert await refused_signature(ministry, agreement, inside) == (409, "ceremony-not-open")
    await fill(database, ceremony)
    assert await refused_signature(ministry, agreement, beside) == (409, "signed-in-its-ceremony")
    await commands.open_ceremony(database, ceremony.id, by=MINISTRY)
    foreign = signature(other, MINISTRY_ID, ceremony_id=str(ceremony.id))
    assert await refused_signature(ministry, other, foreign) == (409, "not-in-the-ceremony")
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    assert await refused_signature(ministry, agreement, inside) == (409, "ceremony-not-open")


async def test_the_same_key_signs_once_and_answers_the_same(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    body = signature(agreement, MINISTRY_ID)
    path = f"/agreements/{agreement.id}/signatures"
    first = await as_(MINISTRY).post(path, body, Idempotency_Key="sign-1")
    again = await as_(MINISTRY).post(path, body, Idempotency_Key="sign-1")
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)


async def test_a_stale_etag_changes_nothing(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    refused = await as_(MINISTRY).post(f"/agreements/{agreement.id}/reopening", {"reason": "r"}, If_Match='"1"')
    assert (refused.status_code, refused.json()["current"]) == (412, agreement.version)


async def test_a_past_state_and_text_can_be_read(as_: Any, database: Database) -> None:
    drafted = await commands.draft_agreement(database, current(), clauses=clauses(), by=officer())
    then = now()
    await commands.revise_text(database, drafted.id, clauses(words=" modifié"), by=officer())
    await commands.cancel_agreement(database, drafted.id, reason="r", by=officer())
    desk, at = as_(officer()), f"/agreements/{drafted.id}"
    past = (await desk.get(at, as_of=then.isoformat())).json()
    assert (past["state"], past["version"], past["available_actions"]) == ("draft", drafted.version, [])
    assert (await desk.get(at)).json()["ending"]["reason"] == "r"
    text = (await desk.get(f"{at}/text", as_of=then.isoformat())).json()
    assert text["text_hash"] == drafted.text_hash and "modifié" not in text["clauses"][0]["body"]["fr"]
    before = (then - timedelta(days=1)).isoformat()
    assert (await desk.get(at, as_of=before)).status_code == 404


async def test_a_day_is_its_end_in_morocco_and_none_to_come_is_told(as_: Any, database: Database) -> None:
    yesterday = today() - timedelta(days=1)
    agreement = Agreement(id=new_id())
    draft = Agreement.draft(agreement.id, regional(), names={}, by=MINISTRY.person)
    # The day is Morocco's, which is not UTC's at its end.
    ends = start_of(today()) - timedelta(minutes=1)
    async with database.transaction(NATIONAL) as tx:
        agreement = await AGREEMENTS.record(tx, agreement, draft, by=MINISTRY, at=ends)
    await commands.cancel_agreement(database, agreement.id, reason="(fictif)", by=officer())
    desk, at = as_(MINISTRY), f"/agreements/{agreement.id}"
    days = (yesterday - timedelta(days=1), yesterday, today())
    told = {day: await desk.get(at, as_of=day.isoformat()) for day in days}
    assert [each.status_code for each in told.values()] == [404, 200, 200]
    assert [told[day].json()["state"] for day in (yesterday, today())] == ["draft", "cancelled"]
    changed = (await desk.get(f"{at}/changes", **{"from": str(yesterday), "to": str(today())})).json()["items"]
    assert [each["after"] for each in changed if each["path"] == "/state"] == ["cancelled"]
    tomorrow = (today() + timedelta(days=1)).isoformat()
    hour = (now() + timedelta(days=1)).isoformat()
    for path, asked in (
        (at, {"as_of": tomorrow}),
        (at, {"as_of": hour}),
        (at, {"known_at": tomorrow}),
        (f"{at}/text", {"as_of": tomorrow}),
        (f"{at}/changes", {"from": str(yesterday), "to": tomorrow}),
        (f"{at}/document", {"as_of": tomorrow}),
    ):
        refused = await desk.get(path, **asked)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/not-yet-known"), (path, asked)
        assert (refused.json()["day"], refused.json()["today"]) == (tomorrow, today().isoformat())
    for day in ("1999-12-31", "2101-01-01", "2026-02-30", "2026-13-01", "today"):
        assert (await desk.get(at, as_of=day)).json()["type"] == "/problems/malformed", day


async def test_the_history_tells_every_event_and_no_detail(as_: Any, database: Database) -> None:
    drafted = await commands.draft_agreement(database, current(), by=officer())
    await commands.cancel_agreement(database, drafted.id, reason="un motif interne", by=officer())
    answered = await as_(officer()).get(f"/agreements/{drafted.id}/history")
    assert [each["version"] for each in answered.json()["items"]] == [1, 2, 3]
    assert "motif interne" not in answered.text
    first = (await as_(officer()).get(f"/agreements/{drafted.id}/history", limit=2)).json()
    rest = (await as_(officer()).get(f"/agreements/{drafted.id}/history", limit=2, cursor=first["next"])).json()
    assert [*first["items"], *rest["items"]] == answered.json()["items"] and rest["next"] is None


async def test_lists_are_filtered_and_paged(as_: Any, database: Database) -> None:
    for _ in range(3):
        await commands.draft_agreement(database, current(), by=officer())
    await commands.draft_agreement(database, current("MA-07"), by=officer("MA-07"))
    await approved(database, current_network())
    ministry = as_(MINISTRY)
    first = (await ministry.get("/agreements", academy="MA-06", limit=2)).json()
    second = (await ministry.get("/agreements", academy="MA-06", limit=2, cursor=first["next"])).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)
    assert len((await ministry.get("/agreements", state="draft")).json()["items"]) == 4
    assert len((await ministry.get("/agreements", agreement_type="network")).json()["items"]) == 1
    mine = (await as_(officer("MA-07")).get("/agreements")).json()["items"]
    assert {each["academy"] for each in mine} == {"MA-07", None}


async def test_a_ceremony_shows_an_academy_its_own_agreements_only(as_: Any, database: Database) -> None:
    own, foreign = await approved(database, current("MA-06")), await approved(database, current("MA-07"))
    ceremony = await hold(database, own.id, foreign.id)
    await commands.close_ceremony(database, ceremony.id, by=MINISTRY)
    shown = (await as_(officer("MA-06")).get(f"/ceremonies/{ceremony.id}")).json()
    assert shown["agreements"] == shown["unsigned"] == [str(own.id)]
    assert str(foreign.id) not in str(shown)
    assert (await as_(officer("MA-08")).get(f"/ceremonies/{ceremony.id}")).status_code == 404
    minutes = (await as_(officer("MA-06")).get(f"/ceremonies/{ceremony.id}/minutes")).json()
    assert (minutes["whole"], str(foreign.reference) in str(minutes)) == (False, False)


async def test_the_minutes_are_read_from_the_closing_on_and_then_adopted(as_: Any, database: Database) -> None:
    agreement = await approved(database)
    ceremony = await hold(database, agreement.id)
    ministry, at = as_(MINISTRY), f"/ceremonies/{ceremony.id}"
    assert (await ministry.get(f"{at}/minutes")).status_code == 409
    closed = await ministry.post(f"{at}/closing", If_Match=f'"{ceremony.version}"')
    assert (await ministry.get(f"{at}/minutes")).json()["adopted"] is False
    await ministry.post(f"{at}/minutes", If_Match=closed.headers["ETag"])
    minutes = (await ministry.get(f"{at}/minutes")).json()
    assert minutes["adopted"] and "محضر" in minutes["ar"] and "Procès-verbal" in minutes["fr"]


async def test_a_batch_answers_for_each_agreement_and_repeats_itself(as_: Any, database: Database) -> None:
    first, second = await approved(database), await approved(database)
    await sign_for(database, second, MINISTRY_ID)
    items = [{"agreement_id": str(each.id), **signature(each, MINISTRY_ID)} for each in (first, second)]
    ministry = as_(MINISTRY)
    answered = await ministry.post("/signature-batches", {"items": items}, Idempotency_Key="batch-1")
    assert answered.status_code == 200, answered.text
    body = answered.json()
    assert [each["outcome"] for each in body["items"]] == ["signed", "refused"]
    assert body["items"][1]["problem"]["type"] == "/problems/already-signed"
    again = await ministry.post("/signature-batches", {"items": items}, Idempotency_Key="batch-1")
    assert again.content == answered.content
    at = answered.headers["Location"].removeprefix("/api/v1")
    assert (await ministry.get(at)).json() == body
    page = (await ministry.get(at, limit=1)).json()
    assert page["items"] == body["items"][:1]
    page = (await ministry.get(at, limit=1, cursor=page["next"])).json()
    assert (page["items"], page["next"], page["finished"]) == (body["items"][1:], None, True)
    assert (await as_(director()).get(at)).status_code == 404


async def test_a_repeated_request_goes_on_with_a_batch_that_a_crash_left(
    as_: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = [await approved(database) for _ in range(3)]
    items = [{"agreement_id": str(each.id), **signature(each, MINISTRY_ID)} for each in agreements]

    def die(_: str) -> None:
        raise ConnectionError("crash")

    monkeypatch.setattr("services.agreements.commands.batches.crash_point", die)
    ministry = as_(MINISTRY)
    first = await ministry.post("/signature-batches", {"items": items}, Idempotency_Key="batch-1")
    assert first.status_code >= 500
    monkeypatch.setattr("services.agreements.commands.batches.crash_point", lambda _: None)
    again = await ministry.post("/signature-batches", {"items": items}, Idempotency_Key="batch-1")
    assert (again.status_code, again.json()["finished"]) == (200, True)
    assert [each["outcome"] for each in again.json()["items"]] == ["signed", "signed", "signed"]


async def test_a_long_batch_is_accepted_and_finished_later(
    as_: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = await approved(database)
    items = [{"agreement_id": str(agreement.id), **signature(agreement, MINISTRY_ID)}]

    async def out_of_time(_: Any, batch: Any) -> Any:
        return batch

    monkeypatch.setattr("services.agreements.commands.resume_batch", out_of_time)
    answered = await as_(MINISTRY).post("/signature-batches", {"items": items})
    assert (answered.status_code, answered.json()["items"][0]["outcome"]) == (202, "pending")


async def test_a_suspension_of_money_names_no_center(as_: Any, database: Database) -> None:
    agreement = await bound(database)
    at = f"/agreements/{agreement.id}/suspension"
    center, notified_on = agreement.centers[0].center_id, today() - timedelta(days=30)
    looked = await queries.impact(
        database,
        agreement.id,
        action="suspend_agreement",
        centers=[center],
        notified_on=notified_on,
        by=director(),
    )
    body = {
        "scope": "money",
        "reason": "r",
        "document": "d",
        "centers": [str(center)],
        "notified_on": str(notified_on),
        "acknowledgement": looked.fingerprint,
    }
    refused = await as_(director()).post(at, body, If_Match=f'"{agreement.version}"')
    assert refused.status_code == 422
    suspended = await as_(director()).post(at, body | {"scope": "centers"}, If_Match=f'"{agreement.version}"')
    assert suspended.json()["suspension"]["centers"] == body["centers"]
    assert suspended.json()["available_actions"] == [
        "resume_agreement",
        "terminate_agreement",
        "attach_document",
        "withdraw_document",
        "propose_amendment",
    ]
