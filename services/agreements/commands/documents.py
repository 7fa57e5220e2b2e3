"""Papers beside an agreement's text: attached, withdrawn."""

from datetime import date, datetime
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.loading import load_for
from services.agreements.errors.documents import NotYourDocument
from services.agreements.permissions import may_withdraw, represented
from services.agreements.tables import AGREEMENTS
from shared.actor import Actor
from shared.clock import business_date, now
from shared.database import Work
from shared.files import StoredFile
from shared.ids import new_id


async def attach_document(
    db: Work,
    id: UUID,
    file: StoredFile,
    *,
    category: str,
    name: str,
    expires_on: date | None = None,
    replaces: UUID | None = None,
    by: Actor,
    at: datetime | None = None,
) -> Agreement:
    """Attach a file that is kept already; it is the last of the agreement's documents then.

    Refuses NotYourDocument if it would replace another party's, and what Agreement.attach refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "attach_document", by)
        if replaces:
            _require_own(agreement, replaces, by)
        at = at or now()
        events = agreement.attach(
            new_id(),
            **file.model_dump(),
            category=category,
            name=name,
            organisation_id=represented(by),
            expires_on=expires_on,
            replaces=replaces,
            at=at,
            today=business_date(at),
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def withdraw_document(
    db: Work, id: UUID, document_id: UUID, *, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Let a document count no more; it stays readable. Whoever brought it may, and who keeps the agreement."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_document", by, expected)
        _require_own(agreement, document_id, by)
        return await AGREEMENTS.record(tx, agreement, agreement.withdraw(document_id, reason=reason), by=by)


def _require_own(agreement: Agreement, document_id: UUID, by: Actor) -> None:
    if not may_withdraw(by, agreement, agreement.document(document_id)):
        raise NotYourDocument(document=document_id)
