"""Amendments: from the proposal to the agreement that it changes.

Whatever touches both locks the agreement first and its amendments after it, in id order: nobody waits in a circle. The
agreement is looked at whoever asks: a party that an amendment brings in does not see it yet.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from services.agreements.agreement import Agreement, Signature
from services.agreements.amendment import OPEN, Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands.documents import require_files
from services.agreements.commands.families import require_family
from services.agreements.commands.integrity import require_untampered
from services.agreements.commands.loading import load_for
from services.agreements.commands.substitutions import substitution_of
from services.agreements.commands.vetting import names_of, unmandated_on, unvetted_of
from services.agreements.content import Content
from services.agreements.errors.amendments import BeyondItsType, RebaseConflicts
from services.agreements.errors.texts import TextLost
from services.agreements.merge import Place, Side, diff, rebase, touched_by
from services.agreements.papers import require_printable
from services.agreements.permissions import PERMISSIONS
from services.agreements.places import conflict_named
from services.agreements.surroundings import Surroundings
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.terms import Terms, check_terms
from services.agreements.text import Clause, get_content, get_table, in_words, put_clauses, put_content
from shared.actor import NATIONAL, SYSTEM, Actor, Role
from shared.clock import business_date, now, today
from shared.database import Transaction, Work
from shared.events.agreements import AgreementParty, AmendmentType
from shared.events.base import DomainEvent
from shared.ids import new_id
from shared.refusals import Refusal


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
    BeyondItsType, and CharactersNotPrintable for an annex's name.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "revise_amendment", by, expected)
        amendment.require("revise_amendment")
        base = await get_content(tx, amendment.base_hash)
        await _check(tx, agreement, amendment, base, content)
        await put_clauses(tx, clauses)
        branch = await put_content(tx, content)
        events = amendment.revise(branch, **await _parties(tx, agreement, base, content), by=by.person)
        return await AMENDMENTS.record(tx, amendment, events, by=by)


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
        return await AMENDMENTS.record(tx, amendment, amendment.submit(at or now()), by=by)


async def approve_amendment(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Approve the current step; the last approval freezes the branch and gives it the agreement's next number.

    Refuses PartiesNotVetted at the last if the network does not know a party or does not accredit an association,
    MandatesMissing if nobody may sign for a party that it touches, TextLost and FileLost for what is kept no more.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "approve_amendment", by, expected)
        return await _approve(tx, agreement, amendment, by.person, by.roles, by=by, at=at or now())


async def approve_amendment_as_substitute(
    db: Work, id: UUID, *, person: str, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Approve the current step in the place of a person who named this substitute for the day.

    Refuses NoSubstitution, SubstituteElsewhere, and what approve_amendment refuses.
    """
    async with db.transaction(by.scope) as tx:
        agreement, amendment = await amendable(tx, id, "approve_amendment_as_substitute", by, expected)
        at = at or now()
        granted = await substitution_of(tx, amendment, person, substitute=by, day=business_date(at))
        return await _approve(
            tx, agreement, amendment, granted.person, granted.roles, by=by, substitute=by.person, at=at
        )


async def return_amendment(db: Work, id: UUID, *, remarks: str, by: Actor, expected: int | None = None) -> Amendment:
    """Have the branch changed; the approvals so far are void."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await both(tx, id, "return_amendment", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.send_back(remarks, by.roles), by=by)


async def refuse_amendment(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Amendment:
    """End it in review."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await both(tx, id, "refuse_amendment", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.refuse(reason, by.roles), by=by)


async def report_amendment_overdue(db: Work, id: UUID, *, at: datetime) -> Amendment:
    """Tell, once per level, that the current step is late. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        amendment = await AMENDMENTS.load(tx, id)
        return await AMENDMENTS.record(tx, amendment, amendment.report_overdue(at), by=SYSTEM)


async def let_amendment_time_pass(db: Work, id: UUID, *, on: date) -> Amendment:
    """Recall the last day to sign, and end the offer after it. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        amendment = await AMENDMENTS.load(tx, id)
        return await AMENDMENTS.record(tx, amendment, amendment.pass_time(on), by=SYSTEM)


