"""Who approves in whose place."""

from collections.abc import Sequence

from services.agreements.permissions import PERMISSIONS
from services.agreements.substitution import Substitution
from services.agreements.tables import SUBSTITUTIONS
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest


async def substitutions(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[Substitution], str | None]:
    """A page of the substitutions of the actor's jurisdiction, oldest first, and the next one's cursor."""
    PERMISSIONS.allow(by, "read_substitutions")
    own = [SUBSTITUTIONS.table.c.visible_to[1] == by.jurisdiction] if by.jurisdiction != "national" else []
    async with db.transaction(by.scope) as tx:
        return await SUBSTITUTIONS.find(tx, *own, page=page)
