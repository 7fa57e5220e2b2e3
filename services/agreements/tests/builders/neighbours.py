"""What the service knows of its neighbours."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.agreements import reactions
from services.agreements.reactions import codes_of
from services.agreements.tables import AssociationStandingRow, MandateRow, OrganisationRow
from services.agreements.terms import Terms
from services.agreements.tests.builders.agreements import AT
from services.agreements.tests.builders.people import NAME, signer
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Database, Work
from shared.events.base import Occurrence
from shared.events.network import MandateEnded
from shared.ids import new_id


async def know(database: Database, terms: Terms, *, standing: str = "accredited", mandates: bool = True) -> None:
    """Let the replicas know the parties, each with somebody mandated for the years around today."""
    async with database.transaction(NATIONAL) as tx:
        for each in terms.parties:
            id = each.organisation_id
            await tx.merge(OrganisationRow(id=id, name_ar=NAME.ar, name_fr=NAME.fr))
            if "operator" in each.roles:
                await tx.merge(AssociationStandingRow(id=id, standing=standing))
            if mandates:
                await tx.merge(mandate(id))


async def stand(database: Database, association: UUID, standing: str) -> None:
    """Let the association have this standing."""
    async with database.transaction(NATIONAL) as tx:
        await tx.merge(AssociationStandingRow(id=association, standing=standing))


def mandate(organisation: UUID, by: Actor | None = None, **changes: Any) -> MandateRow:
    """A mandate valid today, of the organisation's signer unless told otherwise."""
    fields = {
        "id": new_id(),
        "visible_to": codes_of(organisation),
        "organisation_id": organisation,
        "person": (by or signer(organisation)).person,
        "valid_from": today() - timedelta(days=365),
        "valid_until": today() + timedelta(days=365),
    }
    return MandateRow(**(fields | changes))


async def end_mandate(db: Work, mandate_id: UUID, *, on: date) -> None:
    """Let it become known that a mandate ended on a day."""
    ended = MandateEnded(mandate_id=mandate_id, organisation_id=new_id(), ended_on=on, how="revoked")
    told = Occurrence(ended, new_id(), mandate_id, 2, (), "somebody", AT, new_id())
    async with db.transaction(NATIONAL) as tx:
        await reactions.end_mandate(tx, told)
