"""Papers of an agreement, beside its text or as annexes of it: attached, withdrawn."""

from datetime import date, datetime
from typing import NotRequired, TypedDict, Unpack
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.loading import load_for
from services.agreements.commands.negotiation import reworded
from services.agreements.commands.passing import led_to
from services.agreements.commands.vetting import look_around
from services.agreements.conditions import may_withdraw
from services.agreements.jurisdiction import represented
from services.agreements.papers import require_printable
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS
from shared.actor import Actor
from shared.clock import business_date, now, today
from shared.database import Transaction, Work
from shared.events.base import DomainEvent
from shared.files import StoredFile
from shared.ids import new_id
from shared.named_files import holds
from shared.refusals import ConcurrentChange, Forbidden, Refusal


class About(TypedDict):
    """What is said of a file that is brought."""

    category: str
    name: str
    expires_on: NotRequired[date | None]
    replaces: NotRequired[UUID | None]


async def attach_document(
    db: Work,
    id: UUID,
    file: StoredFile,
    *,
    refused: Refusal | None = None,
    by: Actor,
    at: datetime | None = None,
    **about: Unpack[About],
) -> Agreement:
    """Attach a file that is kept already; it is the last of the agreement's documents then.

    `refused` is why it was not kept. An annex is brought as the text is revised: by whoever may, and what parties had
    accepted lapses. Refuses NotYourDocument if it would replace another party's, CharactersNotPrintable for an annex's
    name, and what Agreement.attach refuses; ConcurrentChange if the file is gone by now.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "attach_document", by)
        events = _attached(agreement, file, by, at or now(), **about)
        if refused:
            raise refused
        if not await holds(tx, file.hash):
            # Whoever brought the same was refused in the same moment.
            raise ConcurrentChange()
        return await _record(tx, agreement, events, by)


async def refusal_of_document(
    db: Work, id: UUID, file: StoredFile, *, by: Actor, **about: Unpack[About]
) -> Refusal | None:
    """Why a file would not be attached as things stand, so that it need not be kept; none if it would be."""
    try:
        async with db.transaction(by.scope) as tx:
            agreement = await look_around(tx, await led_to(tx, await AGREEMENTS.read(tx, id), today()), today())
            _attached(agreement, file, by, now(), **about)
    except Refusal as refusal:
        return refusal
    return None


def _attached(
    agreement: Agreement, file: StoredFile, by: Actor, at: datetime, **about: Unpack[About]
) -> list[DomainEvent]:
    replaces = about.get("replaces")
    events = agreement.attach(
        new_id(),
        **file.model_dump(),
        category=about["category"],
        name=about["name"],
        organisation_id=represented(by),
        expires_on=about.get("expires_on"),
        replaces=replaces,
        at=at,
        today=business_date(at),
    )
    if replaces:
        _require_own(agreement, replaces, by)
    if agreement.document_rule(about["category"]).part_of_text:
        PERMISSIONS.allow(by, "revise_text", agreement)
        # Once it is frozen nobody can call it otherwise, and its name is printed with the text.
        require_printable(about["name"])
    return events


async def withdraw_document(
    db: Work, id: UUID, document_id: UUID, *, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Let a document count no more; it stays readable. Whoever brought it may, and who keeps the agreement.

    An annex is withdrawn as the text is revised.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_document", by, expected)
        events = agreement.withdraw(document_id, reason=reason)
        _require_own(agreement, document_id, by)
        return await _record(tx, agreement, events, by)


def _require_own(agreement: Agreement, document_id: UUID, by: Actor) -> None:
    verdict = may_withdraw(by, agreement, agreement.document(document_id))
    if verdict is not True:
        raise verdict or Forbidden(action="revise_text")


async def _record(tx: Transaction, agreement: Agreement, events: list[DomainEvent], by: Actor) -> Agreement:
    """Record what happened to a document; with other annexes the text is another."""
    after = agreement.model_copy().evolve(events)
    if after.annexes != agreement.annexes:
        events = [*events, *await reworded(tx, after, by=by)]
    return await AGREEMENTS.record(tx, agreement, events, by=by)
