"""Who approves in whose place."""

from collections.abc import Collection
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.substitutions import NoSubstitution, SubstituteElsewhere, SubstitutionOutOfScope
from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.substitution import Substitution, SubstitutionState
from services.agreements.surroundings import StandsFor
from services.agreements.tables import SUBSTITUTIONS
from shared.actor import Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.ids import new_id

F = TypeVar("F", Agreement, Amendment)


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


async def told_for_whom(tx: Transaction, file: F, by: Actor, day: date) -> F:
    """The file, told in whose place its reader may approve it on the day."""
    around = file._around
    if around is None or not file.under_review or not PERMISSIONS.may_ever(by, "approve_as_substitute"):
        return file
    row = SUBSTITUTIONS.table.c
    named = select(row.id).where(row.substitute == by.person, *_granted_on(day)).order_by(row.id)
    found = [await SUBSTITUTIONS.read(tx, id) for id in (await tx.execute(named)).scalars().all()]
    places = [each for each in found if each.covers(**_facts_of(file)) and each.jurisdiction == by.jurisdiction]
    return file.amid(around._replace(stands_for=tuple(StandsFor(each.person, each.roles) for each in places)))


async def substitution_of(
    tx: Transaction, file: Agreement | Amendment, person: str, *, substitute: Actor, day: date
) -> Substitution:
    """By what this substitute acts for the person on this file and day; it stays as it is until the commit.

    Refuses NoSubstitution, SubstitutionOutOfScope, SubstituteElsewhere.
    """
    row = SUBSTITUTIONS.table.c
    query = (
        select(row.id)
        .where(row.substitute == substitute.person, row.person == person, *_granted_on(day))
        .order_by(row.id)
    )
    ids = (await tx.execute(query)).scalars().all()
    # What was revoked while we waited for its row is not there, and hides nothing that is.
    granted = [each for each in await SUBSTITUTIONS.load_many(tx, ids) if each.state == SubstitutionState.granted]
    if not granted:
        raise NoSubstitution(person=person, day=day)
    of = _facts_of(file)
    covering = [each for each in granted if each.covers(**of)]
    if not covering:
        raise SubstitutionOutOfScope(person=person, **of, name=KINDS[file.agreement_kind].name.model_dump())
    for each in covering:
        if each.jurisdiction == substitute.jurisdiction:
            return each
    raise SubstituteElsewhere(jurisdiction=covering[0].jurisdiction)


def _granted_on(day: date) -> list[ColumnElement[bool]]:
    row = SUBSTITUTIONS.table.c
    return [row.status == SubstitutionState.granted, row.valid_from <= day, row.valid_until >= day]


def _facts_of(file: Agreement | Amendment) -> dict[str, Any]:
    agreement_id = file.agreement_id if isinstance(file, Amendment) else file.id
    return {"agreement_kind": file.agreement_kind, "academy": file.academy, "agreement_id": agreement_id}
