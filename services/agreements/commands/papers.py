"""Giving out papers: each is drawn up from one version, printed in the worker process, and remembered by its hash."""

import hashlib
from collections.abc import Callable, Sequence, Set
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import NoResultFound

from services.agreements.agreement import Agreement
from services.agreements.amendment import Amendment
from services.agreements.ceremony import Ceremony
from services.agreements.commands.integrity import require_as_told
from services.agreements.errors.sealing import SealedFileDamaged
from services.agreements.papers import (
    Language,
    Paper,
    render_agreement,
    render_certificate,
    render_minutes,
    require_printable,
)
from services.agreements.papers.drawing import (
    draw_agreement,
    draw_amendment,
    draw_certificate,
    draw_former_certificate,
    draw_minutes,
)
from services.agreements.permissions import PERMISSIONS
from services.agreements.queries import agreement as read_agreement
from services.agreements.queries import amendment as read_amendment
from services.agreements.queries.ceremonies import said_about, told_about
from services.agreements.tables import AGREEMENTS, CEREMONIES, PaperRow
from shared import files
from shared.actor import NATIONAL, Actor
from shared.clock import now
from shared.database import Database, Transaction
from shared.events.base import DomainEvent
from shared.lately import Lately
from shared.messaging import journal
from shared.refusals import NotFound, Refusal
from shared.store import digest
from shared.worker import in_worker

P = TypeVar("P", bound=Paper)
SUBJECTS = {
    "agreement": Agreement.kind,
    "certificate": Agreement.kind,
    "amendment": Amendment.kind,
    "minutes": Ceremony.kind,
    "minutes_extract": Ceremony.kind,
}
"""What each paper is about."""
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
    """The agreement on paper, as it is or as it was. Refuses CharactersNotPrintable, and as `require_as_told`."""
    async with db.transaction(by.scope, still=True) as tx:
        found = await read_agreement(tx, id, as_of=as_of, action="read_agreement_paper", by=by)
        await require_as_told(tx, found)
        paper = await draw_agreement(tx, found)
    return await _issue(db, "agreement", found, paper, render_agreement, language, paper.content_hash, by)


