"""Centers over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.centers import commands, queries
from services.centers.center import CenterState
from services.centers.schemas import Because, CenterAnswer, GrantVisa, ReportEnrolled
from shared.territory import AcademyCode, ProvinceCode
from shared.web import CurrentActor, Db, IfMatch, Listing, Once, Page, answer, page
from shared.web.history import HistoryEntry

router = APIRouter(prefix="/api/v1", tags=["centers"])


@router.get("/centers", response_model=Listing[CenterAnswer])
async def read_centers(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    state: CenterState | None = None,
    academy: AcademyCode | None = None,
    province: ProvinceCode | None = None,
    agreement_id: Annotated[UUID | None, Query(description="only those this agreement provides for")] = None,
) -> Response:
    """The centers within one's jurisdiction."""
    found, next = await queries.centers(
        db, state=state, academy=academy, province=province, agreement_id=agreement_id, page=wanted, by=by
    )
    return page(wanted, [CenterAnswer.of(each, by) for each in found], next)


@router.get("/centers/{id}", response_model=CenterAnswer)
async def read_center(id: UUID, by: CurrentActor, db: Db) -> Response:
    """One center."""
    found = await queries.center(db, id, by=by)
    return answer(CenterAnswer.of(found, by, reasons=True), version=found.version)


@router.get("/centers/{id}/history", response_model=Listing[HistoryEntry])
async def read_center_history(id: UUID, wanted: Page, by: CurrentActor, db: Db) -> Response:
    """All that happened to a center, oldest first."""
    return page(wanted, *await queries.center_history(db, id, page=wanted, by=by))


@router.post("/centers/{id}/fitting-out", response_model=CenterAnswer)
async def start_fitting_out(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Begin to prepare the premises."""
    return await once(
        lambda tx: commands.start_fitting_out(tx, id, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/visa", response_model=CenterAnswer)
async def grant_visa(id: UUID, body: GrantVisa, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Record the directorate's opening visa."""
    return await once(
        lambda tx: commands.grant_visa(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/opening", response_model=CenterAnswer)
async def open_center(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Open a center that has its visa."""
    return await once(
        lambda tx: commands.open_center(tx, id, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/suspension", response_model=CenterAnswer)
async def suspend_center(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Let an open center take no new learner."""
    return await once(
        lambda tx: commands.suspend_center(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/resumption", response_model=CenterAnswer)
async def resume_center(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Lift a suspension that was decided."""
    return await once(
        lambda tx: commands.resume_center(tx, id, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/enrolled", response_model=CenterAnswer)
async def report_enrolled(id: UUID, body: ReportEnrolled, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Tell how many learners are enrolled on a day, on funded and on unfunded seats: numbers, never names."""
    return await once(
        lambda tx: commands.report_enrolled(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/closing", response_model=CenterAnswer)
async def close_center(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Close a center for good, once no learner is enrolled any more."""
    return await once(
        lambda tx: commands.close_center(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )


@router.post("/centers/{id}/abandonment", response_model=CenterAnswer)
async def abandon_center(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give up a center that never opened."""
    return await once(
        lambda tx: commands.abandon_center(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: CenterAnswer.of(found, by),
    )
