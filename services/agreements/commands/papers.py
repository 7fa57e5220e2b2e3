"""Giving out papers: each is drawn up from one version, printed in the worker process, and remembered by its hash."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from services.agreements.errors.sealing import SealedFileDamaged
from services.agreements.papers import (
    Language,
    Paper,
    render_agreement,
    render_certificate,
    render_minutes,
    require_printable,
)
from services.agreements.papers.drawing import draw_agreement, draw_amendment, draw_certificate, draw_minutes
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries import agreement as read_agreement
from services.agreements.queries import amendment as read_amendment
from services.agreements.queries.ceremonies import told_to
from services.agreements.tables import AGREEMENTS, CEREMONIES, PaperRow
from shared import files
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Database
from shared.lately import Lately
from shared.refusals import NotFound
from shared.store import digest
from shared.worker import in_worker

P = TypeVar("P", bound=Paper)
_printed: Lately[tuple[str, Language, str], bytes] = Lately(32 * 1024**2, weigh=len)
"""What was printed last, up to so many bytes: the same data is the same paper, and the worker prints one at a time."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A paper as it was given out."""

    pdf: bytes
    hash: str
    """SHA-256 of the file, in hex."""
    name: str
    """A file name for it, without its ending."""


async def issue_agreement(
    db: Database, id: UUID, *, language: Language, as_of: datetime | None = None, by: Actor
) -> Issued:
    """The agreement on paper, as it is or as it was. Refuses CharactersNotPrintable."""
    async with db.transaction(by.scope) as tx:
        found = await read_agreement(tx, id, as_of=as_of, action="read_agreement_paper", by=by)
        paper = await draw_agreement(tx, found)
    return await _issue(db, "agreement", found, paper, render_agreement, language, paper.content_hash, by)


async def issue_amendment(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """The amendment on paper, with what it changes. Refuses CharactersNotPrintable."""
    async with db.transaction(by.scope) as tx:
        found = await read_amendment(tx, id, action="read_amendment_paper", by=by)
        # Whom it brings in reads it before they see the agreement.
        async with tx.widened(NATIONAL):
            agreement = await AGREEMENTS.read(tx, found.agreement_id)
        paper = await draw_amendment(tx, agreement, found)
    return await _issue(db, "amendment", found, paper, render_agreement, language, paper.content_hash, by)


async def issue_certificate(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """The completion certificate. NotAllowedNow before all have signed; refuses CharactersNotPrintable."""
    async with db.transaction(by.scope) as tx:
        found = await read_agreement(tx, id, action="read_certificate", by=by)
        paper = await draw_certificate(tx, found)
    return await _issue(db, "certificate", found, paper, render_certificate, language, paper.content_hash, by)


async def issue_minutes(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """A ceremony's minutes on paper, or the extract that the actor may read. As `told_to`, and CharactersNotPrintable.

    An extract is known again under the code of the minutes, as the extract that it is.
    """
    async with db.transaction(by.scope) as tx:
        found = await CEREMONIES.read(tx, id)
        PERMISSIONS.allow(by, "read_minutes_paper", found)
        whole, said = await told_to(tx, found, action="read_minutes_paper", by=by)
        paper = await draw_minutes(tx, found, said, whole=whole)
    document = "minutes" if whole else "minutes_extract"
    return await _issue(db, document, found, paper, render_minutes, language, paper.minutes_hash, by)


async def read_sealed(db: Database, id: UUID, *, by: Actor) -> Issued:
    """The file that carries the seals. Refuses NotFound without one, SealedFileDamaged."""
    return await _sealed(await read_agreement(db, id, action="read_sealed_paper", by=by))


async def read_sealed_amendment(db: Database, id: UUID, *, by: Actor) -> Issued:
    """The amendment's file that carries the seals. Refuses NotFound without one, SealedFileDamaged."""
    return await _sealed(await read_amendment(db, id, action="read_sealed_amendment", by=by))


async def _sealed(found: Agreement | Amendment) -> Issued:
    if found.sealed_file is None:
        raise NotFound()
    try:
        pdf = await files.get(found.sealed_file)
    except (FileNotFoundError, files.FileDamaged):
        raise SealedFileDamaged(hash=found.sealed_file) from None
    return Issued(pdf, found.sealed_file, f"{_number(found.reference, found.id)}-sealed-v{found.version}")


async def _issue(
    db: Database,
    document: str,
    subject: Agreement | Amendment | Ceremony,
    paper: P,
    render: Callable[[P, Language], bytes],
    language: Language,
    content_hash: str | None,
    by: Actor,
) -> Issued:
    told = paper.model_dump_json()
    require_printable(told)
    key = (render.__name__, language, digest(told))
    pdf = await _printed.get(key, lambda: in_worker(render, paper, language))
    hash = hashlib.sha256(pdf).hexdigest()
    row = PaperRow(
        hash=hash,
        visible_to=list(subject.visible_to()),
        subject_id=subject.id,
        document=document,
        version=subject.version,
        language=language,
        content_hash=content_hash,
        issued_at=now(),
    )
    async with db.transaction(by.scope) as tx:
        await tx.execute(insert(PaperRow).values(row.model_dump()).on_conflict_do_nothing())
    return Issued(pdf, hash, f"{_number(paper.reference, subject.id)}-{document}-v{subject.version}-{language}")


def _number(reference: str | None, id: UUID) -> str:
    return (reference or str(id)).replace("/", "-")
