"""Looking for agreements over HTTP: lists, files of lists, and searches that people keep."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.agreements import commands, queries
from services.agreements.kinds import KINDS
from services.agreements.routes.lists import FILE, file_of, nearer, wording_of
from services.agreements.schemas import AgreementAnswer
from services.agreements.schemas.searches import Export, SavedSearchAnswer, SaveSearch, Search
from services.agreements.sheets import Cell
from shared.language import Wording
from shared.territory import ACADEMIES
from shared.web import CurrentActor, Db, Language, Listing, Once, Page, answer, page

router = APIRouter(prefix="/api/v1")

COLUMNS = (
    "reference",
    "title_ar",
    "title_fr",
    "state",
    "kind",
    "academy",
    "parties",
    "school_year",
    "effective_from",
    "effective_until",
    "updated_at",
)


@router.get("/agreements", response_model=Listing[AgreementAnswer], tags=["agreements"])
async def read_agreements(search: Annotated[Search, Query()], wanted: Page, by: CurrentActor, db: Db) -> Response:
    """The agreements within one's jurisdiction that the search finds, in its order.

    A page of a search by words may hold fewer than asked for, or none, and have a next one: the list ends where `next`
    is null.
    """
    found, next = await queries.agreements(db, search, page=wanted, by=by)
    return page(wanted, [AgreementAnswer.of(each, by) for each in found], next)


@router.get("/agreements/export", response_class=Response, responses=FILE, tags=["agreements"])
async def export_agreements(
    wanted: Annotated[Export, Query()], request: Request, language: Language, by: CurrentActor, db: Db
) -> Response:
    """The whole list that the search finds as a file, in the reader's language."""
    wording = wording_of(request)
    rows = [_cells(row, wording, language) for row in await queries.exported(db, wanted, by=by)]
    return await file_of(request, language, "agreements", COLUMNS, rows, format=wanted.format)


@router.post("/saved-searches", status_code=201, response_model=SavedSearchAnswer, tags=["saved-searches"])
async def save_search(body: SaveSearch, by: CurrentActor, once: Once) -> Response:
    """Keep a search under a name."""
    search = body.search.model_dump(mode="json", exclude_defaults=True)
    return await once(
        lambda tx: commands.save_search(tx, name=body.name, search=search, by=by),
        answer=SavedSearchAnswer.of,
        location=lambda kept: f"/api/v1/saved-searches/{kept.id}",
    )


@router.get("/saved-searches", response_model=Listing[SavedSearchAnswer], tags=["saved-searches"])
async def read_saved_searches(wanted: Page, by: CurrentActor, db: Db) -> Response:
    """The searches that one keeps, by name."""
    found, next = await queries.saved_searches(db, page=wanted, by=by)
    return page(wanted, [SavedSearchAnswer.of(each) for each in found], next)


@router.get("/saved-searches/{id}", response_model=SavedSearchAnswer, tags=["saved-searches"])
async def read_saved_search(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One search of one's own."""
    return answer(SavedSearchAnswer.of(await queries.saved_search(db, id, by=by)))


@router.delete("/saved-searches/{id}", status_code=204, tags=["saved-searches"])
async def forget_search(id: UUID, by: CurrentActor, once: Once) -> Response:
    """Keep a search no longer."""
    return await once(lambda tx: commands.forget_search(tx, id, by=by))


def _cells(row: Any, wording: Wording, language: str) -> Sequence[Cell]:
    """A row as COLUMNS has it."""
    return (
        row.reference,
        row.title["ar"],
        row.title["fr"],
        wording.text(f"states.agreement.{row.status}", language),
        nearer(KINDS[row.agreement_kind].name.model_dump(), language),
        getattr(ACADEMIES[row.academy], f"name_{language}") if row.academy else None,
        " / ".join(sorted(nearer(name, language) for name in row.names.values())),
        row.school_year,
        row.effective_from,
        row.effective_until,
        row.updated_at,
    )
