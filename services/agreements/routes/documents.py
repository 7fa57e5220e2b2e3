"""Documents over HTTP: the papers of an agreement, as files that go in and come out."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.agreements import commands, queries
from services.agreements.agreement import Document
from services.agreements.commands.documents import About
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.documents import DocumentAnswer, DocumentsAnswer, FileName
from services.agreements.schemas.words import Because
from services.agreements.uploads import taken_in
from shared.clock import now
from shared.files import MOST_BYTES, SIGNATURES
from shared.web import BusinessDate, CurrentActor, Db, FullPage, IfMatch, IfNoneMatch, Once, is_known, page

router = APIRouter(prefix="/api/v1/agreements/{id}/documents", tags=["agreements"])

ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}
A_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
TAKES_A_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"the file itself, at most {MOST_BYTES} bytes",
        "content": dict.fromkeys(SIGNATURES.values(), A_FILE),
    }
}
REFUSES: dict[int | str, dict[str, Any]] = {
    413: {"description": "the file is too long"},
    415: {"description": "not a type that is taken, or not the one that is said"},
}
AS_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file", "content": dict.fromkeys(SIGNATURES.values(), A_FILE)},
    304: {"description": "the file one has"},
}
Said = Annotated[str, Header(alias="Content-Type", description="of the file; it must be what the file is")]


@router.post("", status_code=201, response_model=DocumentAnswer, responses=REFUSES, openapi_extra=TAKES_A_FILE)
async def attach_document(
    id: UUID,
    request: Request,
    by: CurrentActor,
    db: Db,
    once: Once,
    category: Annotated[str, Query(max_length=100, description="as the kind of agreement calls it")],
    name: Annotated[FileName, Query(description="what the file is called")],
    expires_on: Annotated[BusinessDate | None, Query(description="the last day on which it holds")] = None,
    replaces: Annotated[UUID | None, Query(description="the document that it takes the place of")] = None,
    said: Said = "",
) -> Response:
    """Attach a paper: the body is the file, a PDF, PNG or JPEG."""
    # Nobody fills the storage who may not attach anything.
    await queries.agreement(db, id, action="attach_document", by=by)
    about: About = {"category": category, "name": name, "expires_on": expires_on, "replaces": replaces}
    # A request that comes again is answered as the first one was, though its file is attached by now: refused in there.
    taken = taken_in(
        db,
        request.stream(),
        said=said,
        refusal_of=lambda file: commands.refusal_of_document(db, id, file, by=by, **about),
    )
    async with taken as (file, refused):
        return await once(
            lambda tx: commands.attach_document(tx, id, file, refused=refused, by=by, at=now(), **about),
            body_hash=file.hash,
            answer=lambda found: DocumentAnswer.last_of(found, by),
            location=lambda found: f"/api/v1/agreements/{id}/documents/{found.documents[-1].document_id}/file",
        )


@router.get("", response_model=DocumentsAnswer)
async def read_documents(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """The papers of the agreement, oldest first; on every page all that are missing for what."""
    found = await queries.agreement(db, id, action="read_documents", by=by)
    told = DocumentsAnswer.of(found, by)
    items, next = wanted.within(told.items, lambda each: (each.id,))
    return page(wanted, items, next, version=found.version, missing=told.missing, required=told.required)


@router.get("/{document_id}/file", response_class=StreamingResponse, responses=AS_FILE)
async def read_document_file(
    id: UUID, document_id: UUID, by: CurrentActor, db: Db, known: IfNoneMatch = None
) -> Response:
    """The file of a paper, whatever became of it; always to be saved, never shown in place."""
    found = await queries.document(db, id, document_id, by=by)
    headers = {"ETag": f'"{found.hash}"', "Content-Disposition": _attachment(found)}
    if is_known(headers["ETag"], known):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.size)
    return StreamingResponse(await queries.content_of(found), media_type=found.media_type, headers=headers)


@router.post("/{document_id}/withdrawal", response_model=AgreementAnswer)
async def withdraw_document(
    id: UUID, document_id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Let a paper count no more; it stays readable."""
    return await once(
        lambda tx: commands.withdraw_document(tx, id, document_id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


def _attachment(document: Document) -> str:
    """The file's name for whoever saves it (RFC 6266), ending as what the file is."""
    ending = ENDINGS[document.media_type]
    name = document.name if document.name.lower().endswith(ending) else document.name + ending
    return f"attachment; filename=\"{document.category}{ending}\"; filename*=UTF-8''{quote(name, safe='')}"
