"""Papers over HTTP: agreements, amendments, certificates and minutes as PDF."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.agreements.commands import papers
from services.agreements.papers import Language
from services.agreements.routes.agreements import AsOf
from shared.web import CurrentActor, Db, IfNoneMatch, is_known

router = APIRouter(prefix="/api/v1")

PDF = "application/pdf"
Wanted = Annotated[Language, Query(description="`both` sets the two beside one another")]
AS_PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "the paper", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the paper one has"},
}


class Pdf(Response):
    """A PDF."""

    media_type = PDF


@router.get("/agreements/{id}/document", response_class=Pdf, responses=AS_PDF, tags=["agreements"])
async def read_agreement_paper(
    id: UUID, by: CurrentActor, db: Db, language: Wanted = "both", as_of: AsOf = None, known: IfNoneMatch = None
) -> Response:
    """The agreement as PDF, as it is or as it was; a draft is marked as one."""
    return _file(await papers.issue_agreement(db, id, language=language, as_of=as_of, by=by), known)


@router.get("/agreements/{id}/certificate", response_class=Pdf, responses=AS_PDF, tags=["agreements"])
async def read_certificate(
    id: UUID, by: CurrentActor, db: Db, language: Wanted = "both", known: IfNoneMatch = None
) -> Response:
    """Who signed which text, and where the journal says so, as PDF; once all have signed."""
    return _file(await papers.issue_certificate(db, id, language=language, by=by), known)


@router.get("/agreements/{id}/sealed", response_class=Pdf, responses=AS_PDF, tags=["agreements"])
async def read_sealed_paper(id: UUID, by: CurrentActor, db: Db, known: IfNoneMatch = None) -> Response:
    """The agreement's file with the electronic seals given so far; 404 while there is none."""
    return _file(await papers.read_sealed(db, id, by=by), known)


@router.get("/amendments/{id}/document", response_class=Pdf, responses=AS_PDF, tags=["amendments"])
async def read_amendment_paper(
    id: UUID, by: CurrentActor, db: Db, language: Wanted = "both", known: IfNoneMatch = None
) -> Response:
    """The amendment as PDF, with what it changes, before and after; until it is approved it is marked as a draft."""
    return _file(await papers.issue_amendment(db, id, language=language, by=by), known)


@router.get("/amendments/{id}/sealed", response_class=Pdf, responses=AS_PDF, tags=["amendments"])
async def read_sealed_amendment(id: UUID, by: CurrentActor, db: Db, known: IfNoneMatch = None) -> Response:
    """The amendment's file with the electronic seals given so far; 404 while there is none."""
    return _file(await papers.read_sealed_amendment(db, id, by=by), known)


@router.get("/ceremonies/{id}/minutes.pdf", response_class=Pdf, responses=AS_PDF, tags=["ceremonies"])
async def read_minutes_paper(
    id: UUID, by: CurrentActor, db: Db, language: Wanted = "both", known: IfNoneMatch = None
) -> Response:
    """The minutes as PDF, from the closing on; for who may not see every agreement, an extract of them."""
    return _file(await papers.issue_minutes(db, id, language=language, by=by), known)


def _file(issued: papers.Issued, known: str | None) -> Response:
    headers = {"ETag": f'"{issued.hash}"', "Content-Disposition": f'attachment; filename="{issued.name}.pdf"'}
    if is_known(headers["ETag"], known):
        return Response(status_code=304, headers=headers)
    return Pdf(issued.pdf, headers=headers)
