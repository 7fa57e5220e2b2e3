"""An agreement's life outside its signing: from the draft to the frozen text, and from force to the end."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.agreements.agreement import Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.errors import PartiesNotVetted
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS, AssociationStandingRow, OrganisationRow
from services.agreements.terms import Terms
from services.agreements.text import Clause, get_table, put_clauses
from shared.actor import SYSTEM, Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.ids import new_id

NEXT_NUMBER = text("""
    insert into reference_counter (issuer, year, last) values (:issuer, :year, 1)
    on conflict (issuer, year) do update set last = reference_counter.last + 1
    returning last
""")


async def draft_agreement(db: Work, terms: Terms, *, clauses: Sequence[Clause] = (), by: Actor) -> Agreement:
    """Draft an agreement, with its text if there is one already."""
    async with db.transaction(by.scope) as tx:
        id = new_id()
        names = await _names(tx, (party.organisation_id for party in terms.parties))
        events = Agreement.draft(id, terms, names=names)
        drafted = Agreement.fold(id, events)
        PERMISSIONS.allow(by, "draft_agreement", drafted)
        if clauses:
            events += drafted.revise(await put_clauses(tx, clauses))
        return await AGREEMENTS.record(tx, Agreement(id=id), events, by=by)


async def revise_text(
    db: Work, id: UUID, clauses: Sequence[Clause], *, by: Actor, expected: int | None = None
) -> Agreement:
    """Put another text, clause by clause in both languages."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "revise_text", by, expected)
        agreement.require("revise_text")
        return await AGREEMENTS.record(tx, agreement, agreement.revise(await put_clauses(tx, clauses)), by=by)


async def open_negotiation(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Agreement:
    """Hand the draft to the parties."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "open_negotiation", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.open_negotiation(), by=by)


async def submit_for_review(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Agreement:
    """Hand the negotiated text to legal review."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "submit_for_review", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.submit(), by=by)


async def return_with_remarks(db: Work, id: UUID, *, remarks: str, by: Actor, expected: int | None = None) -> Agreement:
    """Send the text back to the parties with what legal review found."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "return_with_remarks", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.return_with_remarks(remarks), by=by)


async def approve_agreement(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, on: date | None = None
) -> Agreement:
    """Freeze the text and give the agreement its reference, the next of its issuer and year.

    Refuses PartiesNotVetted if the network does not know a party or does not accredit an association.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "approve_agreement", by, expected)
        agreement.require("approve_agreement")
        day = on or today()
        names = await _vetted(tx, [party.organisation_id for party in agreement.parties])
        # The counter's row stays locked until the commit, and a rollback takes the number back: no gaps.
        reference = agreement.reference or await _next_reference(tx, agreement.academy, day.year)
        table = await get_table(tx, agreement.text_hash or "")
        events = agreement.approve(reference=reference, names=names, clauses=table, today=day)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def reopen_text(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Take the frozen text back into negotiation; signatures are void."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "reopen_text", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.reopen(reason), by=by)


async def suspend_agreement(
    db: Work,
    id: UUID,
    *,
    scope: Literal["money", "centers"],
    centers: Sequence[UUID] = (),
    reason: str,
    document: str,
    effective_on: date | None = None,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """Let the agreement rest, as the named legal document says; from today unless it says otherwise."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "suspend_agreement", by, expected)
        day = today()
        events = agreement.suspend(
            scope=scope,
            centers=centers,
            reason=reason,
            document=document,
            effective_on=effective_on or day,
            today=day,
        )
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def resume_agreement(
    db: Work, id: UUID, *, effective_on: date | None = None, by: Actor, expected: int | None = None
) -> Agreement:
    """Lift the suspension."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "resume_agreement", by, expected)
        day = today()
        return await AGREEMENTS.record(
            tx, agreement, agreement.resume(effective_on=effective_on or day, today=day), by=by
        )


async def terminate_agreement(
    db: Work,
    id: UUID,
    *,
    reason: str,
    document: str,
    effective_on: date | None = None,
    by: Actor,
    expected: int | None = None,
) -> Agreement:
    """End the agreement before its time, as the named legal document says."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "terminate_agreement", by, expected)
        day = today()
        events = agreement.terminate(reason=reason, document=document, effective_on=effective_on or day, today=day)
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def cancel_agreement(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Give the agreement up before all have signed."""
    async with db.transaction(by.scope) as tx:
        agreement = await _agreement(tx, id, "cancel_agreement", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.cancel(reason=reason, today=today()), by=by)


async def bring_into_force(db: Work, id: UUID, *, on: date) -> Agreement:
    """Let a signed agreement bind once its start date is reached. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        return await AGREEMENTS.record(tx, agreement, agreement.bring_into_force(on), by=SYSTEM)


async def expire_agreement(db: Work, id: UUID, *, on: date) -> Agreement:
    """End an agreement whose end date has passed. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement = await AGREEMENTS.load(tx, id)
        return await AGREEMENTS.record(tx, agreement, agreement.expire(on), by=SYSTEM)


async def _agreement(tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None) -> Agreement:
    agreement = await AGREEMENTS.load(tx, id, expected=expected)
    PERMISSIONS.allow(by, action, agreement)
    return agreement


async def _names(tx: Transaction, organisations: Iterable[UUID]) -> dict[UUID, Bilingual]:
    query = select(OrganisationRow).where(col(OrganisationRow.id).in_(list(organisations)))
    return {row.id: Bilingual(ar=row.name_ar, fr=row.name_fr) for row in (await tx.exec(query)).all()}


async def _vetted(tx: Transaction, organisations: Sequence[UUID]) -> dict[UUID, Bilingual]:
    names = await _names(tx, organisations)
    standing = col(AssociationStandingRow.standing)
    query = select(AssociationStandingRow.id).where(
        col(AssociationStandingRow.id).in_(organisations), standing != "accredited"
    )
    refused = {*(await tx.exec(query)).all()} | {each for each in organisations if each not in names}
    if refused:
        raise PartiesNotVetted(organisations=sorted(refused))
    return names


async def _next_reference(tx: Transaction, academy: str | None, year: int) -> str:
    issuer = f"AREF-{academy.removeprefix('MA-')}" if academy else "MEN"
    number: int = (await tx.execute(NEXT_NUMBER, {"issuer": issuer, "year": year})).scalar_one()
    return f"{issuer}/{year}-{number:04}"
