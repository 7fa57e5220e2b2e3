"""What both front doors promise: the embedded one and nginx with the deployed configuration."""

import asyncio
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from services.gateway.pages import PAGES
from shared.web.edge import HEADERS, MOST_BYTES, MOST_UPLOADED
from tests.gateway.conftest import OpenDoor
from tests.gateway.sample import RESOURCES


@pytest.mark.parametrize("resource", RESOURCES)
async def test_a_resource_is_answered_by_the_service_that_owns_it(door: aiohttp.ClientSession, resource: str) -> None:
    async with door.get(f"/api/v1/{resource}/echo") as response:
        assert (await response.json())["service"] == RESOURCES[resource]


async def test_a_public_page_is_answered_by_the_service_that_owns_it(door: aiohttp.ClientSession) -> None:
    async with door.get("/v/echo?h=9f86d081") as response:
        assert (await response.json())["service"] == "agreements"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/unknown", "/api/v1/", "/api/v2/agreements", "/unknown", "/metrics", "/.env", "/vv/echo", "/V/echo"],
)
async def test_an_address_that_nobody_owns_is_a_problem(door: aiohttp.ClientSession, path: str) -> None:
    async with door.get(path, headers={"Accept-Language": "fr"}) as response:
        problem = await problem_of(response, 404)
    assert problem["type"] == "/problems/not-found"
    assert problem["instance"] == path
    assert re.fullmatch("[0-9a-f]{32}", problem["trace_id"])


@pytest.mark.parametrize(("language", "title"), [("ar", "غير موجود"), ("fr", "Introuvable"), ("en", "Not found")])
async def test_a_problem_is_told_in_the_callers_language(
    door: aiohttp.ClientSession, language: str, title: str
) -> None:
    async with door.get("/api/v1/unknown", headers={"Accept-Language": language}) as response:
        problem = await problem_of(response, 404)
        assert response.headers["Content-Language"] == language
    assert problem["title"] == title


async def test_a_body_at_the_limit_is_taken(door: aiohttp.ClientSession) -> None:
    async with door.post("/api/v1/agreements/echo", data=b"x" * MOST_BYTES) as response:
        assert await response.json() == {"bytes": MOST_BYTES}


async def test_a_longer_body_is_refused(door: aiohttp.ClientSession) -> None:
    async with door.post("/api/v1/agreements/echo", data=b"x" * (MOST_BYTES + 1)) as response:
        assert (await problem_of(response, 413))["limit"] == MOST_BYTES


