"""The conventions, kept by a tiny service on a real database."""

import asyncio
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import text

from shared.actor import NATIONAL, Actor, Role
from shared.database import Database
from shared.messaging import journal
from shared.web import ANYONE, Permissions, TokenVerifier, forget_answers
from tests.fixtures.identity import Issuer
from tests.web import papers
from tests.web.conventions import is_problem, keeps_conventions
from tests.web.papers import PERMISSIONS, Paper
from tests.web.routes import ACADEMY, OTHER_ACADEMY, Arrange, Visit, client_of, resident
from tests.web.walk import every_route_has_a_permission, walk

PAPER = {"academy": ACADEMY, "title": "A letter"}


@pytest.fixture
def officer(issuer: Issuer) -> Actor:
    """Who may write papers."""
    return resident(issuer, Role.academy_officer)


@pytest.fixture
def client(app: FastAPI, issuer: Issuer, officer: Actor) -> AsyncClient:
    """An officer's client."""
    return client_of(app, issuer.token(officer))


@pytest.fixture
def arranged(database: Database, issuer: Issuer) -> dict[str, Arrange]:
    """A visit for every action."""

    async def written(by: Actor) -> Paper:
        async with database.transaction(NATIONAL) as tx:
            paper, events = Paper.write(ACADEMY, "A letter")
            return await papers.PAPERS.record(tx, paper, events, by=by)

    async def write_paper(by: Actor) -> Visit:
        candidate = Paper(id=uuid4(), academy=ACADEMY)
        return Visit("/api/v1/papers", PAPER, candidate)

    async def read_papers(by: Actor) -> Visit:
        return Visit("/api/v1/papers", aggregate=await written(by))

    async def read_paper(by: Actor) -> Visit:
        paper = await written(by)
        return Visit(f"/api/v1/papers/{paper.id}", aggregate=paper)

    async def send_paper(by: Actor) -> Visit:
        paper = await written(by)
        return Visit(f"/api/v1/papers/{paper.id}/sending", aggregate=paper, version=paper.version)

    return {
        "write_paper": write_paper,
        "read_papers": read_papers,
        "read_paper": read_paper,
        "send_paper": send_paper,
    }


@pytest.mark.parametrize("action", sorted(PERMISSIONS))
async def test_a_route_admits_whom_the_table_admits(
    action: str, app: FastAPI, issuer: Issuer, arranged: dict[str, Arrange]
) -> None:
    await walk(app, PERMISSIONS, issuer, action, arranged[action])


@pytest.mark.parametrize("action", sorted(PERMISSIONS))
async def test_a_route_keeps_the_conventions(
    action: str, app: FastAPI, issuer: Issuer, arranged: dict[str, Arrange]
) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, arranged[action])


async def test_every_route_is_in_the_table(app: FastAPI, arranged: dict[str, Arrange]) -> None:
    every_route_has_a_permission(app, PERMISSIONS, arranged)