async def issue_amendment(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """The amendment on paper, with what it changes. Refuses CharactersNotPrintable, and as `require_as_told`."""
    async with db.transaction(by.scope, still=True) as tx:
        found = await read_amendment(tx, id, action="read_amendment_paper", by=by)
        await require_as_told(tx, found)
        # Whom it brings in reads it before they see the agreement.
        async with tx.widened(NATIONAL):
            agreement = await AGREEMENTS.read(tx, found.agreement_id)
        paper = await draw_amendment(tx, agreement, found)
    return await _issue(db, "amendment", found, paper, render_agreement, language, paper.content_hash, by)


async def issue_certificate(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """The completion certificate: who signed which text. NotAllowedNow before all have signed; as `issue_agreement`."""
    async with db.transaction(by.scope, still=True) as tx:
        found = await read_agreement(tx, id, action="read_certificate", by=by)
        await require_as_told(tx, found)
        paper = await draw_certificate(tx, found)
    return await _issue(db, "certificate", found, paper, render_certificate, language, found.content_hash, by)


async def issue_minutes(db: Database, id: UUID, *, language: Language, by: Actor) -> Issued:
    """A ceremony's minutes on paper, or the extract that the actor may read. As `told_about` and `issue_agreement`.

    An extract is known again under the code of the minutes, as the extract that it is.
    """
    async with db.transaction(by.scope, still=True) as tx:
        found = await CEREMONIES.read(tx, id)
        PERMISSIONS.allow(by, "read_minutes_paper", found)
        await require_as_told(tx, found)
        about = await told_about(tx, found, action="read_minutes_paper", by=by)
        paper = await draw_minutes(tx, found, await said_about(tx, found, about), whole=about is None)
    document = "minutes" if about is None else "minutes_extract"
    return await _issue(db, document, found, paper, render_minutes, language, paper.minutes_hash, by, about=about)


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
    *,
    about: Set[UUID] | None = None,
) -> Issued:
    at = now()
    pdf = await _print(paper, render, language)
    hash = hashlib.sha256(pdf).hexdigest()
    row = PaperRow(
        hash=hash,
        visible_to=list(subject.visible_to()),
        subject_id=subject.id,
        document=document,
        version=subject.version,
        language=language,
        content_hash=content_hash,
        about=None if about is None else sorted(about),
        issued_at=at,
    )
    async with db.transaction(by.scope) as tx:
        await tx.execute(insert(PaperRow).values(row.model_dump()).on_conflict_do_nothing())
    return Issued(pdf, hash, f"{_number(paper.reference, subject.id)}-{document}-v{subject.version}-{language}")


async def _print(paper: P, render: Callable[[P, Language], bytes], language: Language) -> bytes:
    told = paper.model_dump_json()
    require_printable(told)
    key = (render.__name__, language, digest(told))
    return await _printed.get(key, lambda: in_worker(render, paper, language))


async def vouched_for(db: Database, row: PaperRow) -> Literal["today", "formerly"] | None:
    """Whether the journal vouches for a paper: it names the file, or what it tells of that version prints to it.

    `formerly`: as an earlier version of the program told of that version what was not so.

    The row alone would make any file ours, by whoever can write it. What was ours is not vouched for any more if an
    earlier version of the program set it otherwise, or the journal told of its past otherwise later.
    """
    try:
        async with db.transaction(NATIONAL, still=True) as tx:
            life = await journal.past(tx, row.subject_id)
            if any(each.event.detail.get("archived_file") == row.hash for each in life):
                return "today"
            then = [each.event for each in life if each.version <= row.version]
            paper, render = await _drawn_again(tx, row, then)
            former = await _drawn_before(tx, row, then)
        language = cast(Language, row.language)
        if hashlib.sha256(await _print(paper, render, language)).hexdigest() == row.hash:
            return "today"
        if former and hashlib.sha256(await _print(former, render, language)).hexdigest() == row.hash:
            return "formerly"
    except (Refusal, NoResultFound, TimeoutError, BrokenProcessPool, RuntimeError):
        return None
    return None


async def _drawn_before(tx: Transaction, row: PaperRow, life: Sequence[DomainEvent]) -> Paper | None:
    """What was given out for it by a version of the program that was mistaken about it; None if none was."""
    if row.document != "certificate":
        return None
    agreement = Agreement.fold(row.subject_id, life)
    return await draw_former_certificate(tx, agreement) if agreement.amendments else None


async def _drawn_again(
    tx: Transaction, row: PaperRow, life: Sequence[DomainEvent]
) -> tuple[Any, Callable[[Any, Language], bytes]]:
    if not all(each.topic.endswith(f".{SUBJECTS.get(row.document, '')}") for each in life):
        raise NotFound()
    match row.document:
        case "agreement":
            return await draw_agreement(tx, Agreement.fold(row.subject_id, life)), render_agreement
        case "certificate":
            agreement = Agreement.fold(row.subject_id, life)
            return await draw_certificate(tx, agreement, known_at=row.issued_at), render_certificate
        case "amendment":
            amendment = Amendment.fold(row.subject_id, life)
            known = await journal.past(tx, amendment.agreement_id, known_at=row.issued_at)
            agreement = Agreement.fold(amendment.agreement_id, (each.event for each in known))
            return await draw_amendment(tx, agreement, amendment), render_agreement
        case "minutes" | "minutes_extract":
            ceremony, whole = Ceremony.fold(row.subject_id, life), row.document == "minutes"
            said = await said_about(tx, ceremony, None if whole else frozenset(row.about or ()))
            return await draw_minutes(tx, ceremony, said, whole=whole), render_minutes
    raise NotFound()


def _number(reference: str | None, id: UUID) -> str:
    return (reference or str(id)).replace("/", "-")
