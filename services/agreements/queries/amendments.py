"""What people read of amendments: each within their scope, and explicitly so."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.agreements.amendment import OPEN, Amendment, AmendmentState
from services.agreements.commands.authority import look_for
from services.agreements.commands.loading import beside, content_of, contents_of, look_ahead
from services.agreements.commands.passing import both_led_to, branches_led_to, moved_among
from services.agreements.commands.substitutions import all_told_for_whom, told_for_whom
from services.agreements.content import Annex, Content
from services.agreements.merge import Change, Conflict, diff, named_in, rebase
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries import lists
from services.agreements.queries.searches import found_by, sees_many
from services.agreements.surroundings import Surroundings
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.text import Clause, in_words, table_clauses
from shared.actor import NATIONAL, Actor
from shared.clock import today
from shared.database import Transaction, Work
from shared.events.agreements import AgreementParty
from shared.web import PageRequest
from shared.web.history import HistoryEntry, history


async def amendments(
    db: Work, agreement_id: UUID, *, page: PageRequest, by: Actor
) -> tuple[Sequence[Amendment], str | None]:
    """A page of an agreement's amendments, oldest first, and the next one's cursor. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        agreement = await AGREEMENTS.read(tx, agreement_id)
        PERMISSIONS.allow(by, "read_amendments", agreement)
        found, next = await AMENDMENTS.find(tx, AMENDMENTS.table.c.agreement_id == agreement_id, page=page)
        agreement, told = await branches_led_to(tx, agreement, found, today())
        around = beside(agreement, today())
        return await all_told_for_whom(tx, [each.amid(around) for each in told], by, today()), next


async def exported_amendments(
    db: Work, *, state: AmendmentState | None, agreement: UUID | None, by: Actor
) -> Sequence[Any]:
    """What a file tells of amendments, oldest first, and of the agreement of each. Refuses ListTooLong."""
    PERMISSIONS.allow(by, "export_amendments")
    row, its = AMENDMENTS.table.c, AGREEMENTS.table.c
    said = (row.state[name].label(name) for name in ("amendment_type", "reason"))
    told = (row.id, row.agreement_id, *said, row.number, row.status, row.offered_until, row.applied_on)
    query = select(*told, *lists.of_agreement()).join(AGREEMENTS.table, its.id == row.agreement_id)
    if state is not None:
        query = query.where(row.status == state)
    if agreement is not None:
        query = query.where(row.agreement_id == agreement)
    if not sees_many(by.jurisdiction):
        query = query.where(found_by(by.jurisdiction, row.agreement_id))
    async with db.transaction(by.scope) as tx:
        query = query.where(*AMENDMENTS.within(tx), *AGREEMENTS.within(tx)).order_by(row.id).limit(lists.MOST + 1)
        found = lists.whole((await (await tx.connection()).execute(query)).all())
        day, left = today(), [each for each in found if each.status in OPEN]
        moved = await moved_among(tx, {each.agreement_id for each in left}, day)
        late = {each.id for each in left if each.agreement_id in moved or (each.offered_until or day) < day}
        return [await _led_to(tx, each, day) if each.id in late else each for each in found]


async def amendment(db: Work, id: UUID, *, action: str = "read_amendment", by: Actor) -> Amendment:
    """One amendment. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await AMENDMENTS.read(tx, id)
        PERMISSIONS.allow(by, action, found)
        if found.state not in OPEN and not found.in_doubt:
            return found.amid(Surroundings(today()))
        async with tx.widened(NATIONAL):
            agreement = await AGREEMENTS.read(tx, found.agreement_id)
            agreement, found = await both_led_to(tx, agreement, found, today())
        if not (found.being_signed or found.in_doubt):
            return await told_for_whom(tx, await look_ahead(tx, agreement, found, today()), by, today())
        around = await look_for(tx, found, agreement, by, today())
        return found.amid(around._replace(over=beside(agreement, today()).over))


async def amendment_contents(db: Work, id: UUID, *, action: str, by: Actor) -> tuple[Content, Content]:
    """What an amendment began from, and its branch. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        return await contents_of(tx, await amendment(tx, id, action=action, by=by))


async def amendment_papers(db: Work, id: UUID, *, by: Actor) -> list[Annex]:
    """The documents of the agreement, each as a branch that annexes it names it. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await amendment(tx, id, action="revise_amendment", by=by)
        agreement = await AGREEMENTS.read(tx, found.agreement_id)
        return [each.as_annex() for each in agreement.documents]


async def amendment_content(db: Work, id: UUID, *, by: Actor) -> tuple[Amendment, Content, list[Clause]]:
    """An amendment with its branch and the clauses of it. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await amendment(tx, id, action="read_amendment_content", by=by)
        _, branch = await contents_of(tx, found)
        return found, branch, await table_clauses(tx, branch.clauses)


async def parties_named(db: Work, found: Amendment, branch: Content, *, by: Actor) -> Sequence[AgreementParty]:
    """All parties that the branch names: those of both its sides, and any that the agreement let go meanwhile.

    Whoever is named so was a party before one of the amendments that the agreement is made of.
    """
    there = {each.party_id: each for each in found.parties}
    if named_in(branch) <= there.keys():
        return found.parties
    async with db.transaction(by.scope) as tx, tx.widened(NATIONAL):
        agreement = await AGREEMENTS.read(tx, found.agreement_id)
        applied = [await AMENDMENTS.read(tx, each.amendment_id) for each in agreement.amendments]
    return tuple(({each.party_id: each for one in applied for each in one.parties} | there).values())


async def amendment_changes(db: Work, id: UUID, *, by: Actor) -> tuple[Amendment, list[Change]]:
    """An amendment with what it changes, part by part. Raises NotFound."""
    async with db.transaction(by.scope) as tx:
        found = await amendment(tx, id, action="read_amendment_changes", by=by)
        return found, await in_words(tx, diff(*await contents_of(tx, found)))


async def amendment_conflicts(db: Work, id: UUID, *, by: Actor) -> tuple[Amendment, list[Conflict]]:
    """An amendment with the conflicts that its rebase would meet now; none while its base has not moved."""
    async with db.transaction(by.scope) as tx:
        found = await amendment(tx, id, action="read_amendment_conflicts", by=by)
        if found.state != AmendmentState.rebase_needed:
            return found, []
        base, branch = await contents_of(tx, found)
        conflicts = rebase(base, await _current(tx, found), branch).conflicts
        return found, await in_words(tx, conflicts)


async def amendment_history(
    db: Work, id: UUID, *, page: PageRequest, by: Actor
) -> tuple[Sequence[HistoryEntry], str | None]:
    """A page of what happened to an amendment, oldest first, and the next one's cursor."""
    async with db.transaction(by.scope) as tx:
        PERMISSIONS.allow(by, "read_amendment_history", await AMENDMENTS.read(tx, id))
        return await history(tx, id, page=page)


async def _led_to(tx: Transaction, row: Any, day: date) -> Any:
    its, amendment = await AGREEMENTS.read(tx, row.agreement_id), await AMENDMENTS.read(tx, row.id)
    _, amendment = await both_led_to(tx, its, amendment, day)
    return lists.changed(row, status=amendment.status, offered_until=amendment.expires_on)


async def _current(tx: Transaction, found: Amendment) -> Content:
    """The agreement as it is: whoever the amendment brings in sees where the two meet."""
    async with tx.widened(NATIONAL):
        return await content_of(tx, await AGREEMENTS.read(tx, found.agreement_id))
