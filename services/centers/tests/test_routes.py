"""Centers over HTTP."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from services.centers.permissions import PERMISSIONS
from services.centers.routes import router
from services.centers.tests.builders import AGREEMENT, DIRECTOR, FOREIGN_DIRECTOR, MANAGER, PLANNED
from shared.clock import today
from tests.web.routes import client_of

AT = f"/api/v1/centers/{PLANNED.center_id}"


@pytest.fixture
def director(app: FastAPI, token: Any) -> AsyncClient:
    """The director of MA-06."""
    return client_of(app, token(DIRECTOR))


async def test_a_center_goes_from_planned_to_closed(director: AsyncClient) -> None:
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
        done = await director.post(f"{AT}/{step}", json=body, headers={"If-Match": f'"{version}"'})
        assert done.status_code == 200, done.text
        assert (done.json()["state"], done.headers["ETag"]) == (state, f'"{version + 1}"')
    told = (await director.get(f"{AT}/history")).json()["items"]
    assert [each["version"] for each in told] == list(range(1, 8))
    assert told[0]["type"] == "ma.mithaq.center.planned.v1"
    assert "travaux" not in str(told)


async def test_a_center_closes_once_it_has_told_that_nobody_is_enrolled(
    director: AsyncClient, app: FastAPI, token: Any
) -> None:
    visa = {"visa_number": "(fictif) 1", "granted_on": today().isoformat()}
    for version, (step, body) in enumerate([("fitting-out", None), ("visa", visa), ("opening", None)], start=1):
        await director.post(f"{AT}/{step}", json=body, headers={"If-Match": f'"{version}"'})
    operator = client_of(app, token(MANAGER))
    count = {"funded_enrolled": 30, "unfunded_enrolled": 5, "counted_on": today().isoformat()}
    told = (await operator.post(f"{AT}/enrolled", json=count, headers={"If-Match": '"4"'})).json()
    assert {name: told[name] for name in count} == count
    shown = (await director.get(AT)).json()
    assert shown["available_actions"] == ["suspend_center", "report_enrolled"]
    (why,) = (each for each in shown["unavailable_actions"] if each["action"] == "close_center")
    assert why["type"] == "/problems/learners-still-enrolled"
    because = {"reason": "(fictif) fin de bail"}
    refused = await director.post(f"{AT}/closing", json=because, headers={"If-Match": '"5"', "Accept-Language": "fr"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/learners-still-enrolled")
    assert "déclarez 0" in refused.json()["detail"]
    none = count | {"funded_enrolled": 0, "unfunded_enrolled": 0}
    await operator.post(f"{AT}/enrolled", json=none, headers={"If-Match": '"5"'})
    closed = await director.post(f"{AT}/closing", json=because, headers={"If-Match": '"6"'})
    assert closed.json()["state"] == "closed"


async def test_a_planned_center_is_abandoned(director: AsyncClient) -> None:
    done = await director.post(
        f"{AT}/abandonment", json={"reason": "(fictif) local perdu"}, headers={"If-Match": '"1"'}
    )
    assert done.json()["state"] == "abandoned"
    assert done.json()["available_actions"] == []


async def test_a_center_shows_its_seats_and_what_may_be_done(director: AsyncClient) -> None:
    shown = (await director.get(AT)).json()
    assert (shown["funded_seats"], shown["unfunded_seats"]) == (60, 20)
    assert shown["available_actions"] == ["start_fitting_out", "abandon_center"]


async def test_centers_are_found_by_state_province_and_agreement(director: AsyncClient) -> None:
    for params in ({"state": "planned"}, {"province": "MA-CAS"}, {"agreement_id": str(AGREEMENT)}):
        assert len((await director.get("/api/v1/centers", params=params)).json()["items"]) == 1
    assert (await director.get("/api/v1/centers", params={"state": "opened"})).json()["items"] == []


async def test_a_foreign_academy_sees_no_center(app: FastAPI, token: Any) -> None:
    foreign = client_of(app, token(FOREIGN_DIRECTOR))
    for path in (AT, f"{AT}/history"):
        assert (await foreign.get(path)).status_code == 404
    assert (await foreign.get("/api/v1/centers")).json()["items"] == []
    assert (await foreign.post(f"{AT}/fitting-out", headers={"If-Match": '"1"'})).status_code == 404


async def test_a_visa_is_not_dated_ahead(director: AsyncClient) -> None:
    await director.post(f"{AT}/fitting-out", headers={"If-Match": '"1"'})
    refused = await director.post(
        f"{AT}/visa", json={"visa_number": "(fictif) 1", "granted_on": "2100-01-01"}, headers={"If-Match": '"2"'}
    )
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/visa-dated-ahead")


def test_every_route_is_an_action_of_the_permission_table() -> None:
    assert {route.name for route in router.routes} == set(PERMISSIONS)  # type: ignore[attr-defined]
