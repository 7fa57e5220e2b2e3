"""Agreements over HTTP: the draft, its terms and text, what was and what became of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.changes import Change
from services.agreements.schemas import (
    AgreementAnswer,
    Because,
    DraftAgreement,
    ReviseTerms,
    ReviseText,
    TextAnswer,
)
from shared.database import Transaction
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, Page, PointInTime, answer, page
from shared.web.history import HistoryEntry

router = APIRouter(prefix="/api/v1/agreements", tags=["agreements"])

AsOf = Annotated[
    PointInTime | None,
    Query(description="as it was at this instant or the end of this day, by the days on which things took effect"),
]
KnownAt = Annotated[
    PointInTime | None, Query(description="by what had been recorded at this instant or by the end of this day")
]


@router.post("", status_code=201, response_model=AgreementAnswer)
async def draft_agreement(body: DraftAgreement, by: CurrentActor, once: Once) -> Response:
    """Draft an agreement between its parties."""
    return await once(
        lambda tx: commands.draft_agreement(tx, body.terms(), clauses=body.clauses, by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}",
    )


@router.get("/{id}", response_model=AgreementAnswer)
async def read_agreement(id: UUID, by: CurrentActor, db: Db, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    """One agreement, as it is, as it was, or as it was known to be."""
    found = await queries.agreement(db, id, as_of=as_of, known_at=known_at, action="read_agreement", by=by)
    if as_of or known_at:
        return answer(AgreementAnswer.of(found, None))
    return answer(AgreementAnswer.of(found, by, reasons=True), version=found.version)


@router.get("/{id}/text", response_model=TextAnswer)
async def read_text(id: UUID, by: CurrentActor, db: Db, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    """The text in both languages, as it is, as it was, or as it was known to be."""
    found, clauses = await queries.text(db, id, as_of=as_of, known_at=known_at, by=by)
    told = TextAnswer(text_hash=found.text_hash, clauses=clauses, annexes=list(found.annexes))
    return answer(told, version=None if as_of or known_at else found.version)


@router.get("/{id}/changes", response_model=Listing[Change])
async def read_changes(
    id: UUID,
    wanted: FullPage,
    by: CurrentActor,
    db: Db,
    since: Annotated[
        PointInTime, Query(alias="from", description="the agreement as it was at this instant or the end of this day,")
    ],
    until: Annotated[PointInTime | None, Query(alias="to", description="beside how it was at this one; now")] = None,
    since_known_at: Annotated[
        PointInTime | None, Query(alias="from_known_at", description="the former by what had been recorded then")
    ] = None,
    until_known_at: Annotated[
        PointInTime | None, Query(alias="to_known_at", description="the latter by what had been recorded then")
    ] = None,
) -> Response:
    """What differs between the agreement at two points of its life, field by field and clause by clause."""
    before, after = queries.Instants(since, since_known_at), queries.Instants(until, until_known_at)
    found = await queries.agreement_changes(db, id, before=before, after=after, by=by)
    return page(wanted, *wanted.within(found, lambda each: (each.path,)))


@router.put("/{id}/text", response_model=AgreementAnswer)
async def revise_text(id: UUID, body: ReviseText, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put another text, both languages at once."""
    return await once(
        lambda tx: commands.revise_text(tx, id, body.clauses, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.put("/{id}/terms", response_model=AgreementAnswer)
async def revise_terms(id: UUID, body: ReviseTerms, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put other terms: parties, centers, dates, obligations, budget.

    Parties, centers and obligations that stay keep their ids; an obligation that is changed does if it is named by it.
    """

    async def revise(tx: Transaction) -> Agreement:
        known = await queries.agreement(tx, id, action="revise_terms", by=by)
        return await commands.revise_terms(tx, id, body.terms(known), by=by, expected=expected)

    return await once(revise, answer=lambda found: AgreementAnswer.of(found, by))


@router.post("/{id}/cancellation", response_model=AgreementAnswer)
async def cancel_agreement(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give the agreement up before all have signed."""
    return await once(
        lambda tx: commands.cancel_agreement(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.get("/{id}/history", response_model=Listing[HistoryEntry])
async def read_agreement_history(id: UUID, wanted: Page, by: CurrentActor, db: Db) -> Response:
    """Everything that happened to the agreement, oldest first."""
    return page(wanted, *await queries.agreement_history(db, id, page=wanted, by=by))