async def test_the_walk_finds_a_forgotten_check(
    app: FastAPI, issuer: Issuer, arranged: dict[str, Arrange], monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Permissions({**PERMISSIONS, "send_paper": {Role.academy_director}})
    monkeypatch.setattr(papers, "PERMISSIONS", Permissions(dict.fromkeys(PERMISSIONS, ANYONE)))
    with pytest.raises(AssertionError, match="send_paper by"):
        await walk(app, strict, issuer, "send_paper", arranged["send_paper"])


async def test_a_change_answers_with_its_version_and_place(client: AsyncClient) -> None:
    made = await client.post("/api/v1/papers", json=PAPER)
    assert made.status_code == 201
    assert made.headers["etag"] == '"1"'
    assert made.headers["location"] == f"/api/v1/papers/{made.json()['id']}"
    assert made.json()["available_actions"] == []


async def test_actions_are_those_of_the_role_in_this_state(app: FastAPI, client: AsyncClient, issuer: Issuer) -> None:
    made = (await client.post("/api/v1/papers", json=PAPER)).json()
    director = client_of(app, issuer.token(resident(issuer, Role.academy_director)))
    at = f"/api/v1/papers/{made['id']}"
    assert (await director.get(at)).json()["available_actions"] == ["send_paper"]
    sent = await director.post(f"{at}/sending", headers={"If-Match": '"1"'})
    assert (sent.json()["state"], sent.json()["available_actions"]) == ("sent", [])
    again = is_problem(await director.post(f"{at}/sending", headers={"If-Match": '"2"'}), 409, "not-allowed-now")
    assert (again["action"], again["state"], again["allowed"]) == ("send_paper", "sent", [])


async def test_a_key_belongs_to_its_person(app: FastAPI, issuer: Issuer, client: AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = await client.post("/api/v1/papers", json=PAPER, headers=key)
    other = client_of(app, issuer.token(issuer.person("another", ACADEMY, Role.academy_officer)))
    second = await other.post("/api/v1/papers", json=PAPER, headers=key)
    assert first.json()["id"] != second.json()["id"]


async def test_the_same_key_at_once_changes_one_thing(app: FastAPI, client: AsyncClient, database: Database) -> None:
    gate = app.state.gate = asyncio.Event()

    async def post() -> Response:
        return await client.post("/api/v1/papers", json=PAPER, headers={"Idempotency-Key": "at-once"})

    running = [asyncio.create_task(post()) for _ in range(4)]
    refused, pending = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    while len(pending) > 1:
        more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        refused |= more
    gate.set()
    (done,) = await asyncio.gather(*pending)
    assert done.status_code == 201
    for each in refused:
        is_problem(each.result(), 409, "idempotency-key-in-flight")
        assert each.result().headers["retry-after"] == "1"
    assert (await post()).content == done.content
    assert await _count(database, "paper") == 1


async def test_a_refused_request_keeps_no_answer(client: AsyncClient, database: Database) -> None:
    key = {"Idempotency-Key": "again"}
    foreign = await client.post("/api/v1/papers", json=PAPER | {"academy": OTHER_ACADEMY}, headers=key)
    is_problem(foreign, 404, "not-found")
    assert await _count(database, "idempotency") == 0
    assert (await client.post("/api/v1/papers", json=PAPER, headers=key)).status_code == 201


async def test_nothing_is_half_done_when_the_journal_fails(
    client: AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError("the journal is full")

    monkeypatch.setattr(journal, "append", fails)
    failed = await client.post("/api/v1/papers", json=PAPER, headers={"Idempotency-Key": "whole"})
    is_problem(failed, 500, "internal-error")
    assert "journal" not in failed.text
    assert await _count(database, "paper") == await _count(database, "idempotency") == 0


async def test_an_answer_is_kept_for_a_day(client: AsyncClient, database: Database) -> None:
    key = {"Idempotency-Key": "daily"}
    first = await client.post("/api/v1/papers", json=PAPER, headers=key)
    await _age(database, "23 hours")
    await forget_answers(database)
    assert (await client.post("/api/v1/papers", json=PAPER, headers=key)).content == first.content
    await _age(database, "2 hours")
    renewed = await client.post("/api/v1/papers", json=PAPER, headers=key)
    assert renewed.json()["id"] != first.json()["id"]
    assert (await client.post("/api/v1/papers", json=PAPER, headers=key)).content == renewed.content
    await _age(database, "25 hours")
    await forget_answers(database)
    assert await _count(database, "idempotency") == 0


async def test_pages_follow_one_another_without_gap(client: AsyncClient) -> None:
    made = [(await client.post("/api/v1/papers", json=PAPER)).json()["id"] for _ in range(5)]
    seen, at = [], "/api/v1/papers?limit=2"
    while at:
        got = await client.get(at)
        seen += [item["id"] for item in got.json()["items"]]
        at = got.headers["link"].partition(">")[0].removeprefix("<") if "link" in got.headers else ""
        assert (got.json()["next"] is None) == (not at)
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/api/v1/papers", 405, "method-not-allowed"),
        ("GET", "/api/v1/papers/", 404, "not-found"),
        ("GET", "/broken", 500, "internal-error"),
    ],
)
async def test_every_failure_is_a_problem(client: AsyncClient, method: str, path: str, status: int, slug: str) -> None:
    answered = await client.request(method, path if path != "/broken" else "/api/v1/broken")
    is_problem(answered, status, slug)
    assert "secret" not in answered.text
    if status == 405:
        assert answered.headers["allow"]


async def test_the_trace_of_the_caller_is_told(client: AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answered = await client.get("/nowhere", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert answered.json()["trace_id"] == trace
    odd = await client.get("/nowhere", headers={"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"})
    assert set(odd.json()["trace_id"]) != {"0"}


async def test_a_body_over_a_megabyte_is_refused(client: AsyncClient) -> None:
    async def in_parts() -> Any:
        for _ in range(20):
            yield b'"' + b"x" * 99_999

    as_json = {"Content-Type": "application/json"}
    whole = await client.post("/api/v1/papers", content=b" " * 1_000_001, headers=as_json)
    parts = await client.post("/api/v1/papers", content=in_parts(), headers=as_json)
    for answered in (whole, parts):
        assert is_problem(answered, 413, "too-large")["limit"] == 1_000_000


async def test_what_cannot_be_stored_is_refused(client: AsyncClient) -> None:
    for title in ("\x00", "\ud800"):
        body = json.dumps(PAPER | {"title": title})
        answered = await client.post("/api/v1/papers", content=body, headers={"Content-Type": "application/json"})
        is_problem(answered, 422, "malformed")


async def test_each_wrong_value_is_named_in_the_readers_language(client: AsyncClient) -> None:
    body = {"academy": "MA-99", "title": "x" * 51}
    for language, words in (("fr", "au plus 50"), ("en", "at most 50"), ("ar", "50"), ("fr-MA, en;q=0.5", "au plus")):
        told = is_problem(
            await client.post("/api/v1/papers", json=body, headers={"Accept-Language": language}), 422, "malformed"
        )
        errors = {error["pointer"]: error for error in told["errors"]}
        assert set(errors) == {"#/academy", "#/title"}
        assert words in errors["#/title"]["detail"].replace("\u2068", "").replace("\u2069", "")
        assert "x" * 51 not in json.dumps(told)


async def test_a_database_that_is_away_is_a_matter_of_waiting(
    verifier: TokenVerifier, issuer: Issuer, officer: Actor, away: Database
) -> None:
    client = client_of(papers.create_app(verifier, away), issuer.token(officer))
    for answered in (await client.get("/api/v1/papers"), await client.post("/api/v1/papers", json=PAPER)):
        is_problem(answered, 503, "unavailable")
        assert answered.headers["retry-after"] == "2"
    assert (await client.get("/livez")).text == "ok"
    unready = await client.get("/readyz?verbose")
    assert unready.status_code == 503
    assert unready.text.startswith("[-] database: ")


async def test_a_ready_service_says_so(client: AsyncClient) -> None:
    assert (await client.get("/readyz")).text == "ok"
    assert re.fullmatch(r"\[\+\] database: PostgreSQL [\d.]+\nok", (await client.get("/readyz?verbose")).text)


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        ("40001", 409, "concurrent-change"),
        ("40P01", 409, "concurrent-change"),
        ("53300", 503, "unavailable"),
        ("57P01", 503, "unavailable"),
        ("XX000", 500, "internal-error"),
    ],
)
async def test_database_errors_are_told_apart(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, code: str, status: int, slug: str
) -> None:
    async def fails(tx: Any, *_: Any) -> None:
        await tx.execute(text(f"do $$ begin raise exception 'planted' using errcode = '{code}'; end $$"))

    monkeypatch.setattr(journal, "append", fails)
    answered = await client.post("/api/v1/papers", json=PAPER)
    is_problem(answered, status, slug)
    assert "planted" not in answered.text


async def test_the_contract_tells_every_failure(app: FastAPI) -> None:
    document = app.openapi()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    writing = document["paths"]["/api/v1/papers"]["post"]
    assert writing["operationId"] == "write_paper"
    assert "422" not in writing["responses"]
    assert list(writing["responses"]["default"]["content"]) == ["application/problem+json"]
    json.dumps(document)


async def test_a_challenge_says_whether_a_token_was_seen(app: FastAPI) -> None:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client:
        missing = await client.get("/api/v1/papers")
        invalid = await client.get("/api/v1/papers", headers={"Authorization": "Bearer x"})
        strange = await client.get("/api/v1/papers", headers={"Authorization": "Basic eDp5"})
    assert [each.status_code for each in (missing, invalid, strange)] == [401] * 3
    assert "invalid_token" not in missing.headers["www-authenticate"]
    assert "invalid_token" in invalid.headers["www-authenticate"]


async def _count(database: Database, table: str) -> int:
    async with database.transaction(NATIONAL) as tx:
        return int((await tx.execute(text(f'select count(*) from "{table}"'))).scalar_one())


async def _age(database: Database, by: str) -> None:
    async with database.transaction(NATIONAL) as tx:
        await tx.execute(text(f"update idempotency set created_at = created_at - interval '{by}'"))
