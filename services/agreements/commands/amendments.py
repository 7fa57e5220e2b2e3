"""Amendments: proposed, written, put on a new base, taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.commands.families import require_family
from services.agreements.commands.former import facts_of, outdated_on
from services.agreements.commands.integrity import require_untampered
from services.agreements.commands.loading import amendable, content_of, contents_of, load_both, load_both_for, load_for
from services.agreements.commands.vetting import names_of
from services.agreements.content import Content
from services.agreements.errors.amendments import BeyondItsType, RebaseConflicts
from services.agreements.legible import require_legible_branch
from services.agreements.merge import Place, Side, diff, parties_of, rebase
from services.agreements.outdated import redrawn
from services.agreements.papers import require_printable
from services.agreements.places import conflict_named, parts_named
from services.agreements.tables import AMENDMENTS
from services.agreements.terms import check_terms
from services.agreements.text import Clause, get_content, in_words, put_clauses, put_content, table_clauses
from shared.actor import SYSTEM, Actor
from shared.clock import now
from shared.database import Transaction, Work
from shared.events.agreements import AmendmentType
from shared.ids import new_id


async def propose_amendment(
    db: Work, agreement_id: UUID, *, amendment_type: AmendmentType, reason: str, by: Actor
) -> Amendment:
    """Begin a branch of a signed agreement, as it is now."""
    async with db.transaction(by.scope) as tx:
        agreement = await load_for(tx, agreement_id, "propose_amendment", by)
        agreement.require("propose_amendment")
        id = new_id()
        events = Amendment.propose(
            id,
            agreement_id=agreement_id,
            agreement_kind=agreement.agreement_kind,
            rules=agreement.rules.as_kept() if agreement.kept_rules else None,
            amendment_type=amendment_type,
            academy=agreement.academy,
            codes=agreement.visible_to(),
            parties=agreement.parties,
            names=agreement.names,
            base_hash=await put_content(tx, await content_of(tx, agreement)),
            reason=reason,
            by=by.person,
        )
        return await AMENDMENTS.record(tx, Amendment(id=id), events, by=by)


async def revise_amendment(
    db: Work, id: UUID, content: Content, clauses: Sequence[Clause], *, by: Actor, expected: int | None = None
) -> Amendment:
    """Put another content on the branch: all of it, with the clauses that its table names.

    Refuses what check_terms, Agreement.check_amended, Agreement.require_annexes and require_family refuse,
    BeyondItsType, CharactersNotPrintable for an annex's name, and NotLegible for changes that no paper can show.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "revise_amendment", by, expected)
        amendment.require("revise_amendment")
        base = await get_content(tx, amendment.base_hash)
        await _check(tx, agreement, amendment, base, content)
        await put_clauses(tx, clauses)
        parties = await _parties(tx, agreement, base, content)
        await require_legible_branch(tx, base, content, parties["names"])
        events = amendment.revise(await put_content(tx, content), **parties, by=by.person)
        recorded = await AMENDMENTS.record(tx, amendment, events, by=by)
        return recorded.still_outdated(await outdated_on(tx, agreement, recorded))


async def redraw_amendment(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Amendment:
    """Draw the branch's clauses that nobody has edited from its present terms, and no others.

    Refuses NothingToRedraw, and BeyondItsType for a type that changes no clause.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "redraw_amendment", by, expected)
        base, branch = await contents_of(tx, amendment)
        text = await table_clauses(tx, branch.clauses)
        table = await put_clauses(tx, redrawn(text, amendment.to_redraw, facts_of(amendment, branch)))
        content = branch.model_copy(update={"clauses": table})
        await _check(tx, agreement, amendment, base, content)
        parties = await _parties(tx, agreement, base, content)
        events = amendment.revise(await put_content(tx, content), **parties, by=by.person)
        recorded = await AMENDMENTS.record(tx, amendment, events, by=by)
        return recorded.still_outdated(each for each in amendment.outdated_clauses if not each.redrawn)


async def submit_amendment(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Hand the branch to its approvers. Refuses NothingAmended, and what revise_amendment refuses.

    What a rebase brought together holds together only if this says so.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "submit_amendment", by, expected)
        amendment.require("submit_amendment")
        base, branch = await contents_of(tx, amendment)
        await _check(tx, agreement, amendment, base, branch)
        await require_legible_branch(tx, base, branch, amendment.names)
        return await AMENDMENTS.record(tx, amendment, amendment.submit(at or now()), by=by)


async def rebase_amendment(
    db: Work, id: UUID, *, resolved: Mapping[Place, Side] | None = None, by: Actor, expected: int | None = None
) -> Amendment:
    """Put the branch on the agreement as it is now. Refuses RebaseConflicts until each is resolved, and TextTampered.

    Whether what both sides brought holds together is asked at the next submission: until then it can be revised.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "rebase_amendment", by, expected)
        amendment.require("rebase_amendment")
        await require_untampered(tx, amendment)
        current = await content_of(tx, agreement)
        base, branch = await contents_of(tx, amendment)
        sides = resolved or {}
        found = rebase(base, current, branch).conflicts
        if left := [each for each in found if (each.part, each.key) not in sides]:
            told = [each.model_dump(mode="json") for each in await in_words(tx, left)]
            raise RebaseConflicts(
                places=[f"{each.part} {each.key}" for each in left],
                where=[conflict_named(each, agreement.names | amendment.names) for each in left],
                conflicts=told,
            )
        rebased = rebase(base, current, branch, resolved=sides).content
        events = amendment.rebase(
            await put_content(tx, current),
            await put_content(tx, rebased),
            **await _parties(tx, agreement, current, rebased),
            resolved=len(found),
            by=by.person,
        )
        return await AMENDMENTS.record(tx, amendment, events, by=by)


async def withdraw_amendment(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Amendment:
    """Take the amendment back."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await load_both_for(tx, id, "withdraw_amendment", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.withdraw(reason), by=by)


async def end_amendment(db: Work, id: UUID) -> Amendment:
    """Drop an amendment whose agreement has ended. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement, amendment = await load_both(tx, id)
        if agreement.refusal_of("propose_amendment") is None:
            return amendment
        return await AMENDMENTS.record(tx, amendment, amendment.end_with_agreement(), by=SYSTEM)


async def _check(tx: Transaction, agreement: Agreement, amendment: Amendment, base: Content, branch: Content) -> None:
    terms = branch.terms(agreement.agreement_kind, agreement.academy)
    check_terms(terms, agreement.rules, names={**agreement.names, **amendment.names})
    agreement.check_amended(branch)
    agreement.require_annexes(branch)
    require_printable(" ".join(each.name for each in branch.annexes))
    await require_family(tx, agreement, branch)
    if may := amendment.reach:
        parts = dict.fromkeys(change.part for change in diff(base, branch) if change.part not in may)
        if parts:
            raise BeyondItsType(
                amendment_type=amendment.amendment_type,
                parts=list(parts),
                may=list(may),
                where=parts_named(parts),
                names=parts_named(may),
            )


async def _parties(tx: Transaction, agreement: Agreement, base: Content, branch: Content) -> dict[str, Any]:
    """The parties of both, the names of their organisations, and who may see the branch."""
    parties = [*parties_of(base, branch).values()]
    known = await names_of(tx, (each.organisation_id for each in parties))
    return {
        "parties": parties,
        "names": {**known, **agreement.names},
        "codes": agreement.branch_visible_to(base.parties, branch.parties),
    }
