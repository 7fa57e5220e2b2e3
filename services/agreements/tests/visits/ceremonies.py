"""Ceremonies."""

from dataclasses import replace
from typing import Any

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.ceremony import Ceremony
from services.agreements.permissions import PERMISSIONS
from services.agreements.tests.builders import AT, MINISTRY, approved, current, fill, plan
from services.agreements.tests.visits.made import WHY, Made
from shared.actor import Actor
from shared.ids import new_id
from shared.territory import ACADEMIES, MINISTRY_ID
from tests.web.routes import ASSOCIATION, Arrange, Visit

SEAT = {"organisation_id": str(MINISTRY_ID), "name": "(fictif)"}
TITLE = {"ar": "حفل (وهمي)", "fr": "Cérémonie (fictif)"}


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database

    async def planned(_: Actor) -> Ceremony:
        return await plan(database, (await approved(database, current(operator=ASSOCIATION))).id)

    async def postponed(by: Actor) -> Ceremony:
        return await commands.postpone_ceremony(database, (await planned(by)).id, reason="r", by=MINISTRY)

    async def lobby(by: Actor) -> Ceremony:
        return await commands.prepare_ceremony(database, (await planned(by)).id, by=MINISTRY)

    async def seated(by: Actor) -> Ceremony:
        return await fill(database, await planned(by))

    async def opened(by: Actor) -> Ceremony:
        return await commands.open_ceremony(database, (await seated(by)).id, by=MINISTRY)

    async def interrupted(by: Actor) -> Ceremony:
        return await commands.interrupt_ceremony(database, (await opened(by)).id, reason="r", by=MINISTRY)

    async def closed(by: Actor) -> Ceremony:
        return await commands.close_ceremony(database, (await opened(by)).id, by=MINISTRY)

    async def open_screen(by: Actor) -> Visit:
        return replace(await made.on(ceremonies, planned, "/screens", reads=True)(by), unsaid=("path",))

    async def plan_ceremony(by: Actor) -> Visit:
        agreement = Agreement(id=new_id())
        if PERMISSIONS.may(by, "plan_ceremony"):
            agreement = await approved(database, current(by.jurisdiction if by.jurisdiction in ACADEMIES else "MA-06"))
        body = {"title": TITLE, "planned_for": AT.isoformat(), "agreements": [str(agreement.id)]}
        return Visit("/api/v1/ceremonies", body)

    def on_its_first(make: Any, path: str, *, versioned: bool, **more: str) -> Arrange:
        make = made.kept(make)

        async def arrange(by: Actor) -> Visit:
            ceremony = await make(by)
            body = {"agreement_id": str(ceremony.agreements[0]), **more}
            return Visit(
                f"/api/v1/ceremonies/{ceremony.id}{path}", body, ceremony, ceremony.version if versioned else None
            )

        return arrange

    async def planned_for_two(_: Actor) -> Ceremony:
        both = [await approved(database, current(operator=ASSOCIATION)) for _ in range(2)]
        return await plan(database, *(each.id for each in both))

    two = made.kept(planned_for_two)

    async def change_order(by: Actor) -> Visit:
        ceremony = await two(by)
        body = {"agreements": [str(each) for each in reversed(ceremony.agreements)]}
        return Visit(f"/api/v1/ceremonies/{ceremony.id}/order", body, ceremony, ceremony.version)

    ceremonies = "ceremonies"
    return {
        "plan_ceremony": plan_ceremony,
        "read_ceremonies": made.listing(ceremonies, planned),
        "read_ceremony": made.on(ceremonies, planned, reads=True),
        "read_minutes": made.on(ceremonies, closed, "/minutes", reads=True),
        "read_minutes_paper": made.on(ceremonies, closed, "/minutes.pdf?language=ar", reads=True),
        "read_lobby": made.on(ceremonies, planned, "/lobby", reads=True),
        "name_chair": made.on(ceremonies, planned, "/chair", SEAT),
        "admit_attendee": made.on(ceremonies, lobby, "/attendees", SEAT),
        "release_attendee": made.on(ceremonies, seated, "/releases", SEAT),
        "change_order": change_order,
        "strike_agreement": on_its_first(planned_for_two, "/strikes", versioned=True, **WHY),
        "call_agreement": on_its_first(opened, "/calls", versioned=False),
        "open_screen": open_screen,
        "close_screens": made.on(ceremonies, planned, "/screens", reads=True),
        "postpone_ceremony": made.on(ceremonies, planned, "/postponement", WHY),
        "reschedule_ceremony": made.on(ceremonies, postponed, "/rescheduling", {"planned_for": AT.isoformat()}),
        "prepare_ceremony": made.on(ceremonies, planned, "/lobby"),
        "open_ceremony": made.on(ceremonies, seated, "/opening"),
        "interrupt_ceremony": made.on(ceremonies, opened, "/interruption", WHY),
        "resume_ceremony": made.on(ceremonies, interrupted, "/resumption"),
        "close_ceremony": made.on(ceremonies, opened, "/closing"),
        "adopt_minutes": made.on(ceremonies, closed, "/minutes"),
        "cancel_ceremony": made.on(ceremonies, planned, "/cancellation", WHY),
    }
