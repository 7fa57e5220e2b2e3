"""The register over HTTP."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from services.network.permissions import PERMISSIONS
from services.network.routes import router
from services.network.tests.builders import DIRECTOR, FOREIGN_DIRECTOR, MINISTRY, OFFICER, identity
from shared.clock import today
from shared.ids import new_id
from tests.web.routes import client_of


@pytest.fixture
def officer(app: FastAPI, token: Any) -> AsyncClient:
    """A partnership officer of MA-06."""
    return client_of(app, token(OFFICER))


@pytest.fixture
def director(app: FastAPI, token: Any) -> AsyncClient:
    """The director of MA-06."""
    return client_of(app, token(DIRECTOR))


async def test_an_association_is_registered_and_accredited(officer: AsyncClient, director: AsyncClient) -> None:
    created = await officer.post("/api/v1/associations", json=identity().model_dump())
    assert created.status_code == 201, created.text
    assert created.headers["ETag"] == '"1"'
    assert created.json()["available_actions"] == ["start_verification"]
    at = created.headers["Location"]
    assert (await officer.post(f"{at}/verification", headers={"If-Match": '"1"'})).json()[
        "state"
    ] == "under_verification"
    accredited = await director.post(f"{at}/accreditation", headers={"If-Match": '"2"'})
    assert accredited.json()["state"] == "accredited"
    assert accredited.json()["available_actions"] == ["suspend_association"]
    assert (await director.get(at)).headers["ETag"] == '"3"'


async def test_a_step_names_the_version_it_changes(officer: AsyncClient) -> None:
    at = (await officer.post("/api/v1/associations", json=identity().model_dump())).headers["Location"]
    assert (await officer.post(f"{at}/verification")).status_code == 428
    assert (await officer.post(f"{at}/verification", headers={"If-Match": '"9"'})).status_code == 412


async def test_what_the_state_forbids_is_explained_in_the_readers_language(director: AsyncClient) -> None:
    at = (await director.post("/api/v1/associations", json=identity().model_dump())).headers["Location"]
    refused = await director.post(f"{at}/accreditation", headers={"If-Match": '"1"', "Accept-Language": "fr"})
    assert refused.status_code == 409
    assert refused.json()["allowed"] == ["start_verification"]
    assert "enregistrée" in refused.json()["detail"]


async def test_the_same_key_registers_once(officer: AsyncClient) -> None:
    body = identity().model_dump()
    first = await officer.post("/api/v1/associations", json=body, headers={"Idempotency-Key": "register-1"})
    again = await officer.post("/api/v1/associations", json=body, headers={"Idempotency-Key": "register-1"})
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert len((await officer.get("/api/v1/associations")).json()["items"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"ice": "12345"}, {"academy": "MA-13"}, {"province": "MA-XXX"}, {"name_fr": " "}, {"unknown": 1}],
)
async def test_a_legal_identity_that_cannot_be_is_malformed(officer: AsyncClient, wrong: dict[str, Any]) -> None:
    refused = await officer.post("/api/v1/associations", json=identity().model_dump() | wrong)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"#/{next(iter(wrong))}"


async def test_a_foreign_academy_sees_no_association(officer: AsyncClient, app: FastAPI, token: Any) -> None:
    at = (await officer.post("/api/v1/associations", json=identity().model_dump())).headers["Location"]
    foreign = client_of(app, token(FOREIGN_DIRECTOR))
    assert (await foreign.get(at)).status_code == 404
    assert (await foreign.get("/api/v1/associations")).json() == {"items": [], "next": None}
    assert (await foreign.post(f"{at}/verification", headers={"If-Match": '"1"'})).status_code == 404


async def test_everyone_sees_the_institutions_page_by_page(officer: AsyncClient) -> None:
    first = (await officer.get("/api/v1/organisations", params={"limit": 50})).json()
    second = (await officer.get("/api/v1/organisations", params={"limit": 50, "cursor": first["next"]})).json()
    assert [len(first["items"]), len(second["items"]), second["next"]] == [50, 46, None]
    (own,) = (await officer.get("/api/v1/organisations", params={"category": "academy", "academy": "MA-06"})).json()[
        "items"
    ]
    assert (await officer.get(f"/api/v1/organisations/{own['id']}")).json() == own


async def test_a_funder_is_registered(officer: AsyncClient) -> None:
    body = {"category": "funder", "academy": "MA-06", "name_ar": "ممول (وهمي)", "name_fr": "Bailleur (fictif)"}
    created = await officer.post("/api/v1/organisations", json=body)
    assert created.status_code == 201
    assert (await officer.post("/api/v1/organisations", json=body | {"academy": None})).status_code == 403
    assert (await officer.post("/api/v1/organisations", json=body | {"category": "ministry"})).status_code == 422


async def test_a_mandate_is_recorded_read_and_ended(app: FastAPI, token: Any) -> None:
    ministry = client_of(app, token(MINISTRY))
    (organisation,) = (await ministry.get("/api/v1/organisations", params={"category": "ministry"})).json()["items"]
    body = {
        "organisation_id": organisation["id"],
        "person": {"issuer": "https://identity.example", "subject": "minister-1"},
        "holder": "Amina Exemple (fictive)",
        "valid_from": today().isoformat(),
        "valid_until": today().isoformat(),
    }
    created = await ministry.post("/api/v1/mandates", json=body)
    assert created.status_code == 201, created.text
    assert created.json()["state"] == "active"
    assert created.json()["person"] == "https://identity.example#minister-1"
    listed = await ministry.get(
        "/api/v1/mandates", params={"organisation_id": organisation["id"], "on": today().isoformat()}
    )
    assert listed.json()["items"] == [created.json()]
    at = created.headers["Location"]
    assert (await ministry.get(at)).json() == created.json()
    ended = await ministry.post(
        f"{at}/end", json={"on": today().isoformat(), "how": "revoked"}, headers={"If-Match": '"1"'}
    )
    assert ended.json()["state"] == "revoked"
    assert (await ministry.get("/api/v1/mandates", params={"on": today().isoformat()})).json()["items"] == []


async def test_a_mandate_says_which_agreements_it_covers(app: FastAPI, token: Any) -> None:
    ministry = client_of(app, token(MINISTRY))
    (organisation,) = (await ministry.get("/api/v1/organisations", params={"category": "ministry"})).json()["items"]
    body = {
        "organisation_id": organisation["id"],
        "person": {"issuer": "https://identity.example", "subject": "minister-2"},
        "holder": "Amina Exemple (fictive)",
        "valid_from": today().isoformat(),
        "valid_until": today().isoformat(),
    }
    scope = {"agreement_types": ["central", "network"], "academies": ["MA-06"], "agreements": [str(new_id())]}
    created = (await ministry.post("/api/v1/mandates", json=body | scope)).json()
    assert {field: created[field] for field in scope} == scope
    assert (await ministry.get(f"/api/v1/mandates/{created['id']}")).json() == created
    for nonsense in ({"agreement_types": ["regoinal"]}, {"academies": ["MA-13"]}):
        assert (await ministry.post("/api/v1/mandates", json=body | nonsense)).status_code == 422


def test_every_route_is_an_action_of_the_permission_table() -> None:
    assert {route.name for route in router.routes} == set(PERMISSIONS)  # type: ignore[attr-defined]


async def test_a_name_is_one_line(officer: AsyncClient) -> None:
    body = identity().model_dump() | {"name_fr": "Asso\nB"}
    refused = await officer.post("/api/v1/associations", json=body, headers={"Accept-Language": "fr"})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == ("#/name_fr", "line_break")
    assert "une ligne" in error["detail"]
