"""What people read of agreements: each within their scope, and explicitly so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import col, select

from services.agreements import past
from services.agreements.agreement import Agreement
from services.agreements.changes import Change, changes
from services.agreements.commands.authority import look_for
from services.agreements.commands.passing import led_to
from services.agreements.commands.substitutions import told_for_whom
from services.agreements.commands.vetting import look_around, tabled_refusal
from services.agreements.errors import NotYetKnown
from services.agreements.permissions import PERMISSIONS
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from services.agreements.text import Clause, get_clauses
from shared.actor import Actor
from shared.clock import business_date, today
from shared.database import Transaction, Work
from shared.events.agreements import AgreementResumed, AgreementSuspended, AgreementTerminated
from shared.messaging import journal
from shared.refusals import NotFound
from shared.web import PageRequest
from shared.web.history import HistoryEntry, history

REASONED = frozenset({AgreementSuspended.type, AgreementResumed.type, AgreementTerminated.type})
"""Decisions with effect for all parties: why is told to all who may read the agreement, also once they are past."""


class Instants(NamedTuple):
    """A point in an agreement's life: what counted at one instant, of what was recorded at another."""

    as_of: datetime | None = None
    known_at: datetime | None = None


async def agreement(
    db: Work, id: UUID, *, as_of: datetime | None = None, known_at: datetime | None = None, action: str, by: Actor
) -> Agreement:
    """One agreement, as it is or as it was at an instant, by what had been recorded at another.

    Raises NotFound, also before it was drafted; NotYetKnown of a day to come.
    """
    async with db.transaction(by.scope) as tx:
        found = await AGREEMENTS.read(tx, id)
        PERMISSIONS.allow(by, action, found)
        if as_of is None and known_at is None:
            found = await led_to(tx, found, today())
            if found.being_signed:
                around = await look_for(tx, found, found, by, today())
                return found.amid(around._replace(tabled=await tabled_refusal(tx, found)))
            found = await told_for_whom(tx, await look_around(tx, found, today()), by, today())
            return found.barring(await look_for(tx, found, found, by, today())) if found.in_doubt else found
        found = await _at(tx, id, Instants(as_of, known_at))
    if not found.version:
        raise NotFound()
    return found


async def _at(tx: Transaction, id: UUID, at: Instants) -> Agreement:
    for instant in at:
        if instant is not None and business_date(instant) > today():
            raise NotYetKnown(day=business_date(instant), today=today())
    return past.as_of(id, await journal.past(tx, id, known_at=at.known_at), at.as_of)


async def text(
    db: Work, id: UUID, *, as_of: datetime | None, known_at: datetime | None = None, by: Actor
) -> tuple[Agreement, list[Clause]]:
    """An agreement with its clauses; none before it has a text."""
    async with db.transaction(by.scope) as tx:
        found = await agreement(tx, id, as_of=as_of, known_at=known_at, action="read_text", by=by)
        return found, await get_clauses(tx, found.text_hash) if found.text_hash else []


async def agreement_changes(db: Work, id: UUID, *, before: Instants, after: Instants, by: Actor) -> list[Change]:
    """What differs between an agreement at two points, with its text; all of it if there was none at the first.

    Raises NotYetKnown of a day to come.
    """
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_changes", await AGREEMENTS.read(tx, id))
        return list(changes(await _told(tx, id, before), await _told(tx, id, after)))


async def _told(tx: Transaction, id: UUID, at: Instants) -> dict[str, Any]:
    """What people are told of the agreement at a point, with its text; nothing before it was drafted."""
    found = await _at(tx, id, at)
    if not found.version:
        return {}
    clauses = await get_clauses(tx, found.text_hash) if found.text_hash else []
    told = AgreementAnswer.of(found, None).model_dump(
        mode="json", exclude={"version", "text_hash", "available_actions", "unavailable_actions"}
    )
    parts = {"clauses": clauses, "annexes": found.annexes}
    return told | {name: [each.model_dump(mode="json") for each in part] for name, part in parts.items()}


async def agreement_history(
    db: Work, id: UUID, *, page: PageRequest, by: Actor
) -> tuple[Sequence[HistoryEntry], str | None]:
    """A page of what happened to an agreement, oldest first, and the next one's cursor."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_agreement_history", await AGREEMENTS.read(tx, id))
        return await history(tx, id, page=page, reasoned=REASONED)


async def signature_batch(db: Work, id: UUID, *, by: Actor) -> SignatureBatchRow:
    """The actor's own batch. Raises NotFound."""
    PERMISSIONS.allow(by, "read_signature_batch")
    query = select(SignatureBatchRow).where(col(SignatureBatchRow.id) == id)
    async with db.transaction(by.scope) as tx:
        found = (await tx.exec(query.where(col(SignatureBatchRow.person) == by.person))).first()
    if found is None:
        raise NotFound()
    return found
