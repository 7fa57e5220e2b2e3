"""Centers over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import services.centers
from services.centers.center import Center
from services.centers.permissions import PERMISSIONS
from services.centers.routes import router
from services.centers.tables import CENTERS
from services.centers.tests.builders import AGREEMENT, DIRECTOR, FOREIGN_DIRECTOR, provided
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.clock import today
from shared.web import TokenVerifier, install
from tests.fixtures.database import Databases

WORDING = Path(services.centers.__file__).parent / "wording"
ONE = provided()
AT = f"/centers/{ONE.center_id}"


class Client:
    """Somebody's HTTP client."""

    def __init__(self, http: httpx.AsyncClient, token: Any, by: Actor) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {token(by)}"}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Read."""
        return await self.http.get(f"/api/v1{path}", params=params, headers=self.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Do."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/api/v1{path}", json=body, headers=self.headers | named)


@pytest.fixture
async def http(databases: Databases, verifier: TokenVerifier) -> AsyncIterator[httpx.AsyncClient]:
    """The API in this process, with one planned center."""
    database = await databases("centers")
    async with database.transaction(NATIONAL) as tx:
        events = Center.plan(ONE, agreement_id=AGREEMENT, academy="MA-06")
        await CENTERS.record(tx, Center(id=ONE.center_id), events, by=SYSTEM)
    app = FastAPI()
    install(app, verifier=verifier, database=database, wording=WORDING)
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://centers.test") as client:
        yield client


@pytest.fixture
def director(http: httpx.AsyncClient, token: Any) -> Client:
    """The director of MA-06."""
    return Client(http, token, DIRECTOR)


async def test_a_center_goes_from_planned_to_closed(director: Client) -> None:
    because = {"reason": "(fictif) travaux"}
    visa = {"visa_number": "(fictif) 1", "granted_on": today().isoformat()}
    steps: list[tuple[str, Any, str]] = [
        ("fitting-out", None, "fitting_out"),
        ("visa", visa, "ready"),
        ("opening", None, "opened"),
        ("suspension", because, "suspended"),
        ("resumption", None, "opened"),
        ("closing", because, "closed"),
    ]
    for version, (step, body, state) in enumerate(steps, start=1):
        done = await director.post(f"{AT}/{step}", body, If_Match=f'"{version}"')
        assert done.status_code == 200, done.text
        assert (done.json()["state"], done.headers["ETag"]) == (state, f'"{version + 1}"')
    told = (await director.get(f"{AT}/history")).json()["items"]
    assert [each["version"] for each in told] == list(range(1, 8))
    assert told[0]["type"] == "ma.mithaq.center.planned.v1"
    assert "travaux" not in str(told)


async def test_a_planned_center_is_abandoned(director: Client) -> None:
    done = await director.post(f"{AT}/abandonment", {"reason": "(fictif) local perdu"}, If_Match='"1"')
    assert done.json()["state"] == "abandoned"
    assert done.json()["available_actions"] == []


async def test_a_center_shows_its_seats_and_what_may_be_done(director: Client) -> None:
    shown = (await director.get(AT)).json()
    assert (shown["funded_seats"], shown["unfunded_seats"]) == (60, 20)
    assert shown["available_actions"] == ["start_fitting_out", "abandon_center"]


async def test_centers_are_found_by_state_province_and_agreement(director: Client) -> None:
    for params in ({"state": "planned"}, {"province": "MA-CAS"}, {"agreement_id": str(AGREEMENT)}):
        assert len((await director.get("/centers", **params)).json()["items"]) == 1
    assert (await director.get("/centers", state="opened")).json()["items"] == []


async def test_a_foreign_academy_sees_no_center(http: httpx.AsyncClient, token: Any) -> None:
    foreign = Client(http, token, FOREIGN_DIRECTOR)
    for path in (AT, f"{AT}/history"):
        assert (await foreign.get(path)).status_code == 404
    assert (await foreign.get("/centers")).json()["items"] == []
    assert (await foreign.post(f"{AT}/fitting-out", If_Match='"1"')).status_code == 404


async def test_a_visa_is_not_dated_ahead(director: Client) -> None:
    await director.post(f"{AT}/fitting-out", If_Match='"1"')
    refused = await director.post(
        f"{AT}/visa", {"visa_number": "(fictif) 1", "granted_on": "2999-01-01"}, If_Match='"2"'
    )
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/visa-dated-ahead")


def test_every_route_is_an_action_of_the_permission_table() -> None:
    assert {route.name for route in router.routes} == set(PERMISSIONS)  # type: ignore[attr-defined]