async def apply_amendment(db: Work, id: UUID, *, at: datetime) -> Amendment:
    """Let a signed amendment change its agreement, which is in force meanwhile. The schedule asks for it.

    What the rules no longer allow, or is not what was signed any more, is not refused to anybody here: the amendment
    says so from now on.
    """
    async with db.transaction(SYSTEM.scope) as tx:
        agreement, amendment = await _load(tx, id)
        amendment.require("apply_amendment")
        agreement.require("amend_agreement")
        try:
            await require_untampered(tx, amendment)
            amended = await _amended(tx, agreement, amendment, business_date(at))
        except Refusal as refusal:
            hindered = amendment.hinder(refusal, business_date(at))
            return await AMENDMENTS.record(tx, amendment, hindered, by=SYSTEM, at=at)
        return await _apply(tx, agreement, amendment, amended, SYSTEM, at)


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
        _, amendment = await both(tx, id, "withdraw_amendment", by, expected)
        return await AMENDMENTS.record(tx, amendment, amendment.withdraw(reason), by=by)


async def end_amendment(db: Work, id: UUID) -> Amendment:
    """Drop an amendment whose agreement has ended. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        agreement, amendment = await _load(tx, id)
        if agreement.refusal_of("propose_amendment") is None:
            return amendment
        return await AMENDMENTS.record(tx, amendment, amendment.end_with_agreement(), by=SYSTEM)


async def contest_amendment(db: Work, id: UUID, mandate_id: UUID, *, ended_on: date) -> Amendment:
    """Mark what was signed under a mandate that had ended by then, as is known only now. A reaction asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        amendment = await AMENDMENTS.load(tx, id)
        events = amendment.contest_signatures(mandate_id, ended_on=ended_on)
        return await AMENDMENTS.record(tx, amendment, events, by=SYSTEM)


async def record_signature(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    events: Sequence[DomainEvent],
    *,
    by: Actor,
    at: datetime,
) -> Amendment:
    """Record a signature; once all have signed, the agreement is amended. Refuses what applying it refuses.

    One that is not in force yet is amended when it is.
    """
    await AMENDMENTS.record(tx, amendment, events, by=by, at=at)
    amended = await amended_at_once(tx, agreement, amendment, business_date(at))
    return amendment if amended is None else await _apply(tx, agreement, amendment, amended, by, at)


async def amended_at_once(
    tx: Transaction, agreement: Agreement, amendment: Amendment, today: date
) -> list[DomainEvent] | None:
    """How an amendment that all have signed changes its agreement; None while one of them is not so far.

    Refuses what applying it refuses.
    """
    if amendment.refusal_of("apply_amendment") or agreement.refusal_of("amend_agreement"):
        return None
    return await _amended(tx, agreement, amendment, today)


async def move_bases(
    tx: Transaction, agreement: Agreement, *, applied: UUID | None = None, by: Actor, at: datetime | None = None
) -> None:
    """Tell the amendments of an agreement that are still open that it has changed; `applied` is what changed it."""
    row = AMENDMENTS.table.c
    others = select(row.id).where(row.agreement_id == agreement.id, row.status.in_(OPEN))
    async with tx.widened(NATIONAL):
        ids = (await tx.execute(others)).scalars().all()
        for other in await AMENDMENTS.load_many(tx, ids):
            await AMENDMENTS.record(tx, other, other.lose_base(applied), by=by, at=at)


async def content_of(tx: Transaction, agreement: Agreement) -> Content:
    """All that is agreed now."""
    assert agreement.text_hash is not None, "signed without a text"
    return agreement.content(await get_table(tx, agreement.text_hash))


async def contents_of(tx: Transaction, amendment: Amendment) -> tuple[Content, Content]:
    """What an amendment began from, and its branch."""
    return await get_content(tx, amendment.base_hash), await get_content(tx, amendment.content_hash)


async def both(
    tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None
) -> tuple[Agreement, Amendment]:
    """The agreement and its amendment, locked and told the day, if this person may take the action on the amendment.

    Raises NotFound, StaleVersion, Forbidden.
    """
    agreement, amendment = await _load(tx, id, expected)
    PERMISSIONS.allow(by, action, amendment)
    return agreement, amendment.amid(beside(agreement, today()))


def beside(agreement: Agreement, day: date) -> Surroundings:
    """What an amendment is told of its agreement on a day."""
    return Surroundings(day, over=agreement.refusal_of("propose_amendment"))


async def look_ahead(tx: Transaction, agreement: Agreement, amendment: Amendment, day: date) -> Amendment:
    """The amendment, told of its agreement and, before it is frozen, what still stands in the way of that."""
    around = beside(agreement, day)
    if amendment.nearly_agreed:
        try:
            base, branch = await contents_of(tx, amendment)
        except TextLost as lost:
            return amendment.amid(around._replace(lost=lost))
        signing = [amendment.party(each).organisation_id for each in touched_by(base, branch)]
        # One that leaves signs too, and needs no accreditation for it.
        async with tx.widened(NATIONAL):
            unvetted = await unvetted_of(tx, [party.organisation_id for party in branch.parties])
        unmandated = await unmandated_on(tx, agreement, signing, day)
        around = around._replace(unvetted=tuple(unvetted), unmandated=unmandated)
    return amendment.amid(around)


