"""Notifications over HTTP: what an academy's people and systems see."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from services.notifications.settings import NotificationsSettings
from services.notifications.tests.builders import FOREIGNER, OFFICER, OPERATOR, happening, registered, rows, told
from services.notifications.tests.conftest import Sending
from services.notifications.tests.receivers import answering, receiver
from shared.actor import Actor
from shared.database import Database
from shared.events.catalog import BY_TYPE
from shared.language import LANGUAGES, instant
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.web.routes import client_of

HOOK = {"channel": "webhook", "address": "https://academie.example/avis", "language": "fr"}
ABOUT_TELLING = {
    "ma.mithaq.endpoint.disabled.v1",
    "ma.mithaq.receipt.overdue.v1",
    "ma.mithaq.letter.given_up.v1",
    "ma.mithaq.letter.to_academy_given_up.v1",
}
"""Statutory notices that ask for no receipt: they say that somebody was not told, or has not said that they were."""


@pytest.fixture
def by(app: FastAPI, token: Any) -> Any:
    """`by(actor)`: that actor's HTTP client."""

    def client(actor: Actor = OFFICER) -> httpx.AsyncClient:
        return client_of(app, token(actor))

    return client


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The API on a real socket: streams do not fit through an in-process transport."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = server.force_exit = True
    await server.shutdown()


async def test_a_secret_is_shown_once_and_a_repeated_request_shows_it_again(by: Any, database: Database) -> None:
    async with by() as client:
        first = await client.post("/api/v1/endpoints", json=HOOK, headers={"Idempotency-Key": "k"})
        again = await client.post("/api/v1/endpoints", json=HOOK, headers={"Idempotency-Key": "k"})
        assert first.status_code == again.status_code == 201
        assert first.content == again.content
        secret = first.json()["secret"]
        assert secret.startswith("whsec_")
        read = await client.get(first.headers["Location"])
        assert "secret" not in read.json() and secret not in read.text
    ((kept,),) = await rows(database, "select body from idempotency")
    assert secret.encode() not in kept


async def test_an_academy_that_names_none_means_its_own(by: Any) -> None:
    async with by() as client:
        assert (await client.post("/api/v1/endpoints", json=HOOK)).json()["academy"] == "MA-06"
        foreign = await client.post("/api/v1/endpoints", json=HOOK | {"academy": "MA-05"})
        assert foreign.status_code == 404


async def test_a_national_user_names_the_academy(by: Any) -> None:
    async with by(OPERATOR) as client:
        unnamed = await client.get("/api/v1/notifications/feed")
        assert (unnamed.status_code, unnamed.json()["type"]) == (422, "/problems/academy-not-named")
        assert (await client.get("/api/v1/notifications/feed?academy=MA-06")).status_code == 200


async def test_an_address_inside_is_refused_with_its_reason(by: Any) -> None:
    async with by() as client:
        inner = HOOK | {"address": "https://169.254.169.254/latest"}
        refused = await client.post("/api/v1/endpoints", json=inner, headers={"Accept-Language": "en"})
        assert refused.status_code == 422
        assert refused.json()["reason"] == "address_metadata"


