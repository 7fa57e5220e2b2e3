"""The deployed nginx in front of real service processes, as in containers: an API process each, one gateway."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic

import aiohttp
import pytest
from fastapi import FastAPI

from deploy.gateway.generate import CONFIGURATION, render
from services.agreements.routes import verification
from services.gateway import pages, routes
from shared.actor import Role
from shared.settings import SERVICES
from tests.fixtures.eventually import eventually
from tests.fixtures.identity import Issuer
from tests.fixtures.nginx import StartNginx
from tests.fixtures.ports import free_port
from tests.fixtures.run import ROOT, begin
from tests.fixtures.serving import Serve

LIST = {
    "network": "/api/v1/organisations",
    "agreements": "/api/v1/agreements",
    "centers": "/api/v1/centers",
    "notifications": "/api/v1/notifications/feed",
    "reporting": "/api/v1/indicators/capacity",
}
"""Something of each service that an academy may read."""


@pytest.fixture
async def door(
    nginx: StartNginx,
    serve: Serve,
    issuer: Issuer,
    installation: str,
    database_url: Callable[[str], str],
    tmp_path: Path,
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of nginx, with an API process of every service behind it."""
    keys = FastAPI()

    @keys.get("/jwks")
    async def jwks() -> dict[str, object]:
        return {"keys": [key.as_dict(private=False) for key in issuer.published]}

    environment = os.environ | {
        "MITHAQ_DATABASE_URL": installation,
        "MITHAQ_DATA_DIR": str(tmp_path),
        "MITHAQ_OIDC_ISSUER": issuer.issuer,
        "MITHAQ_OIDC_JWKS_URL": f"{await serve(keys)}/jwks",
    }
    upstreams, processes = {}, []
    for service in SERVICES:
        database_url(service)
        port = free_port()
        upstreams[service] = f"127.0.0.1:{port}"
        processes.append(
            begin(
                [sys.executable, "-m", f"services.{service}", "--only", "api"],
                env=environment | {f"MITHAQ_{service.upper()}_PORT": str(port)},
                cwd=ROOT,
            )
        )
    pages.write(tmp_path / "pages")
    async with aiohttp.ClientSession(nginx(upstreams, tmp_path / "pages")) as client:
        yield client
    for process in processes:
        process.terminate()
    for process in processes:
        await asyncio.to_thread(process.wait, 20)


def test_what_is_deployed_is_what_is_generated() -> None:
    assert CONFIGURATION.read_text("utf-8") == render(), "run make generate"


async def test_everything_is_reached_through_one_door(door: aiohttp.ClientSession, issuer: Issuer) -> None:
    token = issuer.token(roles={Role.academy_director, Role.academy_officer}, jurisdiction="MA-06")
    signed_in = {"Authorization": f"Bearer {token}", "Accept-Language": "fr"}

    async def all_ready() -> bool:
        async with door.get("/readyz?verbose") as response:
            report = await response.text()
            assert response.status == 200
            return all(f"[{service}]\n" in report for service in SERVICES) and report.count("migrations: at") == 5

    await eventually(all_ready, within=60, every=0.2)
    assert set(routes.table().values()) == set(SERVICES)
    for service, address in LIST.items():
        async with door.get(address, headers=signed_in) as response:
            assert response.status == 200, f"{service}: {await response.text()}"
        async with door.get(address) as response:
            assert (response.status, response.content_type) == (401, "application/problem+json"), service
    for resource in routes.table():
        async with door.get(f"{routes.address_of(resource).rstrip('/')}/no-such-thing", headers=signed_in) as response:
            assert response.status in {404, 405, 422}, resource
            assert "fr" in response.headers["Content-Language"], f"told by the service that owns {resource}"
    async with door.post("/api/v1/agreements", headers=signed_in, json={"unknown": 1}) as response:
        problem = await response.json()
        assert response.status == 422 and problem["errors"]
        assert response.headers["Content-Language"] == "fr"
    async with door.get("/api/v1/notifications/stream", headers=signed_in) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")


