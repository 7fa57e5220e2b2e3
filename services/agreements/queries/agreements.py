"""What people read of agreements: each within their scope, and explicitly so."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from sqlmodel import col, select

from services.agreements.agreement import Agreement, AgreementState
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, SignatureBatchRow
from services.agreements.text import Clause, get_clauses
from shared.actor import Actor
from shared.database import Work
from shared.events.agreements import AgreementType
from shared.messaging.tables import JournalRow
from shared.refusals import NotFound
from shared.web import PageRequest


async def agreements(
    db: Work,
    *,
    state: AgreementState | None,
    academy: str | None,
    agreement_type: AgreementType | None,
    page: PageRequest,
    by: Actor,
) -> tuple[Sequence[Agreement], str | None]:
    """A page of agreements, oldest first, and the next one's cursor."""
    PERMISSIONS.allow(by, "read_agreements")
    row = AGREEMENTS.table.c
    filters = ((row.status, state), (row.academy, academy), (row.agreement_type, agreement_type))
    async with db.transaction(by.scope) as tx:
        return await AGREEMENTS.find(tx, *(column == wanted for column, wanted in filters if wanted), page=page)


async def agreement(db: Work, id: UUID, *, as_of: datetime | None = None, action: str, by: Actor) -> Agreement:
    """One agreement, as it is or as it was at an instant. Raises NotFound, also before it was drafted."""
    async with db.transaction(by.scope) as tx:
        found = await AGREEMENTS.read(tx, id)
        PERMISSIONS.allow(by, action, found)
        if as_of is None:
            return found
        past = takewhile(lambda row: row.occurred_at <= as_of, await AGREEMENTS.history(tx, id))
        events = [row.event() for row in past]
    if not events:
        raise NotFound()
    return Agreement.fold(id, events)


async def text(db: Work, id: UUID, *, as_of: datetime | None, by: Actor) -> tuple[Agreement, list[Clause]]:
    """An agreement with its clauses; none before it has a text."""
    async with db.transaction(by.scope) as tx:
        found = await agreement(tx, id, as_of=as_of, action="read_text", by=by)
        return found, await get_clauses(tx, found.text_hash) if found.text_hash else []


async def agreement_history(db: Work, id: UUID, *, by: Actor) -> Sequence[JournalRow]:
    """Everything that happened to an agreement, oldest first."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_agreement_history", await AGREEMENTS.read(tx, id))
        return await AGREEMENTS.history(tx, id)


async def signature_batch(db: Work, id: UUID, *, by: Actor) -> SignatureBatchRow:
    """The actor's own batch. Raises NotFound."""
    PERMISSIONS.allow(by, "read_signature_batch")
    query = select(SignatureBatchRow).where(col(SignatureBatchRow.id) == id)
    async with db.transaction(by.scope) as tx:
        found = (await tx.exec(query.where(col(SignatureBatchRow.person) == by.person))).first()
    if found is None:
        raise NotFound()
    return found
