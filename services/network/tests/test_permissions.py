"""Every route of the register, tried by everybody, and by nobody; and every convention on every route."""

from datetime import timedelta

import pytest
from fastapi import FastAPI

from services.network import commands
from services.network.association import Association
from services.network.mandate import Mandate
from services.network.organisation import Organisation
from services.network.permissions import PERMISSIONS
from services.network.tables import ORGANISATIONS
from services.network.tests.builders import MINISTRY, PERSON, identity
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Database
from shared.ids import new_id
from shared.territory import ACADEMIES
from tests.fixtures.identity import Issuer
from tests.web.conventions import every_refusal_has_wording, keeps_conventions
from tests.web.routes import Arrange, Visit
from tests.web.walk import every_route_has_a_permission, walk

OWN = ACADEMIES["MA-06"].organisation_id
FUNDER = {"category": "funder", "academy": "MA-06", "name_ar": "ممول (وهمي)", "name_fr": "Bailleur (fictif)"}
BECAUSE = {"reason": "(fictif) comptes en retard"}
STEPS = {
    "start_verification": ("verification", None, ()),
    "accredit_association": ("accreditation", None, ("start",)),
    "refuse_association": ("refusal", BECAUSE, ("start",)),
    "suspend_association": ("suspension", BECAUSE, ("start", "accredit")),
    "reinstate_association": ("reinstatement", None, ("start", "accredit", "suspend")),
}
ACTIONS = sorted(PERMISSIONS)


def arranged(database: Database) -> dict[str, Arrange]:
    """A visit per action; each makes what it needs."""

    async def association(*steps: str) -> Association:
        made = await commands.register_association(database, identity(), by=MINISTRY)
        if "start" in steps:
            made = await commands.start_verification(database, made.id, by=MINISTRY)
        if "accredit" in steps:
            made = await commands.accredit_association(database, made.id, by=MINISTRY)
        if "suspend" in steps:
            made = await commands.suspend_association(database, made.id, reason="(fictif)", by=MINISTRY)
        return made

    async def mandate() -> Mandate:
        return await commands.record_mandate(
            database,
            organisation_id=OWN,
            person=PERSON,
            holder="Amina Exemple (fictive)",
            valid_from=today(),
            valid_until=today() + timedelta(days=365),
            by=MINISTRY,
        )

    async def organisation() -> Organisation:
        async with database.transaction(NATIONAL) as tx:
            return await ORGANISATIONS.read(tx, OWN)

    def step(action: str) -> Arrange:
        path, body, before = STEPS[action]

        async def arrange(_: Actor) -> Visit:
            made = await association(*before)
            return Visit(f"/api/v1/associations/{made.id}/{path}", body, made, made.version)

        return arrange

    async def register_organisation(_: Actor) -> Visit:
        would_be = Organisation(id=new_id(), category="funder", academy="MA-06")
        return Visit("/api/v1/organisations", FUNDER, would_be)

    async def read_organisations(_: Actor) -> Visit:
        return Visit("/api/v1/organisations?limit=100", aggregate=await organisation())

    async def read_organisation(_: Actor) -> Visit:
        return Visit(f"/api/v1/organisations/{OWN}", aggregate=await organisation())

    async def register_association(_: Actor) -> Visit:
        legal = identity()
        return Visit("/api/v1/associations", legal.model_dump(), Association(id=new_id(), identity=legal))

    async def read_associations(_: Actor) -> Visit:
        return Visit("/api/v1/associations?limit=100", aggregate=await association())

    async def read_association(_: Actor) -> Visit:
        made = await association()
        return Visit(f"/api/v1/associations/{made.id}", aggregate=made)

    async def record_mandate(_: Actor) -> Visit:
        body = {
            "organisation_id": str(OWN),
            "person": {"issuer": "https://identity.example", "subject": "director-1"},
            "holder": "Amina Exemple (fictive)",
            "valid_from": today().isoformat(),
            "valid_until": (today() + timedelta(days=365)).isoformat(),
        }
        return Visit("/api/v1/mandates", body, Mandate(id=new_id(), organisation_id=OWN, academy="MA-06"))

    async def read_mandates(_: Actor) -> Visit:
        return Visit("/api/v1/mandates?limit=100", aggregate=await mandate())

    async def read_mandate(_: Actor) -> Visit:
        made = await mandate()
        return Visit(f"/api/v1/mandates/{made.id}", aggregate=made)

    async def end_mandate(_: Actor) -> Visit:
        made = await mandate()
        return Visit(f"/api/v1/mandates/{made.id}/end", {"on": today().isoformat(), "how": "revoked"}, made, 1)

    own = (
        register_organisation,
        read_organisations,
        read_organisation,
        register_association,
        read_associations,
        read_association,
        record_mandate,
        read_mandates,
        read_mandate,
        end_mandate,
    )
    return {each.__name__: each for each in own} | {action: step(action) for action in STEPS}


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
    every_refusal_has_wording(app, "services.network.errors")
