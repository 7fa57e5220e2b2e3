"""Agreements are found and read."""

from datetime import timedelta
from itertools import count

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.tables import CalendarRow, SavedSearchRow
from services.agreements.tests.builders import AT
from services.agreements.tests.visits.made import Made, Own, at
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.ids import new_id
from tests.web.routes import Arrange, Visit


def visits(made: Made) -> dict[str, Arrange]:
    """A visit per action."""
    database = made.database

    async def calendar_of(by: Actor) -> Own:
        calendar = CalendarRow(
            id=new_id(),
            visible_to=[by.jurisdiction],
            person=by.person,
            jurisdiction=by.jurisdiction,
            language="fr",
            digest=str(new_id()),
            created_at=now(),
        )
        async with database.transaction(NATIONAL) as tx:
            tx.add(calendar)
        return Own(id=calendar.id, home=by.jurisdiction)

    async def create_calendar(_: Actor) -> Visit:
        return Visit("/api/v1/calendars", {"language": "fr"}, unsaid=("path",))

    async def read_calendars(by: Actor) -> Visit:
        return Visit("/api/v1/calendars?limit=100", aggregate=await calendar_of(by))

    async def renew_calendar(by: Actor) -> Visit:
        calendar = await calendar_of(by)
        return Visit(f"/api/v1/calendars/{calendar.id}/renewal", aggregate=calendar)

    async def revoke_calendar(by: Actor) -> Visit:
        calendar = await calendar_of(by)
        return Visit(f"/api/v1/calendars/{calendar.id}/revocation", aggregate=calendar)

    async def proven(by: Actor) -> Agreement:
        agreement = await made.draft(by)
        # An hour ends between one and the next.
        await commands.publish_checkpoint(database, at=now() + next(hours) * timedelta(hours=1))
        return agreement

    async def kept_search(by: Actor) -> Visit:
        row = SavedSearchRow(
            id=new_id(), visible_to=[by.jurisdiction], person=by.person, name=str(new_id()), search={"q": "casa"}
        )
        async with database.transaction(NATIONAL) as tx:
            tx.add(row)
        return Visit(f"/api/v1/saved-searches/{row.id}", aggregate=Own(id=row.id, home=by.jurisdiction))

    hours = count(1)
    agreements = "agreements"
    return {
        "read_agreements": made.listing(agreements, made.draft),
        "read_agreement": made.on(agreements, made.draft, reads=True),
        "export_agreements": at("/api/v1/agreements/export"),
        "read_changes": made.on(agreements, made.draft, f"/changes?from={AT:%Y-%m-%dT%H:%M:%SZ}", reads=True),
        "read_proof": made.on(agreements, proven, "/proof", reads=True),
        "read_checkpoints": at("/api/v1/checkpoints"),
        "save_search": at("/api/v1/saved-searches", {"name": "(fictif)", "search": {"sort": "-updated_at"}}),
        "read_saved_searches": at("/api/v1/saved-searches"),
        "read_saved_search": kept_search,
        "forget_search": kept_search,
        "read_text": made.on(agreements, made.draft, "/text", reads=True),
        "read_signatures": made.on(agreements, made.draft, "/signatures", reads=True),
        "read_agreement_history": made.on(agreements, made.draft, "/history", reads=True),
        "read_kinds": at("/api/v1/agreement-kinds"),
        "create_calendar": create_calendar,
        "read_calendars": read_calendars,
        "renew_calendar": renew_calendar,
        "revoke_calendar": revoke_calendar,
    }