async def amendable(
    tx: Transaction, id: UUID, action: str, by: Actor, expected: int | None = None
) -> tuple[Agreement, Amendment]:
    """The same, for a step that leads on: refused by the amendment itself once its agreement is over."""
    agreement, amendment = await both(tx, id, action, by, expected)
    amendment.require(action)
    return agreement, amendment


async def _load(tx: Transaction, id: UUID, expected: int | None = None) -> tuple[Agreement, Amendment]:
    seen = await AMENDMENTS.read(tx, id)
    async with tx.widened(NATIONAL):
        agreement = await AGREEMENTS.load(tx, seen.agreement_id)
    return agreement, await AMENDMENTS.load(tx, id, expected=expected)


async def _approve(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    person: str,
    roles: Collection[Role],
    *,
    by: Actor,
    substitute: str | None = None,
    at: datetime,
) -> Amendment:
    (await look_ahead(tx, agreement, amendment, business_date(at))).require("approve_amendment")
    number, touched, names = 0, tuple[UUID, ...](), dict[UUID, Bilingual]()
    if amendment.nearly_agreed:
        base, branch = await contents_of(tx, amendment)
        touched = touched_by(base, branch)
        await require_files(branch.annexes)
        names = {**amendment.names, **await names_of(tx, [party.organisation_id for party in branch.parties])}
        number = amendment.number or await _next_number(tx, agreement)
    events = amendment.approve(
        person,
        roles,
        substitute=substitute,
        number=number,
        reference=f"{agreement.reference}/A{number}",
        touched=touched,
        names=names,
        at=at,
    )
    return await AMENDMENTS.record(tx, amendment, events, by=by, at=at)


async def _next_number(tx: Transaction, agreement: Agreement) -> int:
    """The agreement's lock lets one number be given at a time, and a rollback takes it back: no gaps."""
    row = AMENDMENTS.table.c
    last = select(func.coalesce(func.max(row.number), 0)).where(row.agreement_id == agreement.id)
    async with tx.widened(NATIONAL):
        return int((await tx.execute(last)).scalar_one()) + 1


async def _amended(tx: Transaction, agreement: Agreement, amendment: Amendment, today: date) -> list[DomainEvent]:
    content = await get_content(tx, amendment.content_hash)
    await require_family(tx, agreement, content)
    agreement.require_annexes(content)
    return agreement.amend(
        content,
        text_hash=amendment.content_hash,
        amendment_id=amendment.id,
        number=amendment.numbered,
        amendment_type=amendment.amendment_type,
        names=amendment.names,
        signatures=[
            Signature(**each.model_dump(), text_hash=amendment.content_hash, ceremony_id=None)
            for each in amendment.signatures
        ],
        today=today,
    )


async def _apply(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    amended: Sequence[DomainEvent],
    by: Actor,
    at: datetime,
) -> Amendment:
    async with tx.widened(NATIONAL):
        await AGREEMENTS.record(tx, agreement, amended, by=by, at=at)
    await AMENDMENTS.record(tx, amendment, amendment.applied(business_date(at)), by=by, at=at)
    await move_bases(tx, agreement, applied=amendment.id, by=by, at=at)
    return amendment


async def _check(tx: Transaction, agreement: Agreement, amendment: Amendment, base: Content, branch: Content) -> None:
    agreed: dict[str, Any] = {name: getattr(branch, name) for name in Terms.model_fields if hasattr(branch, name)}
    terms = Terms(agreement_kind=agreement.agreement_kind, academy=agreement.academy, **agreed)
    check_terms(terms, agreement.rules)
    agreement.check_amended(branch)
    agreement.require_annexes(branch)
    require_printable(" ".join(each.name for each in branch.annexes))
    await require_family(tx, agreement, branch)
    if may := amendment.reach:
        parts = dict.fromkeys(change.part for change in diff(base, branch) if change.part not in may)
        if parts:
            raise BeyondItsType(amendment_type=amendment.amendment_type, parts=list(parts), may=list(may))


async def _parties(tx: Transaction, agreement: Agreement, base: Content, branch: Content) -> dict[str, Any]:
    """The parties of both, and the names of their organisations."""
    parties: dict[UUID, AgreementParty] = {each.party_id: each for each in (*base.parties, *branch.parties)}
    known = await names_of(tx, (each.organisation_id for each in parties.values()))
    return {"parties": list(parties.values()), "names": {**known, **agreement.names}}
