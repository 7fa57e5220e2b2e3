"""Agreements over HTTP: the draft, the text, the signatures, the end."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from services.agreements import commands, queries
from services.agreements.agreement import Agreement
from services.agreements.changes import Change
from services.agreements.schemas import (
    AgreementAnswer,
    Because,
    DeclineAgreement,
    DraftAgreement,
    PartyAnswer,
    ReturnWithRemarks,
    ReviseTerms,
    ReviseText,
    SignAgreement,
    TextAnswer,
)
from shared.database import Transaction
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, Page, answer, page
from shared.web.history import HistoryEntry

router = APIRouter(prefix="/api/v1/agreements", tags=["agreements"])

AsOf = Annotated[
    AwareDatetime | None, Query(description="as it was at this instant, by the days on which things took effect")
]
KnownAt = Annotated[AwareDatetime | None, Query(description="by what had been recorded at this instant")]


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
    since: Annotated[AwareDatetime, Query(alias="from", description="the agreement as it was at this instant,")],
    until: Annotated[AwareDatetime | None, Query(alias="to", description="beside how it was at this one; now")] = None,
    since_known_at: Annotated[
        AwareDatetime | None, Query(alias="from_known_at", description="the former by what had been recorded then")
    ] = None,
    until_known_at: Annotated[
        AwareDatetime | None, Query(alias="to_known_at", description="the latter by what had been recorded then")
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
    """Put other terms: parties, centers, dates, obligations, budget. Parties and centers that stay keep their ids."""

    async def revise(tx: Transaction) -> Agreement:
        known = await queries.agreement(tx, id, action="revise_terms", by=by)
        return await commands.revise_terms(tx, id, body.terms(known), by=by, expected=expected)

    return await once(revise, answer=lambda found: AgreementAnswer.of(found, by))


@router.post("/{id}/negotiation", response_model=AgreementAnswer)
async def open_negotiation(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Hand the draft to the parties."""
    return await once(
        lambda tx: commands.open_negotiation(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/review", response_model=AgreementAnswer)
async def submit_for_review(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Hand the negotiated text to legal review."""
    return await once(
        lambda tx: commands.submit_for_review(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/remarks", response_model=AgreementAnswer)
async def return_with_remarks(
    id: UUID, body: ReturnWithRemarks, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Send the text back to the parties."""
    return await once(
        lambda tx: commands.return_with_remarks(tx, id, remarks=body.remarks, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/approval", response_model=AgreementAnswer)
async def approve_agreement(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Freeze the text for signature; the agreement gets its reference."""
    return await once(
        lambda tx: commands.approve_agreement(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/reopening", response_model=AgreementAnswer)
async def reopen_text(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Negotiate the frozen text again; signatures given so far are void."""
    return await once(
        lambda tx: commands.reopen_text(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/signatures", status_code=201, response_model=AgreementAnswer)
async def sign_agreement(id: UUID, body: SignAgreement, by: CurrentActor, db: Db, once: Once) -> Response:
    """Sign for a party, under a mandate valid today. The text's hash stands in for If-Match.

    An advanced or qualified signature is a seal (PAdES) on the agreement's file, made before it is recorded.
    """
    return await commands.sealed(
        db,
        id,
        lambda seal: once(
            lambda tx: commands.sign_agreement(tx, id, **body.model_dump(), by=by, seal=seal),
            answer=lambda found: AgreementAnswer.of(found, by),
            location=lambda found: f"/api/v1/agreements/{found.id}/signatures",
        ),
        **body.model_dump(),
        by=by,
    )


@router.get("/{id}/signatures", response_model=Listing[PartyAnswer])
async def read_signatures(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """The parties, with the signatures given so far."""
    found = await queries.agreement(db, id, action="read_signatures", by=by)
    items, next = wanted.within(PartyAnswer.all_of(found), lambda each: (each.party_id,))
    return page(wanted, items, next, version=found.version)


@router.post("/{id}/refusals", status_code=201, response_model=AgreementAnswer)
async def decline_agreement(id: UUID, body: DeclineAgreement, by: CurrentActor, once: Once) -> Response:
    """Refuse to sign for a party; signatures are void and the text is negotiated again."""
    return await once(
        lambda tx: commands.decline_agreement(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}",
    )


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