async def test_a_longer_body_that_hides_its_length_is_refused(door: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * (MOST_BYTES // 10)

    async with door.post("/api/v1/agreements/echo", data=chunks()) as response:
        await problem_of(response, 413)


@pytest.mark.parametrize("upload", ["/api/v1/agreements/echo/documents", "/v/echo"])
async def test_an_upload_may_be_longer_and_has_a_limit_of_its_own(door: aiohttp.ClientSession, upload: str) -> None:
    async with door.post(upload, data=BytesIO(b"x" * MOST_UPLOADED)) as response:
        assert await response.json() == {"bytes": MOST_UPLOADED}
    async with door.post(upload, data=BytesIO(b"x" * (MOST_UPLOADED + 1))) as response:
        assert (await problem_of(response, 413))["limit"] == MOST_UPLOADED


async def test_a_flood_from_one_address_is_shed(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITHAQ_GATEWAY_RATE", "5 per 5 second")
    door = await open_door()

    async def ask() -> int:
        async with door.get("/api/v1/agreements/echo") as response:
            if response.status == 429:
                problem = await problem_of(response, 429)
                assert int(response.headers["Retry-After"]) == problem["retry_after"] >= 1
            return response.status

    statuses = await asyncio.gather(*(ask() for _ in range(20)))
    assert {200, 429} == set(statuses)


@pytest.mark.parametrize("path", ["/", "/docs", "/api/v1/agreements/echo", "/api/v1/unknown", "/openapi.json"])
async def test_every_answer_carries_the_security_headers(door: aiohttp.ClientSession, path: str) -> None:
    async with door.get(path) as response:
        names = HEADERS.keys() - {"Cache-Control", "Content-Security-Policy"}
        assert {name: response.headers.get(name) for name in names} == {name: HEADERS[name] for name in names}
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Server" not in response.headers or "/" not in response.headers["Server"]


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Real-IP", "Remote-User", "Forwarded", "X-Forwarded-Host"])
async def test_headers_that_claim_an_identity_do_not_get_in(door: aiohttp.ClientSession, name: str) -> None:
    async with door.get("/api/v1/agreements/echo", headers={name: "for=ministry"}) as response:
        assert (await response.json())["headers"].get(name.lower()) in (None, "")


async def test_the_callers_trace_gets_in(door: aiohttp.ClientSession) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with door.get("/api/v1/agreements/echo", headers={"traceparent": traceparent}) as response:
        assert (await response.json())["headers"]["traceparent"] == traceparent


async def test_a_live_stream_is_not_held_back(door: aiohttp.ClientSession) -> None:
    async with door.get("/api/v1/notifications/stream", headers={"Accept": "text/event-stream"}) as stream:
        assert await frame(stream) == "first"
        async with door.post("/api/v1/notifications/release"):
            pass
        assert await frame(stream) == "second"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_another_host(door: aiohttp.ClientSession, path: str) -> None:
    async with door.get(path) as response:
        assert response.content_type == "text/html"
        page = Loaded.by(await response.text())
    assert page.addresses
    for address in page.addresses:
        assert address.startswith("/static/"), f"{path} loads {address}"
        async with door.get(address) as response:
            assert response.status == 200, address
            if address.endswith("mithaq.css"):
                assert "url(" not in await response.text()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")])
async def test_a_page_speaks_the_readers_language(
    door: aiohttp.ClientSession, path: str, language: str, direction: str
) -> None:
    async with door.get(path, headers={"Accept-Language": f"{language}-MA, de;q=0.1"}) as response:
        assert f'<html lang="{language}" dir="{direction}">' in await response.text()


async def test_the_documents_are_served(door: aiohttp.ClientSession) -> None:
    async with door.get("/openapi.json") as response:
        assert (await response.json())["openapi"] == "3.1.0"
    async with door.get("/docs/events/asyncapi.json") as response:
        assert (await response.json())["asyncapi"].startswith("3.")


@pytest.mark.parametrize("path", [*PAGES, "/openapi.json", "/docs/events/asyncapi.json", "/static/mithaq.css"])
async def test_what_is_read_can_be_asked_about(door: aiohttp.ClientSession, path: str) -> None:
    async with door.get(path) as read, door.head(path) as asked:
        assert asked.status == 200
        assert asked.headers["Content-Length"] == str(len(await read.read())) != "0"
        assert asked.content_type == read.content_type
    async with door.post(path) as response:
        await problem_of(response, 405)


async def test_the_door_is_alive(door: aiohttp.ClientSession) -> None:
    async with door.get("/livez") as response:
        assert (response.status, await response.text()) == (200, "ok")


async def problem_of(response: aiohttp.ClientResponse, status: int) -> dict[str, Any]:
    """The problem an answer tells."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = await response.json(content_type=None)
    assert problem["status"] == status
    assert problem.keys() >= {"type", "title", "detail", "instance", "trace_id"}
    return problem


async def frame(stream: aiohttp.ClientResponse) -> str:
    """The data of the next frame of a live stream."""
    async with asyncio.timeout(5):
        async for line in stream.content:
            if line.startswith(b"data:"):
                return line.removeprefix(b"data:").decode().strip().strip('"')
    raise AssertionError("the stream ended")


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    @classmethod
    def by(cls, page: str) -> "Loaded":
        """What this page loads."""
        parser = cls()
        parser.feed(page)
        return parser

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect `src` of anything and `href` of links that are fetched; `<a>` only goes there when asked."""
        values = dict(attributes)
        assert "style" not in values or "url(" not in str(values["style"])
        for name in ("src", "srcset", "data") + (("href",) if tag == "link" else ()):
            if value := values.get(name):
                self.addresses.append(value)
