"""What people read in the register: each within their scope, and explicitly so."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from services.network.association import Association, AssociationState
from services.network.mandate import Mandate
from services.network.organisation import Organisation
from services.network.permissions import PERMISSIONS
from services.network.tables import ASSOCIATIONS, MANDATES, ORGANISATIONS
from shared.actor import Actor
from shared.database import Work
from shared.events.network import OrganisationKind
from shared.web import PageRequest

T = TypeVar("T")
Found = tuple[Sequence[T], str | None]
"""One page, and the cursor of the next."""


async def organisations(
    db: Work, *, category: OrganisationKind | None, academy: str | None, page: PageRequest, by: Actor
) -> Found[Organisation]:
    """Institutions, oldest first."""
    PERMISSIONS.allow(by, "read_organisations")
    row = ORGANISATIONS.table.c
    where = [column == wanted for column, wanted in ((row.category, category), (row.academy, academy)) if wanted]
    async with db.transaction(by.scope) as tx:
        return await ORGANISATIONS.find(tx, *where, page=page)


async def organisation(db: Work, id: UUID, *, by: Actor) -> Organisation:
    """One institution. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await ORGANISATIONS.read(tx, id)
    PERMISSIONS.allow(by, "read_organisation", found)
    return found


async def associations(
    db: Work, *, state: AssociationState | None, academy: str | None, page: PageRequest, by: Actor
) -> Found[Association]:
    """Associations, oldest first."""
    PERMISSIONS.allow(by, "read_associations")
    row = ASSOCIATIONS.table.c
    where = [column == wanted for column, wanted in ((row.status, state), (row.academy, academy)) if wanted]
    async with db.transaction(by.scope) as tx:
        return await ASSOCIATIONS.find(tx, *where, page=page)


async def association(db: Work, id: UUID, *, by: Actor) -> Association:
    """One association. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await ASSOCIATIONS.read(tx, id)
    PERMISSIONS.allow(by, "read_association", found)
    return found


async def mandates(
    db: Work, *, organisation_id: UUID | None, on: date | None, page: PageRequest, by: Actor
) -> Found[Mandate]:
    """Mandates, oldest first; those of one organisation, those in which one may sign on a day."""
    PERMISSIONS.allow(by, "read_mandates")
    row = MANDATES.table.c
    where = [row.organisation_id == organisation_id] if organisation_id else []
    if on:
        where += [row.valid_from <= on, row.valid_until >= on]
    async with db.transaction(by.scope) as tx:
        return await MANDATES.find(tx, *where, page=page)


async def mandate(db: Work, id: UUID, *, by: Actor) -> Mandate:
    """One mandate. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await MANDATES.read(tx, id)
    PERMISSIONS.allow(by, "read_mandate", found)
    return found
