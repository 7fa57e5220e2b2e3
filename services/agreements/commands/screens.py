"""Public screens of a ceremony: an address that anybody in the room may open."""

import secrets
from uuid import UUID

from sqlmodel import col, delete, select

from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import CEREMONIES, ScreenRow
from shared.actor import NATIONAL, Actor
from shared.database import Work
from shared.refusals import NotFound
from shared.store import digest


async def open_screen(db: Work, id: UUID, *, by: Actor) -> str:
    """A new screen of the ceremony; gives its secret, which is shown this once and kept as a digest only."""
    async with db.transaction(by.scope) as tx:
        ceremony = await CEREMONIES.load(tx, id)
        PERMISSIONS.allow(by, "open_screen", ceremony)
        ceremony.require("open_screen")
        secret = secrets.token_urlsafe(24)
        tx.add(ScreenRow(digest=digest(secret), ceremony_id=id))
        await tx.flush()
        return secret


async def close_screens(db: Work, id: UUID, *, by: Actor) -> None:
    """Close every screen of the ceremony: their addresses show nothing any more."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "close_screens", await CEREMONIES.load(tx, id))
        await tx.execute(delete(ScreenRow).where(col(ScreenRow.ceremony_id) == id))


async def ceremony_on(db: Work, secret: str) -> UUID:
    """The ceremony that a screen shows. Raises NotFound for a secret that is unknown or closed."""
    query = select(ScreenRow.ceremony_id).where(col(ScreenRow.digest) == digest(secret))
    async with db.transaction(NATIONAL) as tx:
        if (found := (await tx.exec(query)).first()) is None:
            raise NotFound()
    return found


async def screens_of(db: Work, id: UUID) -> frozenset[str]:
    """The digests of the ceremony's screens that are open."""
    query = select(ScreenRow.digest).where(col(ScreenRow.ceremony_id) == id)
    async with db.transaction(NATIONAL) as tx:
        return frozenset((await tx.exec(query)).all())
