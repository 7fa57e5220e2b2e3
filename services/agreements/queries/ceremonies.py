"""What people read of ceremonies: each within their scope, and explicitly so."""

from collections.abc import Sequence
from uuid import UUID

from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas import MinutesAnswer
from services.agreements.tables import CEREMONIES
from shared.actor import Actor
from shared.database import Work
from shared.refusals import NotAllowedNow
from shared.store import get_texts
from shared.web import PageRequest


async def ceremonies(
    db: Work, *, state: CeremonyState | None, page: PageRequest, by: Actor
) -> tuple[Sequence[Ceremony], str | None]:
    """A page of ceremonies, oldest first, and the next one's cursor."""
    PERMISSIONS.allow(by, "read_ceremonies")
    async with db.transaction(by.scope) as tx:
        where = [CEREMONIES.table.c.status == state] if state else []
        return await CEREMONIES.find(tx, *where, page=page)


async def ceremony(db: Work, id: UUID, *, by: Actor) -> Ceremony:
    """One ceremony. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await CEREMONIES.read(tx, id)
    PERMISSIONS.allow(by, "read_ceremony", found)
    return found


async def minutes(db: Work, id: UUID, *, by: Actor) -> MinutesAnswer:
    """A closed ceremony's minutes. Raises NotFound; NotAllowedNow before the closing."""
    async with db.transaction(by.scope) as tx:
        found = await CEREMONIES.read(tx, id)
        PERMISSIONS.allow(by, "read_minutes", found)
        if not found.minutes:
            raise NotAllowedNow(action="read_minutes", kind=found.kind, state=found.status, allowed=[])
        texts = await get_texts(tx, found.minutes.values())
    adopted = found.state == CeremonyState.minutes_adopted
    return MinutesAnswer(adopted=adopted, ar=texts[found.minutes["ar"]], fr=texts[found.minutes["fr"]])
