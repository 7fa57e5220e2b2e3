"""What the days bring about: agreements bind, go on and end. The schedule asks for it, and it does not matter when."""

from datetime import date
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.families import lived_parent_of
from services.agreements.commands.passing import let_pass
from services.agreements.tables import AGREEMENTS
from shared.actor import SYSTEM
from shared.database import Work


async def bring_into_force(db: Work, id: UUID, *, on: date) -> Agreement:
    """Let a signed agreement bind once its start date is reached."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        agreement.require("bring_into_force")
        parent = await lived_parent_of(tx, agreement, on)
        events = agreement.bring_into_force_with(parent, on) if parent else agreement.bring_into_force(on)
        return await AGREEMENTS.record(tx, agreement, events, by=SYSTEM)


async def let_time_pass(db: Work, id: UUID, *, on: date) -> Agreement:
    """All that time has brought about up to this day, from the coming into force to the end."""
    async with db.transaction(SYSTEM.scope) as tx:
        return await let_pass(tx, await AGREEMENTS.load(tx, id), on)
