"""The figures, within the reader's jurisdiction, and explicitly so."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlmodel import SQLModel

from services.reporting.permissions import PERMISSIONS
from services.reporting.schemas import AgreementsByState, Capacity, SignatureEntry
from services.reporting.tables import AgreementFigureRow, CenterFigureRow, SignatureEntryRow
from shared.actor import Actor
from shared.database import Work
from shared.web import PageRequest


async def agreements_by_state(
    db: Work, *, academy: str | None, page: PageRequest, by: Actor
) -> tuple[Sequence[AgreementsByState], str | None]:
    """A page of agreements counted by academy (national ones first), type, school year and state."""
    PERMISSIONS.allow(by, "read_agreements_by_state")
    row = _columns(AgreementFigureRow)
    groups = (row.academy, row.agreement_type, row.school_year, row.state)
    counted = select(*groups, func.count().label("agreements")).group_by(*groups)
    query = page.select(counted, func.coalesce(row.academy, ""), *groups[1:])
    found = [AgreementsByState(**each) for each in await _read(db, query, row, academy=academy, by=by)]
    return page.cut(found, lambda each: (each.academy or "", each.agreement_type, each.school_year, each.state))


async def capacity(
    db: Work, *, academy: str | None, page: PageRequest, by: Actor
) -> tuple[Sequence[Capacity], str | None]:
    """A page of centers and seats counted by province and state."""
    PERMISSIONS.allow(by, "read_capacity")
    row = _columns(CenterFigureRow)
    groups = (row.academy, row.province, row.state)
    sums = (func.sum(row.funded_seats).label("funded_seats"), func.sum(row.unfunded_seats).label("unfunded_seats"))
    counted = select(*groups, func.count().label("centers"), *sums).group_by(*groups)
    query = page.select(counted, *groups)
    found = [Capacity(**each) for each in await _read(db, query, row, academy=academy, by=by)]
    return page.cut(found, lambda each: (each.academy, each.province, each.state))


async def signatures(db: Work, *, page: PageRequest, by: Actor) -> tuple[Sequence[SignatureEntry], str | None]:
    """The timeline of signatures, oldest first, one page of it and the cursor of the next."""
    PERMISSIONS.allow(by, "read_signature_timeline")
    row = _columns(SignatureEntryRow)
    query = select(*(each for each in row if each is not row.visible_to))
    found = await _read(db, page.select(query, row.signed_at, row.event_id), row, academy=None, by=by)
    entries, next = page.cut(found, lambda each: (each["signed_at"], each["event_id"]))
    return [SignatureEntry(**each) for each in entries], next


def _columns(table: type[SQLModel]) -> Any:
    return table.__table__.c  # type: ignore[attr-defined]


async def _read(db: Work, query: Select[Any], row: Any, *, academy: str | None, by: Actor) -> list[dict[str, Any]]:
    within: ColumnElement[bool] = true() if by.jurisdiction == "national" else row.visible_to.overlap(sorted(by.scope))
    query = query.where(within)
    if academy:
        query = query.where(row.academy == academy)
    async with db.transaction(by.scope) as tx:
        return [dict(each) for each in (await tx.execute(query)).mappings()]
