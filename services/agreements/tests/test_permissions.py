"""Every route of agreements, tried by everybody, and by nobody; and every convention on every route."""

import pytest
from fastapi import FastAPI

from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import ask_for_a_visa
from services.agreements.tests.visits import arranged
from shared.database import Database
from tests.fixtures.identity import Issuer
from tests.web.conventions import every_refusal_has_wording, keeps_conventions
from tests.web.walk import every_route_has_a_permission, walk

ACTIONS = sorted(PERMISSIONS)


@pytest.fixture(autouse=True)
def some_kinds_ask_for_a_visa(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each keeper's."""
    for kind in ("academy-association", "ministry-network"):
        ask_for_a_visa(monkeypatch, kind)


def test_every_route_is_in_the_table(app: FastAPI, database: Database) -> None:
    every_route_has_a_permission(app, PERMISSIONS, arranged(database))


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_admits_whom_the_table_admits(
    app: FastAPI, database: Database, issuer: Issuer, action: str
) -> None:
    await walk(app, PERMISSIONS, issuer, action, arranged(database)[action])


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_keeps_the_conventions(app: FastAPI, database: Database, issuer: Issuer, action: str) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, arranged(database)[action])


def test_every_refusal_can_be_explained(app: FastAPI) -> None:
    every_refusal_has_wording(app, "services.agreements.errors")
