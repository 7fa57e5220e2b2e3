"""What people read of an agreement's papers: the files themselves."""

from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from services.agreements.agreement import Document
from services.agreements.errors.documents import FileLost
from services.agreements.queries.agreements import agreement
from shared import files
from shared.actor import Actor
from shared.database import Work

log = structlog.get_logger(__name__)


async def document(db: Work, id: UUID, document_id: UUID, *, by: Actor) -> Document:
    """One document of an agreement, whatever became of it. Raises NotFound."""
    return (await agreement(db, id, action="read_document_file", by=by)).document(document_id)


async def content_of(document: Document) -> AsyncIterator[bytes]:
    """A document's file piece by piece.

    Refuses FileLost before the first piece if the storage has it no more or it is damaged there; damage in a later
    piece ends the file early. Raises Unavailable if the storage does not answer.
    """
    try:
        pieces = await files.stream(document.hash)
        first = await anext(pieces, b"")
    except (FileNotFoundError, files.FileDamaged) as error:
        log.error("a document's file is lost", document=str(document.document_id), hash=document.hash)
        raise FileLost(hash=document.hash) from error
    return _from(first, pieces)


async def _from(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
