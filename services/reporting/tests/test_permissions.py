"""Every route of reporting, tried by everybody, and by nobody; and every convention on every route."""

from typing import Any

import pytest
from fastapi import FastAPI

from services.reporting.permissions import PERMISSIONS
from services.reporting.tests.builders import FOREIGNER, NATION, OFFICER, agreement, center, declined, folded
from shared.actor import Actor
from shared.database import Database
from shared.events.centers import CenterPlanned
from tests.fixtures.identity import Issuer
from tests.web.conventions import keeps_conventions
from tests.web.routes import Arrange, Visit, client_of
from tests.web.walk import every_route_has_a_permission, walk

ACTIONS = sorted(PERMISSIONS)


def _visit(path: str) -> Arrange:
    async def arrange(_: Actor) -> Visit:
        return Visit(f"/api/v1/indicators/{path}")

    return arrange


ARRANGED = {
    "read_agreements_by_state": _visit("agreements-by-state"),
    "read_capacity": _visit("capacity"),
    "read_signature_timeline": _visit("signatures"),
}


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    every_route_has_a_permission(app, PERMISSIONS, ARRANGED)


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_admits_whom_the_table_admits(action: str, app: FastAPI, issuer: Issuer) -> None:
    await walk(app, PERMISSIONS, issuer, action, ARRANGED[action])


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_keeps_the_conventions(action: str, app: FastAPI, issuer: Issuer) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, ARRANGED[action])


async def test_a_figure_says_what_it_means_and_when_it_was_read(app: FastAPI, database: Database, token: Any) -> None:
    await folded(database, agreement(), center())
    async with client_of(app, token(OFFICER)) as client:
        for name in ("agreements_by_state", "capacity"):
            answered = (await client.get(f"/api/v1/indicators/{name.replace('_', '-')}")).json()
            assert (answered["indicator"], answered["definition_version"]) == (name, 1)
            assert answered["as_of"].endswith("Z")
            assert len(answered["items"]) == 1


async def test_figures_are_read_page_by_page_national_ones_too(app: FastAPI, database: Database, token: Any) -> None:
    await folded(database, agreement(), agreement(academy=None), declined(), center(CenterPlanned), center())
    async with client_of(app, token(NATION)) as client:
        for name, rows in (("agreements-by-state", 3), ("capacity", 2)):
            whole = (await client.get(f"/api/v1/indicators/{name}")).json()["items"]
            seen: list[Any] = []
            url: str | None = f"/api/v1/indicators/{name}?limit=1"
            while url:
                answered = await client.get(url)
                seen += answered.json()["items"]
                url = answered.links.get("next", {}).get("url")
            assert seen == whole and len(seen) == rows


async def test_the_timeline_is_read_page_by_page_and_only_ones_own(
    app: FastAPI, database: Database, token: Any
) -> None:
    await folded(database, *(agreement() for _ in range(3)))
    seen = []
    url: str | None = "/api/v1/indicators/signatures?limit=4"
    async with client_of(app, token(OFFICER)) as client:
        while url:
            answered = await client.get(url)
            seen += [(each["signed_at"], each["event_id"]) for each in answered.json()["items"]]
            url = answered.links.get("next", {}).get("url")
    assert len(seen) == 6
    assert seen == sorted(set(seen))
    async with client_of(app, token(FOREIGNER)) as client:
        assert (await client.get("/api/v1/indicators/signatures")).json() == {"items": [], "next": None}
