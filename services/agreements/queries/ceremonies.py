"""What people read of ceremonies: each within their scope, and explicitly so."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.agreements.ceremony import Ceremony, CeremonyState
from services.agreements.commands.ceremonies import missing_for
from services.agreements.commands.passing import led_to
from services.agreements.jurisdiction import owns_or_supervises
from services.agreements.minutes import Minutes, draw_up
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.ceremonies import LobbyAnswer, LobbyItem, MinutesAnswer
from services.agreements.tables import AGREEMENTS, CEREMONIES
from services.agreements.text import get_text
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.refusals import NotAllowedNow
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


async def lobby(db: Work, id: UUID, *, page: PageRequest, by: Actor) -> LobbyAnswer:
    """Who is seated, and a page of what each of the ceremony's agreements that the actor may see lacks today."""
    async with db.transaction(by.scope) as tx:
        found = await CEREMONIES.read(tx, id)
        PERMISSIONS.allow(by, "read_lobby", found)
        seen = await _seen(tx, found, by)
        order, next = page.within([each for each in found.agreements if each in seen], lambda each: (each,))
        listed = [await led_to(tx, await AGREEMENTS.read(tx, each), today()) for each in order]
        # That a party has a mandate is no secret to the others; whose it is, is.
        async with tx.widened(NATIONAL):
            missing = await missing_for(tx, found, listed, today())
    return LobbyAnswer(
        chair=found.chair,
        attendees=list(found.attendees) if owns_or_supervises(by, found) else [],
        items=[
            LobbyItem(
                agreement_id=each.id,
                reference=each.reference,
                title=each.title,
                state=each.state,
                ready=each.id not in missing,
                missing=missing.get(each.id, {}),
            )
            for each in listed
        ],
        next=next,
    )


async def minutes(db: Work, id: UUID, *, by: Actor) -> MinutesAnswer:
    """A closed ceremony's minutes, or an extract for who may see some of its agreements only. As `told_to`."""
    async with db.transaction(by.scope) as tx:
        found = await CEREMONIES.read(tx, id)
        PERMISSIONS.allow(by, "read_minutes", found)
        about = await told_about(tx, found, action="read_minutes", by=by)
        said = await said_about(tx, found, about)
    adopted = found.state == CeremonyState.minutes_adopted
    return MinutesAnswer(adopted=adopted, whole=about is None, **said)


async def told_about(tx: Transaction, found: Ceremony, *, action: str, by: Actor) -> frozenset[UUID] | None:
    """The agreements of which the actor is told by the minutes; None for the whole of them.

    Raises NotAllowedNow before the closing, and for extracts of minutes from before there were any.
    """
    whole = found.wholly_seen_by(by)
    if not found.minutes or not (whole or found.record):
        raise NotAllowedNow(action=action, kind=found.kind, state=found.status, allowed=[])
    return None if whole else await _seen(tx, found, by)


async def said_about(tx: Transaction, found: Ceremony, about: frozenset[UUID] | None) -> dict[str, str]:
    """What the minutes say of these agreements, or the whole of it, in each language. Raises TextLost."""
    if about is None:
        return {language: await get_text(tx, found.minutes[language], "minutes") for language in ("ar", "fr")}
    told = Minutes.model_validate_json(await get_text(tx, found.record or "", "minutes"))
    extract = told.about(about)
    return {language: draw_up(extract, language) for language in ("ar", "fr")}


async def _seen(tx: Transaction, ceremony: Ceremony, by: Actor) -> frozenset[UUID]:
    """Those of the order that the actor may see: who was a party when it was drawn up may see one no more."""
    row = AGREEMENTS.table.c
    still = select(row.id).where(row.id.in_(ceremony.seen_by(by)), *AGREEMENTS.within(tx))
    return frozenset((await tx.execute(still)).scalars())
