"""The register over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import services.network
from services.network import commands
from services.network.permissions import PERMISSIONS
from services.network.routes import router
from services.network.tests.builders import DIRECTOR, FOREIGN_DIRECTOR, MINISTRY, OFFICER, identity
from shared.actor import Actor
from shared.clock import today
from shared.web import TokenVerifier, install
from tests.fixtures.database import Databases

WORDING = Path(services.network.__file__).parent / "wording"


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
    """The register's API in this process."""
    database = await databases("network")
    await commands.seed_institutions(database)
    app = FastAPI()
    install(app, verifier=verifier, database=database, wording=WORDING)
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://network.test") as client:
        yield client


@pytest.fixture
def officer(http: httpx.AsyncClient, token: Any) -> Client:
    """A partnership officer of MA-06."""
    return Client(http, token, OFFICER)


@pytest.fixture
def director(http: httpx.AsyncClient, token: Any) -> Client:
    """The director of MA-06."""
    return Client(http, token, DIRECTOR)


async def test_an_association_is_registered_verified_and_accredited(officer: Client, director: Client) -> None:
    created = await officer.post("/associations", identity().model_dump())
    assert created.status_code == 201, created.text
    assert created.headers["ETag"] == '"1"'
    assert created.json()["available_actions"] == ["start_verification"]
    at = created.headers["Location"].removeprefix("/api/v1")
    assert (await officer.post(f"{at}/verification", If_Match='"1"')).json()["state"] == "under_verification"
    accredited = await director.post(f"{at}/accreditation", If_Match='"2"')
    assert accredited.json()["state"] == "accredited"
    assert accredited.json()["available_actions"] == ["suspend_association"]
    assert (await director.get(at)).headers["ETag"] == '"3"'


async def test_a_step_names_the_version_it_changes(officer: Client) -> None:
    at = (await officer.post("/associations", identity().model_dump())).headers["Location"].removeprefix("/api/v1")
    assert (await officer.post(f"{at}/verification")).status_code == 428
    assert (await officer.post(f"{at}/verification", If_Match='"9"')).status_code == 412


async def test_what_the_state_forbids_is_explained_in_the_readers_language(director: Client) -> None:
    at = (await director.post("/associations", identity().model_dump())).headers["Location"].removeprefix("/api/v1")
    refused = await director.post(f"{at}/accreditation", If_Match='"1"', Accept_Language="fr")
    assert refused.status_code == 409
    assert refused.json()["allowed"] == ["start_verification"]
    assert "enregistrée" in refused.json()["detail"]


async def test_the_same_key_registers_once(officer: Client) -> None:
    body = identity().model_dump()
    first = await officer.post("/associations", body, Idempotency_Key="register-1")
    again = await officer.post("/associations", body, Idempotency_Key="register-1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert len((await officer.get("/associations")).json()["items"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"ice": "12345"}, {"academy": "MA-13"}, {"province": "MA-XXX"}, {"name_fr": " "}, {"unknown": 1}],
)
async def test_a_legal_identity_that_cannot_be_is_malformed(officer: Client, wrong: dict[str, Any]) -> None:
    refused = await officer.post("/associations", identity().model_dump() | wrong)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"#/{next(iter(wrong))}"


async def test_a_foreign_academy_sees_no_association(officer: Client, http: httpx.AsyncClient, token: Any) -> None:
    at = (await officer.post("/associations", identity().model_dump())).headers["Location"].removeprefix("/api/v1")
    foreign = Client(http, token, FOREIGN_DIRECTOR)
    assert (await foreign.get(at)).status_code == 404
    assert (await foreign.get("/associations")).json() == {"items": [], "next": None}
    assert (await foreign.post(f"{at}/verification", If_Match='"1"')).status_code == 404


async def test_everyone_sees_the_institutions_page_by_page(officer: Client) -> None:
    first = (await officer.get("/organisations", limit=10)).json()
    second = (await officer.get("/organisations", limit=10, cursor=first["next"])).json()
    assert [len(first["items"]), len(second["items"]), second["next"]] == [10, 4, None]
    (own,) = (await officer.get("/organisations", category="academy", academy="MA-06")).json()["items"]
    assert (await officer.get(f"/organisations/{own['id']}")).json() == own


async def test_a_funder_is_registered(officer: Client) -> None:
    body = {"category": "funder", "academy": "MA-06", "name_ar": "ممول (وهمي)", "name_fr": "Bailleur (fictif)"}
    created = await officer.post("/organisations", body)
    assert created.status_code == 201
    assert (await officer.post("/organisations", body | {"academy": None})).status_code == 403
    assert (await officer.post("/organisations", body | {"category": "ministry"})).status_code == 422


async def test_a_mandate_is_recorded_read_and_ended(http: httpx.AsyncClient, token: Any) -> None:
    ministry = Client(http, token, MINISTRY)
    (organisation,) = (await ministry.get("/organisations", category="ministry")).json()["items"]
    body = {
        "organisation_id": organisation["id"],
        "person": {"issuer": "https://identity.example", "subject": "minister-1"},
        "holder": "Amina Exemple (fictive)",
        "valid_from": today().isoformat(),
        "valid_until": today().isoformat(),
    }
    created = await ministry.post("/mandates", body)
    assert created.status_code == 201, created.text
    assert created.json()["state"] == "active"
    assert created.json()["person"] == "https://identity.example#minister-1"
    listed = await ministry.get("/mandates", organisation_id=organisation["id"], on=today().isoformat())
    assert listed.json()["items"] == [created.json()]
    at = created.headers["Location"].removeprefix("/api/v1")
    assert (await ministry.get(at)).json() == created.json()
    ended = await ministry.post(f"{at}/end", {"on": today().isoformat(), "how": "revoked"}, If_Match='"1"')
    assert ended.json()["state"] == "revoked"
    assert (await ministry.get("/mandates", on=today().isoformat())).json()["items"] == []


def test_every_route_is_an_action_of_the_permission_table() -> None:
    assert {route.name for route in router.routes} == set(PERMISSIONS)  # type: ignore[attr-defined]
