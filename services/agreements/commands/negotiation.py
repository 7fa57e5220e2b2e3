"""The text in the parties' hands: turns and acceptances."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.former import facts_of, outdated_of
from services.agreements.commands.loading import load_for
from services.agreements.errors.negotiation import NotYourParty
from services.agreements.jurisdiction import acts_for
from services.agreements.legible import of_text, require_legible
from services.agreements.outdated import redrawn
from services.agreements.tables import AGREEMENTS
from services.agreements.text import Clause, get_table, put_clauses, put_content, table_clauses
from shared.actor import Actor
from shared.clock import now
from shared.database import Transaction, Work
from shared.events.base import DomainEvent


async def revise_text(
    db: Work, id: UUID, clauses: Sequence[Clause], *, by: Actor, expected: int | None = None
) -> Agreement:
    """Put another text, clause by clause in both languages; acceptances of the one before lapse. Refuses NotLegible."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "revise_text", by, expected)
        agreement.require("revise_text")
        require_legible(of_text(clauses), agreement.names)
        table = await put_clauses(tx, clauses)
        # By its content: from before contents were kept, the same clauses have another hash.
        if agreement.text_hash and table == await get_table(tx, agreement.text_hash):
            return agreement
        events = agreement.revise(await put_content(tx, agreement.content(table)), by=by.person)
        recorded = await AGREEMENTS.record(tx, agreement, events, by=by)
        return recorded.still_outdated(await outdated_of(tx, recorded))


async def redraw_clauses(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Agreement:
    """Draw the clauses that nobody has edited from the present terms, and no others; acceptances lapse.

    Refuses NothingToRedraw.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "redraw_clauses", by, expected)
        agreement.require("redraw_clauses")
        content = agreement.content(await get_table(tx, agreement.text_hash or ""))
        text = await table_clauses(tx, content.clauses)
        table = await put_clauses(tx, redrawn(text, agreement.to_redraw, facts_of(agreement, content)))
        events = agreement.revise(await put_content(tx, agreement.content(table)), by=by.person)
        recorded = await AGREEMENTS.record(tx, agreement, events, by=by)
        return recorded.still_outdated(each for each in agreement.outdated_clauses if not each.redrawn)


async def reworded(tx: Transaction, agreement: Agreement, *, by: Actor) -> list[DomainEvent]:
    """The same clauses amid other terms or annexes are another text: who accepts or signs names all of it.

    Nothing for an agreement without a text.
    """
    if agreement.text_hash is None:
        return []
    content = agreement.content(await get_table(tx, agreement.text_hash))
    return agreement.revise(await put_content(tx, content), by=by.person)


async def open_negotiation(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Hand the draft to the parties."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "open_negotiation", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.open_negotiation(at or now()), by=by)


async def pass_turn(
    db: Work,
    id: UUID,
    *,
    party_id: UUID,
    note: str | None = None,
    by: Actor,
    expected: int | None = None,
    at: datetime | None = None,
) -> Agreement:
    """Put the text into another party's hands. Refuses NotYourTurn, NotAParty, TurnIsTheirs."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "pass_turn", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.pass_turn(party_id, note=note, at=at or now()), by=by)


async def accept_text(
    db: Work, id: UUID, *, party_id: UUID, text_hash: str, by: Actor, at: datetime | None = None
) -> Agreement:
    """Accept the text for one's own party, as it stands.

    Refuses NotAParty, NotYourParty, TextMovedOn, AcceptedAlready. No mandate is asked for: it binds nobody yet.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "accept_text", by)
        if not acts_for(by, agreement.party(party_id).organisation_id):
            raise NotYourParty(party=party_id)
        events = agreement.accept(party_id, text_hash=text_hash, person=by.person, at=at or now())
        return await AGREEMENTS.record(tx, agreement, events, by=by)


async def withdraw_acceptance(
    db: Work, id: UUID, *, party_id: UUID, reason: str, by: Actor, expected: int | None = None
) -> Agreement:
    """Take back one's own party's acceptance before the last party's is given.

    Refuses NotAParty, NotYourParty, NotAccepted, TextLocked.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "withdraw_acceptance", by, expected)
        if not acts_for(by, agreement.party(party_id).organisation_id):
            raise NotYourParty(party=party_id)
        withdrawn = agreement.withdraw_acceptance(party_id, reason=reason)
        return await AGREEMENTS.record(tx, agreement, withdrawn, by=by)


async def unlock_text(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Give a text that all have accepted free for revision: every acceptance lapses."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "unlock_text", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.unlock(reason), by=by)


async def reopen_text(
    db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Agreement:
    """Take the frozen text back into negotiation; signatures, approvals and acceptances are void."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "reopen_text", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.reopen(reason, at=at or now()), by=by)
