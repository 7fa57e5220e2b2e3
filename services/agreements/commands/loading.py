"""How every command on an agreement begins."""

from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.vetting import look_around
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS
from shared.actor import Actor
from shared.clock import today
from shared.database import Transaction


async def load_for(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None) -> Agreement:
    """The agreement, locked and told of its surroundings, if this person may take the action on it.

    Raises NotFound, StaleVersion, Forbidden.
    """
    agreement = await AGREEMENTS.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, agreement)
    return await look_around(tx, agreement, today())
