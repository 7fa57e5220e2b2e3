"""An agreement's draft, and its end before all have signed."""

from collections.abc import Sequence
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.commands.families import require_child
from services.agreements.commands.former import outdated_of
from services.agreements.commands.loading import load_for
from services.agreements.commands.negotiation import reworded
from services.agreements.commands.vetting import names_of
from services.agreements.drafting import draft_text
from services.agreements.legible import of_terms, of_text, require_legible
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import AGREEMENTS
from services.agreements.terms import Terms
from services.agreements.text import Clause, put_clauses, put_content
from shared.actor import Actor
from shared.clock import today
from shared.database import Work
from shared.ids import new_id


async def draft_agreement(db: Work, terms: Terms, *, clauses: Sequence[Clause] = (), by: Actor) -> Agreement:
    """Draft an agreement with its text: the one given, else its kind's, filled in from the terms.

    Refuses terms that do not hold together, a parent that it cannot follow, and NotLegible.
    """
    async with db.transaction(by.scope) as tx:
        id = new_id()
        names = await names_of(tx, (party.organisation_id for party in terms.parties))
        events = Agreement.draft(id, terms, names=names, by=by.person)
        drafted = Agreement.fold(id, events)
        PERMISSIONS.allow(by, "draft_agreement", drafted)
        await require_child(tx, drafted)
        text = clauses or draft_text(terms, names)
        require_legible([*of_terms(terms), *of_text(text)], names)
        table = await put_clauses(tx, text)
        events += drafted.revise(await put_content(tx, drafted.content(table)), by=by.person)
        return await AGREEMENTS.record(tx, Agreement(id=id), events, by=by)


async def revise_terms(db: Work, id: UUID, terms: Terms, *, by: Actor, expected: int | None = None) -> Agreement:
    """Put other terms while the parties still discuss; what they accepted lapses. The kind and the academy stay.

    The text stays as it is, and the agreement tells which of its clauses still say what the terms said before.

    Refuses terms that do not hold together, KindIsKept, a parent that it cannot follow, and NotLegible.
    """
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "revise_terms", by, expected)
        names = await names_of(tx, (party.organisation_id for party in terms.parties))
        events = agreement.revise_terms(terms, names=names, by=by.person)
        revised = agreement.model_copy().evolve(events)
        await require_child(tx, revised)
        require_legible(of_terms(terms), names)
        events += await reworded(tx, revised, by=by)
        recorded = await AGREEMENTS.record(tx, agreement, events, by=by)
        return recorded.still_outdated(await outdated_of(tx, recorded))


async def cancel_agreement(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Agreement:
    """Give the agreement up before all have signed."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, id, "cancel_agreement", by, expected)
        return await AGREEMENTS.record(tx, agreement, agreement.cancel(reason=reason, today=today()), by=by)
