"""Amendments on their way up the ladder of their type, until they are frozen under their number."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.bilingual import Bilingual
from services.agreements.commands.integrity import require_files
from services.agreements.commands.loading import amendable, contents_of, load_both_for, look_ahead
from services.agreements.commands.substitutions import holder_of, substitution_of
from services.agreements.commands.vetting import names_of
from services.agreements.legible import require_legible_branch
from services.agreements.merge import touched_by
from services.agreements.tables import AMENDMENTS
from shared.actor import NATIONAL, SYSTEM, Actor, Role
from shared.clock import business_date, now, today
from shared.database import Transaction, Work


async def approve_amendment(
    db: Work, id: UUID, *, by: Actor, expected: int | None = None, at: datetime | None = None
) -> Amendment:
    """Approve the current step; the last approval freezes the branch and gives it the agreement's next number.

    Refuses PartiesNotVetted at the last if the network does not know a party or does not accredit an association,
    MandatesMissing if nobody may sign for a party that it touches, TextLost and FileLost for what is kept no more, and
    NotLegible for what it changes that no paper can show.
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
    """Have the branch changed; the approvals so far are void. Whoever holds the step does so, or a substitute."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await load_both_for(tx, id, "return_amendment", by, expected)
        person, roles, substitute = await holder_of(tx, amendment, by, today())
        returned = amendment.send_back(remarks, person, roles, substitute=substitute)
        return await AMENDMENTS.record(tx, amendment, returned, by=by)


async def refuse_amendment(db: Work, id: UUID, *, reason: str, by: Actor, expected: int | None = None) -> Amendment:
    """End it in review. Whoever holds the step does so, or a substitute."""
    async with db.transaction(by.scope) as tx:
        _, amendment = await load_both_for(tx, id, "refuse_amendment", by, expected)
        person, roles, substitute = await holder_of(tx, amendment, by, today())
        refused = amendment.refuse(reason, person, roles, substitute=substitute)
        return await AMENDMENTS.record(tx, amendment, refused, by=by)


async def report_amendment_overdue(db: Work, id: UUID, *, at: datetime) -> Amendment:
    """Tell, once per level, that the current step is late. The schedule asks for it."""
    async with db.transaction(SYSTEM.scope) as tx:
        amendment = await AMENDMENTS.load(tx, id)
        return await AMENDMENTS.record(tx, amendment, amendment.report_overdue(at), by=SYSTEM)


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
    if amendment.nearly_frozen:
        base, branch = await contents_of(tx, amendment)
        touched = touched_by(base, branch)
        await require_files(branch.annexes)
        names = {**amendment.names, **await names_of(tx, [party.organisation_id for party in branch.parties])}
        await require_legible_branch(tx, base, branch, names)
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
