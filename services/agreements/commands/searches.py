"""Searches that people keep for themselves, and what agreements are found by."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.agreements.errors.searches import TooManySearches
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, SavedSearchRow
from services.agreements.words import words_to_find
from shared.actor import NATIONAL, Actor
from shared.database import Work
from shared.ids import new_id
from shared.refusals import NotFound

MOST = 100
"""Searches that a person keeps."""


async def save_search(db: Work, *, name: str, search: dict[str, Any], by: Actor) -> SavedSearchRow:
    """Keep a search under a name, in the place of one's own of that name. Refuses TooManyWords, TooManySearches."""
    PERMISSIONS.allow(by, "save_search")
    words_to_find(search.get("q"))
    values = {"id": new_id(), "visible_to": [by.jurisdiction], "person": by.person, "name": name, "search": search}
    keep = insert(SavedSearchRow).values(**values)
    keep = keep.on_conflict_do_update(
        index_elements=["person", "name"], set_={name: keep.excluded[name] for name in ("visible_to", "search")}
    )
    own = select(func.count()).select_from(SavedSearchRow).where(col(SavedSearchRow.person) == by.person)
    # The one of that name may be from where the person was at home before.
    async with db.transaction(by.scope) as tx, tx.widened(NATIONAL):
        kept: SavedSearchRow = (await tx.execute(keep.returning(SavedSearchRow))).scalar_one()
        if (await tx.execute(own)).scalar_one() > MOST:
            raise TooManySearches(most=MOST)
    return kept


async def forget_search(db: Work, id: UUID, *, by: Actor) -> None:
    """Keep a search of one's own no longer. Raises NotFound."""
    PERMISSIONS.allow(by, "forget_search")
    own = select(SavedSearchRow).where(col(SavedSearchRow.id) == id, col(SavedSearchRow.person) == by.person)
    async with db.transaction(by.scope) as tx:
        if (found := (await tx.execute(own)).scalar()) is None:
            raise NotFound()
        await tx.delete(found)


async def find_by_clauses(db: Work, id: UUID) -> None:
    """Let an agreement be found by the clauses that it has, whichever version wrote them."""
    async with db.transaction(NATIONAL) as tx:
        await AGREEMENTS.find_by_clauses(tx, await AGREEMENTS.load(tx, id))
