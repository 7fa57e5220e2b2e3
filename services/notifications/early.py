"""Early: what came before the agreement that says whom it concerns is parked, and told once that is known."""

from services.notifications.circle import AgreementNotKnown
from services.notifications.reactions import deliver
from shared.actor import NATIONAL
from shared.database import Database
from shared.messaging.parked import parked, release
from shared.messaging.retrying import reason_of

EARLY = reason_of(AgreementNotKnown())


async def tell_early(database: Database) -> int:
    """Tell what was parked for that reason, and what waits behind it, where the agreement is known by now.

    Gives of how many amendments.
    """
    async with database.transaction(NATIONAL) as tx:
        early = [row.subject for row in await parked(tx, deliver.id) if row.reason == EARLY]
    return sum([await release(deliver, database, subject) is None for subject in early])
