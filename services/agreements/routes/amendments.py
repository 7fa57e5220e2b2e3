"""Amendments over HTTP: proposed, edited, approved, rebased."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.agreements import commands, queries
from services.agreements.amendment import Amendment
from services.agreements.routes.lists import FILE, file_of, wording_of
from services.agreements.schemas.agreements import ReturnWithRemarks
from services.agreements.schemas.amendments import (
    AmendedContent,
    AmendmentAnswer,
    AmendmentExport,
    PartChange,
    PartConflict,
    ProposeAmendment,
    RebaseAmendment,
)
from services.agreements.schemas.negotiation import ApproveAsSubstitute
from services.agreements.schemas.words import Because
from services.agreements.sheets import Cell
from shared.database import Transaction
from shared.language import Wording
from shared.territory import ACADEMIES
from shared.web import CurrentActor, Db, FullPage, IfMatch, Language, Listing, Once, Page, answer, page
from shared.web.history import HistoryEntry

router = APIRouter(prefix="/api/v1", tags=["amendments"])

COLUMNS = (
    "reference",
    "title_ar",
    "title_fr",
    "academy",
    "number",
    "amendment_type",
    "reason",
    "state",
    "offered_until",
    "applied_on",
)


@router.post("/agreements/{id}/amendments", status_code=201, response_model=AmendmentAnswer)
async def propose_amendment(id: UUID, body: ProposeAmendment, by: CurrentActor, once: Once) -> Response:
    """Begin a branch of the agreement as it is."""
    return await once(
        lambda tx: commands.propose_amendment(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AmendmentAnswer.of(found, by),
        location=lambda found: f"/api/v1/amendments/{found.id}",
    )


@router.get("/agreements/{id}/amendments", response_model=Listing[AmendmentAnswer])
async def read_amendments(id: UUID, by: CurrentActor, db: Db, wanted: Page) -> Response:
    """The agreement's amendments, applied or not, oldest first."""
    found, next = await queries.amendments(db, id, page=wanted, by=by)
    return page(wanted, [AmendmentAnswer.of(each, by) for each in found], next)


@router.get("/amendments/export", response_class=Response, responses=FILE)
async def export_amendments(
    wanted: Annotated[AmendmentExport, Query()], request: Request, language: Language, by: CurrentActor, db: Db
) -> Response:
    """The amendments of all agreements within one's jurisdiction as a file, in the reader's language, oldest first."""
    wording = wording_of(request)
    found = await queries.exported_amendments(db, state=wanted.state, agreement=wanted.agreement_id, by=by)
    rows = [_cells(each, wording, language) for each in found]
    return await file_of(request, language, "amendments", COLUMNS, rows, format=wanted.format)


@router.get("/amendments/{id}", response_model=AmendmentAnswer)
async def read_amendment(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One amendment."""
    found = await queries.amendment(db, id, by=by)
    return answer(AmendmentAnswer.of(found, by, reasons=True), version=found.version)


@router.get("/amendments/{id}/content", response_model=AmendedContent)
async def read_amendment_content(id: UUID, by: CurrentActor, db: Db) -> Response:
    """The whole content of the branch, as it is put back when it is changed."""
    found, content, clauses = await queries.amendment_content(db, id, by=by)
    parties = await queries.parties_named(db, found, content, by=by)
    return answer(AmendedContent.of(content, clauses, parties), version=found.version)


@router.put("/amendments/{id}/content", response_model=AmendmentAnswer)
async def revise_amendment(id: UUID, body: AmendedContent, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put another content on the branch: all of it, with its text."""

    async def revise(tx: Transaction) -> Amendment:
        known = await queries.amendment_contents(tx, id, action="revise_amendment", by=by)
        content = body.content(known, await queries.amendment_papers(tx, id, by=by))
        return await commands.revise_amendment(tx, id, content, body.text, by=by, expected=expected)

    return await once(revise, answer=lambda found: AmendmentAnswer.of(found, by))


@router.post("/amendments/{id}/redrawing", response_model=AmendmentAnswer)
async def redraw_amendment(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Draw the branch's clauses that nobody has edited from its terms as they are now; the others stay as they are."""
    return await once(
        lambda tx: commands.redraw_amendment(tx, id, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.get("/amendments/{id}/changes", response_model=Listing[PartChange])
async def read_amendment_changes(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """What the amendment changes, part by part: before and after, clauses in both languages."""
    found, changes = await queries.amendment_changes(db, id, by=by)
    items, next = wanted.within([PartChange(**dict(each)) for each in changes], lambda each: (each.part, each.key))
    return page(wanted, items, next, version=found.version)


@router.get("/amendments/{id}/conflicts", response_model=Listing[PartConflict])
async def read_amendment_conflicts(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """Where the agreement and the branch changed the same part differently, with both sides.

    Or where one let a party go that something the other changed names.
    """
    found, conflicts = await queries.amendment_conflicts(db, id, by=by)
    items, next = wanted.within([PartConflict(**dict(each)) for each in conflicts], lambda each: (each.part, each.key))
    return page(wanted, items, next, version=found.version)


@router.post("/amendments/{id}/review", response_model=AmendmentAnswer)
async def submit_amendment(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Hand the branch to its approvers."""
    return await once(
        lambda tx: commands.submit_amendment(tx, id, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/approval", response_model=AmendmentAnswer)
async def approve_amendment(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Approve the current step; the last one freezes the branch and gives the amendment its number."""
    return await once(
        lambda tx: commands.approve_amendment(tx, id, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/substituted-approval", response_model=AmendmentAnswer)
async def approve_amendment_as_substitute(
    id: UUID, body: ApproveAsSubstitute, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Approve the current step in the place of somebody who named the sender their substitute."""
    return await once(
        lambda tx: commands.approve_amendment_as_substitute(tx, id, person=body.person, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/remarks", response_model=AmendmentAnswer)
async def return_amendment(
    id: UUID, body: ReturnWithRemarks, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Have the branch changed; the approvals so far are void."""
    return await once(
        lambda tx: commands.return_amendment(tx, id, remarks=body.remarks, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/rejection", response_model=AmendmentAnswer)
async def refuse_amendment(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """End the amendment in review."""
    return await once(
        lambda tx: commands.refuse_amendment(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/rebase", response_model=AmendmentAnswer)
async def rebase_amendment(
    id: UUID, body: RebaseAmendment, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Put the branch on the agreement as it is now; where both changed the same part, say which side stands."""
    return await once(
        lambda tx: commands.rebase_amendment(tx, id, resolved=body.sides(), by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/amendments/{id}/withdrawal", response_model=AmendmentAnswer)
async def withdraw_amendment(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take the amendment back."""
    return await once(
        lambda tx: commands.withdraw_amendment(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.get("/amendments/{id}/history", response_model=Listing[HistoryEntry])
async def read_amendment_history(id: UUID, wanted: Page, by: CurrentActor, db: Db) -> Response:
    """Everything that happened to the amendment, oldest first."""
    return page(wanted, *await queries.amendment_history(db, id, page=wanted, by=by))


def _cells(row: Any, wording: Wording, language: str) -> Sequence[Cell]:
    """A row as COLUMNS has it."""
    return (
        row.reference,
        row.title["ar"],
        row.title["fr"],
        getattr(ACADEMIES[row.academy], f"name_{language}") if row.academy else None,
        row.number and str(row.number),
        wording.text(f"values.amendment_type.{row.amendment_type}", language),
        row.reason,
        wording.text(f"states.amendment.{row.status}", language),
        row.offered_until,
        row.applied_on,
    )
