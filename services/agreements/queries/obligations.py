"""What people read of obligations, across agreements: within their scope, and explicitly so."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select as columns
from sqlmodel import col, select

from services.agreements.commands.passing import led_to, moved_among
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries import lists
from services.agreements.queries.searches import found_by, sees_many
from services.agreements.schemas.obligations import Owed
from services.agreements.tables import AGREEMENTS, ObligationRow
from services.agreements.tables.obligations import entries_of
from shared.actor import Actor
from shared.database import Transaction, Work
from shared.web import PageRequest

ORDER = (col(ObligationRow.due_on), col(ObligationRow.obligation_id), col(ObligationRow.occurrence))


async def obligations(
    db: Work, wanted: Owed, *, today: date, page: PageRequest, by: Actor
) -> tuple[Sequence[ObligationRow], str | None]:
    """A page of obligations, those due first, and the next one's cursor.

    It is found by what is recorded, and shows what time has made of that since.
    """
    PERMISSIONS.allow(by, "read_obligations")
    async with db.transaction(by.scope) as tx:
        query = select(ObligationRow).where(*_where(tx, wanted, today, by))
        found = (await tx.execute(page.select(query, *ORDER))).scalars().all()
        kept, next = page.cut(found, lambda each: [each.due_on, each.obligation_id, each.occurrence])
        return await _led_to(tx, kept, today), next


async def exported_obligations(
    db: Work, wanted: Owed, *, today: date, by: Actor
) -> Sequence[tuple[ObligationRow, Any]]:
    """What a file tells of obligations, those due first: each, and a row of its agreement. Refuses ListTooLong.

    They are found and shown as a page of them.
    """
    PERMISSIONS.allow(by, "export_obligations")
    its = AGREEMENTS.table.c
    query = columns(ObligationRow, *lists.of_agreement()).join(
        AGREEMENTS.table, its.id == col(ObligationRow.agreement_id)
    )
    async with db.transaction(by.scope) as tx:
        query = (
            query.where(*AGREEMENTS.within(tx), *_where(tx, wanted, today, by)).order_by(*ORDER).limit(lists.MOST + 1)
        )
        found = lists.whole((await tx.execute(query)).all())
        return [*zip(await _led_to(tx, [each[0] for each in found], today), found, strict=True)]


async def _led_to(tx: Transaction, found: Sequence[ObligationRow], day: date) -> Sequence[ObligationRow]:
    """The entries as they are on a day."""
    entries: dict[tuple[UUID, int], dict[str, Any]] = {}
    for id in await moved_among(tx, {each.agreement_id for each in found}, day):
        entries |= entries_of(await led_to(tx, await AGREEMENTS.read(tx, id), day))
    made = [entries.get((each.obligation_id, each.occurrence)) for each in found]
    return [ObligationRow(**values) if values else each for each, values in zip(found, made, strict=True)]


def _where(tx: Transaction, wanted: Owed, today: date, by: Actor) -> Iterator[Any]:
    row = ObligationRow
    if wanted.late is not None:
        # The state first: it is what the index of what is owed holds.
        is_late = col(row.state).in_(["pending", "due"]) & (col(row.due_on) < today)
        yield is_late if wanted.late else ~is_late
    if wanted.state is not None:
        yield col(row.state) == wanted.state
    if wanted.party is not None:
        yield col(row.debtor_id) == wanted.party
    if "national" not in tx.scope:
        yield col(row.visible_to).overlap(sorted(tx.scope))  # type: ignore[attr-defined]
    if not sees_many(by.jurisdiction):
        # One party's agreements are few among all: found by the index, which no array is under row security.
        yield found_by(by.jurisdiction, col(row.agreement_id))  # type: ignore[arg-type]
