"""What the visits of the walk are paid to."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from services.agreements import commands
from services.agreements.agreement import Agreement
from services.agreements.tables import AGREEMENTS, AMENDMENTS, CEREMONIES
from services.agreements.terms import Terms
from services.agreements.tests.builders import (
    MINISTRY,
    accept_for_all,
    approved,
    bound,
    clauses,
    current,
    current_network,
    officer,
    party,
    reviewed,
)
from shared.actor import NATIONAL, Actor
from shared.aggregate import Aggregate
from shared.database import Database
from shared.territory import ACADEMIES, DIRECTORATES, MINISTRY_ID
from tests.web.routes import ASSOCIATION, Arrange, Visit

OFFICE = DIRECTORATES["DP-CAS-ANFA"].organisation_id
STORES = {each.aggregate.kind: each for each in (AGREEMENTS, AMENDMENTS, CEREMONIES)}
WHY = {"reason": "(fictif) motif"}


class Own(Aggregate):
    """What is a person's own (a batch, a calendar) as the walk needs it: seen where the person is at home."""

    kind = "own"
    home: str = ""

    def visible_to(self) -> tuple[str, ...]:
        """Its person's jurisdiction."""
        return (self.home,)


def terms_for(by: Actor) -> Terms:
    """Terms of an agreement that is the actor's to keep, if anybody's: the network's, or one of MA-06."""
    if by.jurisdiction == "national":
        return current_network()
    return current(operator=ASSOCIATION, others=(party(OFFICE, "territorial_supervisor"),))


def organisation_for(by: Actor) -> Any:
    """The party the actor would sign for."""
    homes = {"national": MINISTRY_ID, "MA-06": ACADEMIES["MA-06"].organisation_id, "DP-CAS-ANFA": OFFICE}
    return homes.get(by.jurisdiction, ASSOCIATION)


def at(path: str, body: Any = None) -> Arrange:
    """A visit that needs nothing made."""

    async def arrange(_: Actor) -> Visit:
        return Visit(path, body)

    return arrange


class Made:
    """Agreements as visits need them, and visits to what is made."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def kept(
        self,
        make: Callable[[Actor], Awaitable[Any]],
        home_of: Callable[[Actor], Any] = lambda by: by.jurisdiction == "national",
    ) -> Callable[[Actor], Awaitable[Any]]:
        """The same, but what nobody has changed since is used again: most visits of a walk are refused."""
        made: dict[Any, Any] = {}

        async def again(by: Actor) -> Any:
            home = home_of(by)
            if home in made:
                store: Any = STORES[made[home].kind]
                async with self.database.transaction(NATIONAL) as tx:
                    if (await store.read(tx, made[home].id)).version == made[home].version:
                        return made[home]
            made[home] = await make(by)
            return made[home]

        return again

    def on(self, resource: str, make: Any, path: str = "", body: Any = None, *, reads: bool = False) -> Arrange:
        """A visit to one of those that are made."""
        make = self.kept(make)

        async def arrange(by: Actor) -> Visit:
            made = await make(by)
            version = None if reads else made.version
            return Visit(f"/api/v1/{resource}/{made.id}{path}", body, made, version)

        return arrange

    def listing(self, resource: str, make: Any) -> Arrange:
        """A visit to the list of those that are made."""
        make = self.kept(make)

        async def arrange(by: Actor) -> Visit:
            return Visit(f"/api/v1/{resource}?limit=100", aggregate=await make(by))

        return arrange

    async def draft(self, by: Actor) -> Agreement:
        """A draft, with the actor's organisation among its parties if it can be."""
        keeper = MINISTRY if by.jurisdiction == "national" else officer()
        return await commands.draft_agreement(self.database, terms_for(by), clauses=clauses(), by=keeper)

    async def negotiated(self, by: Actor) -> Agreement:
        """In negotiation."""
        agreement = await self.draft(by)
        keeper = officer() if agreement.academy else MINISTRY
        return await commands.open_negotiation(self.database, agreement.id, by=keeper)

    async def agreed(self, by: Actor) -> Agreement:
        """Accepted by every party."""
        agreement = await self.negotiated(by)
        await accept_for_all(self.database, agreement)
        return await self.read(agreement.id)

    async def read(self, id: UUID) -> Agreement:
        """As it is."""
        async with self.database.transaction(NATIONAL) as tx:
            return await AGREEMENTS.read(tx, id)

    async def in_review(self, by: Actor) -> Agreement:
        """In legal review."""
        return await reviewed(self.database, terms_for(by))

    async def frozen(self, by: Actor) -> Agreement:
        """Approved."""
        return await approved(self.database, terms_for(by))

    async def in_force(self, by: Actor) -> Agreement:
        """Binding."""
        return await bound(self.database, terms_for(by))