async def test_the_log_of_the_door_holds_no_secret_of_an_address(nginx: StartNginx, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    pages.write(tmp_path / "pages")
    paths = ("/screens/s3cret", "/screens/s3cret/events", "/api/v1/calendars/s3cret.ics", "/api/v1/calendars?q=s3cret")
    async with aiohttp.ClientSession(nginx(dict.fromkeys(SERVICES, address), tmp_path / "pages")) as door:
        for path in paths:
            async with door.get(path) as response:
                assert response.status == 503, path

    async def all_logged() -> list[str]:
        lines = (tmp_path / "nginx-0" / "access.log").read_text().splitlines()
        assert len(lines) == len(paths)
        return [json.loads(line)["path"] for line in lines]

    logged = await eventually(all_logged)
    assert logged == ["/screens/-", "/screens/-", "/api/v1/calendars/-.ics", "/api/v1/calendars"]


async def test_who_verifies_too_often_waits_however_many_replicas_answer(
    nginx: StartNginx, serve: Serve, tmp_path: Path
) -> None:
    replica = FastAPI()

    @replica.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer() -> str:
        return "no replica of it counts"

    address = (await serve(replica)).removeprefix("http://")
    pages.write(tmp_path / "pages")
    began = monotonic()
    async with aiohttp.ClientSession(nginx(dict.fromkeys(SERVICES, address), tmp_path / "pages")) as door:
        for method, quota in (("GET", verification.LOOKS), ("POST", verification.FILES)):

            async def ask(method: str = method) -> int:
                async with door.request(method, "/v/x?h=y", headers={"Accept-Language": "fr"}) as response:
                    if response.status == 429:
                        assert (await response.json())["type"] == "/problems/too-many-requests"
                        assert int(response.headers["Retry-After"]) >= 1
                    return response.status

            statuses = [await ask() for _ in range(quota.amount + 30)]
            assert {*statuses} == {200, 429}
            returned = (monotonic() - began) * quota.amount / quota.get_expiry()
            assert quota.amount <= statuses.count(200) <= quota.amount + 1 + returned
        async with door.get("/v?lang=fr", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (308, "/v/?lang=fr")
        async with door.get("/api/v1/agreements") as response:
            assert response.status == 200, "what is not public has a quota of its own"


async def test_who_has_a_network_of_addresses_is_one_caller(nginx: StartNginx, serve: Serve, tmp_path: Path) -> None:
    replica = FastAPI()

    @replica.post("/{path:path}")
    async def answer() -> str:
        return "judged"

    address = (await serve(replica)).removeprefix("http://")
    pages.write(tmp_path / "pages")
    async with aiohttp.ClientSession(nginx(dict.fromkeys(SERVICES, address), tmp_path / "pages")) as door:

        async def statuses(of: Callable[[int], str]) -> set[int]:
            found = set()
            for number in range(verification.FILES.amount + 10):
                async with door.post("/v/x?h=y", headers={"X-Forwarded-For": of(number)}) as response:
                    found.add(response.status)
            return found

        assert await statuses(lambda number: f"2001:db8:1:2::{number:x}") == {200, 429}
        assert await statuses(lambda number: f"2001:db8:1:2:a:a:a:{number:x}") == {429}, "the same network"
        assert await statuses(lambda number: f"2001:db8:1:{number:x}::1") == {200, 429}, "the second of them is known"
        assert await statuses(lambda number: f"2001:db8:2:{number:x}::a0a") == {200}
        assert await statuses(lambda number: f"::ffff:192.0.2.{number}") == {200}
        assert await statuses(lambda number: f"198.51.100.{number}") == {200}
        assert await statuses(lambda number: "192.0.2.10") == {200, 429}


async def test_a_service_that_is_away_closes_its_own_part_only(nginx: StartNginx, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    pages.write(tmp_path / "pages")
    async with aiohttp.ClientSession(nginx(dict.fromkeys(SERVICES, address), tmp_path / "pages")) as door:
        async with door.get("/api/v1/agreements", headers={"Accept-Language": "en"}) as response:
            problem = await response.json()
            assert (response.status, problem["type"]) == (503, "/problems/unavailable")
            assert response.headers["Retry-After"] == str(problem["retry_after"])
        for path in ("/livez", "/readyz", "/docs", "/openapi.json"):
            async with door.get(path) as response:
                assert response.status == 200, path
        async with door.get("/readyz?verbose") as response:
            assert (await response.text()).count("not reachable") == len(SERVICES)
