"""Who approves in whose place."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.substitutions import NoSubstitution, SubstituteElsewhere, SubstitutionOutOfScope
from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.substitution import Substitution, SubstitutionState
from services.agreements.tables import SUBSTITUTIONS
from shared.actor import Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.ids import new_id


async def grant_substitution(
    db: Work,
    *,
    substitute: str,
    valid_from: date,
    valid_until: date,
    reason: str,
    kinds: Collection[str] = (),
    academies: Collection[str] = (),
    agreements: Collection[UUID] = (),
    by: Actor,
    on: date | None = None,
) -> Substitution:
    """Name somebody of one's own jurisdiction who approves in one's place between two days, both included.

    For all files, or for those of these kinds, academies and agreements.
    """
    PERMISSIONS.allow(by, "grant_substitution")
    async with db.transaction(by.scope) as tx:
        id = new_id()
        events = Substitution.grant(
            id,
            by,
            substitute=substitute,
            valid_from=valid_from,
            valid_until=valid_until,
            reason=reason,
            kinds=kinds,
            academies=academies,
            agreements=agreements,
            today=on or today(),
        )
        return await SUBSTITUTIONS.record(tx, Substitution(id=id), events, by=by)


async def revoke_substitution(db: Work, id: UUID, *, by: Actor, expected: int | None = None) -> Substitution:
    """Take one's own substitution back."""
    async with db.transaction(by.scope) as tx:
        substitution = await SUBSTITUTIONS.load(tx, id, expected=expected)
        PERMISSIONS.allow(by, "revoke_substitution", substitution)
        return await SUBSTITUTIONS.record(tx, substitution, substitution.revoke(), by=by)


async def substitution_of(
    tx: Transaction, file: Agreement | Amendment, person: str, *, substitute: Actor, day: date
) -> Substitution:
    """By what this substitute acts for the person on this file and day; it stays as it is until the commit.

    Refuses NoSubstitution, SubstitutionOutOfScope, SubstituteElsewhere.
    """
    row = SUBSTITUTIONS.table.c
    query = (
        select(row.id)
        .where(row.substitute == substitute.person, row.person == person, row.status == SubstitutionState.granted)
        .where(row.valid_from <= day, row.valid_until >= day)
        .order_by(row.id)
    )
    ids = (await tx.execute(query)).scalars().all()
    # What was revoked while we waited for its row is not there, and hides nothing that is.
    granted = [each for each in await SUBSTITUTIONS.load_many(tx, ids) if each.state == SubstitutionState.granted]
    if not granted:
        raise NoSubstitution(person=person, day=day)
    agreement_id = file.agreement_id if isinstance(file, Amendment) else file.id
    of: dict[str, Any] = {"agreement_kind": file.agreement_kind, "academy": file.academy, "agreement_id": agreement_id}
    covering = [each for each in granted if each.covers(**of)]
    if not covering:
        raise SubstitutionOutOfScope(person=person, **of, name=KINDS[file.agreement_kind].name.model_dump())
    for each in covering:
        if each.jurisdiction == substitute.jurisdiction:
            return each
    raise SubstituteElsewhere(jurisdiction=covering[0].jurisdiction)