async def test_the_feed_holds_the_very_bytes_of_the_webhooks(
    by: Any, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy:
        await registered(database, settings, academy.url, language="fr")
        await told(database, *(happening() for _ in range(5)))
        async with sending():
            await eventually(lambda: len(academy.received) == 5)
    async with by() as client:
        feed = await client.get("/api/v1/notifications/feed", headers={"Accept-Language": "fr"})
    for _, body in academy.received:
        # What an endpoint was owed before is its own, and stands at the end.
        said, own, _before = body.rpartition(b',"previous_sequence":')
        assert own and said in feed.content


async def test_the_feed_is_read_page_by_page_and_from_where_one_was(by: Any, database: Database) -> None:
    await told(database, *(happening() for _ in range(7)))
    seen, url = [], "/api/v1/notifications/feed?limit=3"
    async with by() as client:
        while url:
            answered = await client.get(url)
            seen += [each["sequence"] for each in answered.json()["items"]]
            url = answered.links.get("next", {}).get("url")
        rest = (await client.get("/api/v1/notifications/feed?after=5")).json()
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert [each["sequence"] for each in rest["items"]] == [6, 7]


async def test_two_academies_read_disjoint_feeds(by: Any, database: Database) -> None:
    await told(database, happening(audience=("MA-06",)), happening(audience=("MA-05",)))
    read = []
    for actor in (OFFICER, FOREIGNER):
        async with by(actor) as client:
            read.append({each["id"] for each in (await client.get("/api/v1/notifications/feed")).json()["items"]})
    assert len(read[0]) == len(read[1]) == 1
    assert not read[0] & read[1]


async def test_deliveries_and_attempts_tell_how_it_went(
    by: Any, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver() as academy, by() as client:
        issued = await registered(database, settings, academy.url)
        await told(database)
        async with sending():

            async def delivered() -> list[Any]:
                found = await client.get(f"/api/v1/deliveries?state=delivered&endpoint_id={issued.endpoint.id}")
                return list(found.json()["items"])

            (delivery,) = await eventually(delivered)
        assert (delivery["attempts"], delivery["next_attempt_at"]) == (1, None)
        attempts = await client.get(f"/api/v1/endpoints/{issued.endpoint.id}/attempts")
        (attempt,) = attempts.json()["items"]
        assert (attempt["result"], attempt["status"], attempt["excerpt"]) == ("delivered", 200, "merci")
        again = await client.post(f"/api/v1/deliveries/{delivery['id']}/redelivery")
        assert (again.json()["state"], again.json()["attempts"]) == ("waiting", 0)


async def test_an_attempt_shows_the_very_bytes_that_were_sent_and_health_sums_up(
    by: Any, database: Database, settings: NotificationsSettings, sending: Sending
) -> None:
    async with receiver(answering(503, 200)) as academy, by() as client:
        id = (await registered(database, settings, academy.url)).endpoint.id
        await told(database)
        async with sending():
            await eventually(lambda: len(academy.received) == 2)
            await eventually(lambda: _delivered(client))
        ((delivery,),) = await rows(database, "select id from delivery")
        second, first = (await client.get(f"/api/v1/deliveries/{delivery}/attempts")).json()["items"]
        health = (await client.get(f"/api/v1/endpoints/{id}/health")).json()
    for attempt, (headers, body) in zip((first, second), academy.received, strict=True):
        assert attempt["body"].encode() == body
        assert attempt["message_id"] == headers["webhook-id"]
        assert str(attempt["timestamp"]) == headers["webhook-timestamp"]
    assert (health["attempts"], health["success_rate"], health["waiting"]) == (2, 0.5, 0)
    assert (health["breaker"], health["failures"], health["last_failure"]["status"]) == ("closed", 0, 503)


async def _delivered(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/api/v1/deliveries?state=delivered")).json()["items"])


async def test_a_public_key_is_shown_and_no_secret(by: Any) -> None:
    async with by() as client:
        made = await client.post("/api/v1/endpoints", json=HOOK | {"signature": "v1a"})
        assert made.json()["secret"] is None
        (key,) = (await client.get(made.headers["Location"])).json()["keys"]
        assert (key["scheme"], key["public_key"][:5]) == ("v1a", "whpk_")
        shared = await client.post(f"{made.headers['Location']}/secret?signature=v1", headers={"If-Match": '"1"'})
    assert shared.json()["secret"].startswith("whsec_")
    assert [each["scheme"] for each in shared.json()["keys"]] == ["v1", "v1a"]


async def test_the_values_that_a_field_takes_are_listed_without_english_words(by: Any) -> None:
    async with by() as client:
        refused = await client.post("/api/v1/endpoints", json=HOOK | {"language": "de"})
    (error,) = refused.json()["errors"]
    assert "'ar', 'fr', 'en'" in error["detail"]


async def test_until_when_too_many_secrets_sign_is_said_in_words_and_in_moroccan_time(by: Any) -> None:
    async with by() as client:
        made = await client.post("/api/v1/endpoints", json=HOOK)
        path, version = f"{made.headers['Location']}/secret?overlap=86400", 1
        while (await client.post(path, headers={"If-Match": f'"{version}"'})).status_code < 400:
            version += 1
        for language in LANGUAGES:
            headers = {"If-Match": f'"{version}"', "Accept-Language": language}
            problem = (await client.post(path, headers=headers)).json()
            assert problem["type"] == "/problems/secrets-still-overlap"
            assert instant(datetime.fromisoformat(problem["until"]), language) in problem["detail"]


def test_an_instant_is_said_in_the_time_that_morocco_s_clocks_show() -> None:
    autumn, ramadan = (datetime(*day, 15, 30, tzinfo=UTC) for day in ((2025, 11, 29), (2026, 3, 1)))
    assert instant(autumn, "ar") == "29 نونبر 2025، 16:30"
    assert instant(autumn, "fr") == "29 novembre 2025, 16:30"
    assert instant(ramadan, "en") == "1 March 2026, 15:30"
    assert instant(autumn.replace(year=2026), "fr") == "29 novembre 2026, 15:30", "since 20 September 2026"


async def _frames(stream: aiohttp.ClientResponse, count: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    frame: dict[str, str] = {}
    async with asyncio.timeout(10):
        while len(found) < count:
            line = (await stream.content.readline()).decode().rstrip("\n")
            if not line and "id" in frame:
                found.append(frame)
            if not line:
                frame = {}
            name, _, value = line.partition(": ")
            frame[name] = value
    return found


async def test_a_live_stream_carries_the_same_bytes_and_resumes(served: str, database: Database, token: Any) -> None:
    headers = {"Authorization": f"Bearer {token(OFFICER)}", "Accept-Language": "fr"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{served}/notifications/stream") as stream:
            assert stream.content_type == "text/event-stream"
            assert stream.headers["X-Accel-Buffering"] == "no"
            assert await stream.content.readline() == b": following\n"
            await told(database, happening(audience=("MA-05",)), happening(), happening())
            first, second = await _frames(stream, 2)
        assert [first["id"], second["id"]] == ["1", "2"]
        assert first["event"] == "ma.mithaq.agreement.came_into_force.v1"
        async with session.get(f"{served}/notifications/feed") as feed:
            assert first["data"].encode() in await feed.read()
        await told(database)
        async with session.get(f"{served}/notifications/stream", headers={"Last-Event-ID": "1"}) as stream:
            frames = await _frames(stream, 2)
    assert [json.loads(frame["data"])["sequence"] for frame in frames] == [2, 3]
    assert frames[0]["data"] == second["data"]


async def test_a_live_stream_ends_when_its_token_does(served: str, token: Any) -> None:
    # Within the leeway the token still verifies; the stream keeps to the letter.
    headers = {"Authorization": f"Bearer {token(OFFICER, exp=int(time.time()) + 1)}"}
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{served}/notifications/stream") as stream,
    ):
        assert stream.status == 200
        assert b"following" in await stream.read()


async def test_a_stream_that_is_refused_is_a_problem_and_no_stream(served: str, token: Any) -> None:
    headers = {"Authorization": f"Bearer {token(FOREIGNER)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{served}/notifications/stream?academy=MA-06") as refused,
    ):
        assert (refused.status, refused.content_type) == (404, "application/problem+json")


async def test_every_event_type_is_listed_once_over_its_pages_with_schema_and_example(
    app: FastAPI, issuer: Issuer
) -> None:
    found: list[dict[str, Any]] = []
    path = "/api/v1/notifications/event-types?limit=50"
    async with client_of(app, issuer.token(OFFICER)) as client:
        while path:
            answered = await client.get(path)
            found += answered.json()["items"]
            path = answered.links.get("next", {}).get("url", "")
        suspended = (await client.get("/api/v1/notifications/event-types?types=*.suspended.v1")).json()["items"]
    assert [each["type"] for each in found] == sorted(BY_TYPE)
    for each in found:
        BY_TYPE[each["type"]].model_validate(each["example"])
        assert each["data_schema"] == BY_TYPE[each["type"]].model_json_schema()
    assert [each["type"].split(".")[2] for each in suspended] == ["agreement", "association", "center"]
    statutory = {each["type"]: each["receipt"] for each in found if each["statutory"]}
    assert statutory.keys() >= {each["type"] for each in suspended}
    assert {type for type, days in statutory.items() if not days} == ABOUT_TELLING
