"""Ceremonies, without I/O and in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.agreements import commands
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Attendee, Ceremony
from services.agreements.tables import AGREEMENTS
from services.agreements.tests.builders.agreements import AT
from services.agreements.tests.builders.people import CHAIR, MINISTRY
from shared.actor import NATIONAL, Actor
from shared.database import Database
from shared.ids import new_id


def planned(agreements: Sequence[UUID] = ()) -> Ceremony:
    """A planned ceremony, without I/O."""
    id = new_id()
    title = Bilingual(ar="حفل (وهمي)", fr="Cérémonie (fictif)")
    order = {each: ["MA-06"] for each in agreements or (new_id(), new_id())}
    events = Ceremony.plan(id, title=title, place=None, planned_for=AT, agreements=order)
    return Ceremony.fold(id, events)


def opened(agreements: Sequence[UUID] = ()) -> Ceremony:
    """A ceremony that is open."""
    ceremony = planned(agreements)
    ceremony.evolve(ceremony.prepare({}))
    ceremony.evolve(ceremony.name_chair(CHAIR))
    return ceremony.evolve(ceremony.open({}, AT))


async def plan(database: Database, *agreements: UUID, by: Actor = MINISTRY, planned_for: datetime = AT) -> Ceremony:
    """A planned ceremony in the database."""
    return await commands.plan_ceremony(
        database,
        title=Bilingual(ar="حفل التوقيع (وهمي)", fr="Cérémonie de signature (fictif)"),
        place=Bilingual(ar="الرباط", fr="Rabat"),
        planned_for=planned_for,
        agreements=agreements,
        by=by,
    )


async def fill(database: Database, ceremony: Ceremony, *, by: Actor = MINISTRY) -> Ceremony:
    """The planned ceremony with its lobby open, a chair, and everybody seated."""
    await commands.prepare_ceremony(database, ceremony.id, by=by)
    ceremony = await commands.name_chair(database, ceremony.id, chair=CHAIR, by=by)
    async with database.transaction(NATIONAL) as tx:
        listed = [await AGREEMENTS.read(tx, each) for each in ceremony.agreements]
    for organisation in sorted({party.organisation_id for each in listed for party in each.parties}):
        seat = Attendee(organisation_id=organisation, name="(fictif)")
        ceremony = await commands.admit_attendee(database, ceremony.id, attendee=seat, by=by)
    return ceremony


async def hold(database: Database, *agreements: UUID, by: Actor = MINISTRY) -> Ceremony:
    """An open ceremony in the database."""
    ceremony = await plan(database, *agreements, by=by)
    await fill(database, ceremony, by=by)
    return await commands.open_ceremony(database, ceremony.id, by=by)
