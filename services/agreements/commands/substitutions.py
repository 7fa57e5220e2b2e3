"""Who approves in whose place."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.errors.substitutions import NoSubstitution, SubstituteElsewhere, SubstitutionOutOfScope
from services.agreements.kinds import KINDS
from services.agreements.permissions import PERMISSIONS
from services.agreements.substitution import Substitution, SubstitutionState
from services.agreements.surroundings import StandsFor, Surroundings
from services.agreements.tables import SUBSTITUTIONS
from shared.actor import Actor, Role
from shared.clock import today
from shared.database import Transaction, Work
from shared.ids import new_id

F = TypeVar("F", Agreement, Amendment)


class Holder(NamedTuple):
    """As whom somebody holds a step of an approval."""

    person: str
    roles: Collection[Role]
    substitute: str | None = None
    """Who acts in the person's place."""


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
    """The file, told in whose place its reader may approve it or send it back on the day."""
    (file,) = await all_told_for_whom(tx, [file], by, day)
    return file


async def all_told_for_whom(tx: Transaction, files: Sequence[F], by: Actor, day: date) -> Sequence[F]:
    """The same of several files."""
    reviewed = [file for file in files if file.under_review]
    if reviewed and PERMISSIONS.may_ever(by, "approve_as_substitute"):
        found = [await SUBSTITUTIONS.read(tx, id) for id in await _naming(tx, by, day)]
        for file in reviewed:
            places = tuple(StandsFor(each.person, each.roles) for each in found if _covers(each, file, by))
            file.amid((file._around or Surroundings(day))._replace(stands_for=places))
    return files


async def holder_of(tx: Transaction, file: Agreement | Amendment, by: Actor, day: date) -> Holder:
    """As whom somebody holds the current step: for themselves, or in the place of who named them for the day.

    What they were named by stays as it is until the commit. Whether anybody holds the step is refused by the file.
    """
    if file.holder_refusal(by.roles) is None:
        return Holder(by.person, by.roles)
    for each in await SUBSTITUTIONS.load_many(tx, await _naming(tx, by, day)):
        # What was revoked while we waited for its row is not there.
        stands = each.state == SubstitutionState.granted and _covers(each, file, by)
        if stands and file.holder_refusal(each.roles, substitute=by.person) is None:
            return Holder(each.person, each.roles, by.person)
    return Holder(by.person, by.roles)


async def substitution_of(
    tx: Transaction, file: Agreement | Amendment, person: str, *, substitute: Actor, day: date
) -> Substitution:
    """By what this substitute acts for the person on this file and day; it stays as it is until the commit.

    Refuses NoSubstitution, SubstitutionOutOfScope, SubstituteElsewhere.
    """
    ids = await _naming(tx, substitute, day, SUBSTITUTIONS.table.c.person == person)
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


async def _naming(tx: Transaction, substitute: Actor, day: date, *wanted: ColumnElement[bool]) -> Sequence[UUID]:
    """The substitutions of the day that name somebody, in the order in which they are locked."""
    row = SUBSTITUTIONS.table.c
    granted = row.status == SubstitutionState.granted, row.valid_from <= day, row.valid_until >= day
    query = select(row.id).where(row.substitute == substitute.person, *granted, *wanted).order_by(row.id)
    return (await tx.execute(query)).scalars().all()


def _covers(substitution: Substitution, file: Agreement | Amendment, by: Actor) -> bool:
    return substitution.jurisdiction == by.jurisdiction and substitution.covers(**_facts_of(file))


def _facts_of(file: Agreement | Amendment) -> dict[str, Any]:
    agreement_id = file.agreement_id if isinstance(file, Amendment) else file.id
    return {"agreement_kind": file.agreement_kind, "academy": file.academy, "agreement_id": agreement_id}
