"""A small register to work on: accredited associations, and who may suspend them."""

from collections.abc import Sequence
from uuid import UUID

from services.network.association import Association, LegalIdentity
from services.network.tables import ASSOCIATIONS
from shared.actor import Actor, Role
from shared.clock import today
from shared.database import Database

CLIENTS = 8
MINISTRY = Actor("https://identity.example", "bench", frozenset({Role.ministry_officer}), "national")
REASON = "(fictif) comptes en retard"


async def accredited(app: Database, ids: Sequence[UUID]) -> Sequence[UUID]:
    """Associations of these ids, accredited; gives the ids back."""
    async with app.transaction(MINISTRY.scope) as tx:
        for number, id in enumerate(ids):
            identity = LegalIdentity(
                name_ar="جمعية الأمل (وهمية)",
                name_fr="Association Amal (fictive)",
                receipt_number="0147/2016",
                ice=f"{number:015}",
                academy="MA-06",
                province="MA-CAS",
            )
            built = Association.fold(id, Association.register(id, identity))
            steps = [*Association.register(id, identity), *built.start_verification()]
            built.evolve(built.start_verification())
            steps += built.accredit(on=today())
            await ASSOCIATIONS.record(tx, Association(id=id), steps, by=MINISTRY)
    return ids
