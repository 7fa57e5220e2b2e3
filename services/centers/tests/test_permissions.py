"""Every route of the centers service, tried by everybody, and by nobody; and every convention on every route."""

import pytest
from fastapi import FastAPI

from services.centers.center import Center
from services.centers.permissions import PERMISSIONS
from services.centers.tables import CENTERS
from services.centers.tests.builders import AGREEMENT, DAY, decisions, provided
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.database import Database
from tests.fixtures.identity import Issuer
from tests.web.conventions import every_refusal_has_wording, keeps_conventions
from tests.web.routes import ASSOCIATION, Arrange, Visit
from tests.web.walk import every_route_has_a_permission, walk

BECAUSE = {"reason": "(fictif) travaux"}
VISA = {"visa_number": "(fictif) 1", "granted_on": DAY.isoformat()}
ENROLLED = {"funded_enrolled": 30, "unfunded_enrolled": 5, "counted_on": DAY.isoformat()}
TO_OPENING = ("start_fitting_out", "grant_visa", "open_center")
VISITS = {
    "read_centers": ("?limit=100", None, ()),
    "read_center": ("/{id}", None, ()),
    "read_center_history": ("/{id}/history", None, ()),
    "start_fitting_out": ("/{id}/fitting-out", None, ()),
    "grant_visa": ("/{id}/visa", VISA, TO_OPENING[:1]),
    "open_center": ("/{id}/opening", None, TO_OPENING[:2]),
    "suspend_center": ("/{id}/suspension", BECAUSE, TO_OPENING),
    "resume_center": ("/{id}/resumption", None, (*TO_OPENING, "suspend_center")),
    "report_enrolled": ("/{id}/enrolled", ENROLLED, TO_OPENING),
    "close_center": ("/{id}/closing", BECAUSE, TO_OPENING),
    "abandon_center": ("/{id}/abandonment", BECAUSE, ()),
}
ACTIONS = sorted(PERMISSIONS)


def arranged(database: Database, action: str) -> Arrange:
    """The visit for an action, to a center of its own in the state that allows it."""
    path, body, steps = VISITS[action]

    async def arrange(_: Actor) -> Visit:
        one = provided(operator_id=ASSOCIATION)
        async with database.transaction(NATIONAL) as tx:
            events = Center.plan(one, agreement_id=AGREEMENT, academy="MA-06")
            center = await CENTERS.record(tx, Center(id=one.center_id), events, by=SYSTEM)
            for step in steps:
                await CENTERS.record(tx, center, decisions(center)[step](), by=SYSTEM)
        changes = not action.startswith("read_")
        return Visit(f"/api/v1/centers{path.format(id=center.id)}", body, center, center.version if changes else None)

    return arrange


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    every_route_has_a_permission(app, PERMISSIONS, VISITS)


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_admits_whom_the_table_admits(
    app: FastAPI, database: Database, issuer: Issuer, action: str
) -> None:
    await walk(app, PERMISSIONS, issuer, action, arranged(database, action))


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_route_keeps_the_conventions(app: FastAPI, database: Database, issuer: Issuer, action: str) -> None:
    await keeps_conventions(app, PERMISSIONS, issuer, action, arranged(database, action))


def test_every_refusal_can_be_explained(app: FastAPI) -> None:
    every_refusal_has_wording(app, "services.centers.errors")
