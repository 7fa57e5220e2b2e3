"""Negotiation over HTTP: turns and acceptances, until the parties agree and again once they do not."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.negotiation import AcceptText, PassTurn, WithdrawAcceptance
from services.agreements.schemas.words import Because
from shared.web import CurrentActor, IfMatch, Once

router = APIRouter(prefix="/api/v1/agreements/{id}", tags=["agreements"])


@router.post("/negotiation", response_model=AgreementAnswer)
async def open_negotiation(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Hand the draft to the parties."""
    return await once(
        lambda tx: commands.open_negotiation(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/turn", response_model=AgreementAnswer)
async def pass_turn(id: UUID, body: PassTurn, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Put the text into another party's hands."""
    return await once(
        lambda tx: commands.pass_turn(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/acceptances", status_code=201, response_model=AgreementAnswer)
async def accept_text(id: UUID, body: AcceptText, by: CurrentActor, once: Once) -> Response:
    """Accept the text for one's party. The text's hash stands in for If-Match: parties do not wait for one another."""
    return await once(
        lambda tx: commands.accept_text(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}",
    )


@router.post("/acceptances/withdrawal", response_model=AgreementAnswer)
async def withdraw_acceptance(
    id: UUID, body: WithdrawAcceptance, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take back one's party's acceptance, while another's is still awaited."""
    return await once(
        lambda tx: commands.withdraw_acceptance(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/redrawing", response_model=AgreementAnswer)
async def redraw_clauses(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Draw the clauses that nobody has edited from the terms as they are now; the others stay as they are."""
    return await once(
        lambda tx: commands.redraw_clauses(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/unlocking", response_model=AgreementAnswer)
async def unlock_text(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Give a text that all have accepted free for revision; they are asked to accept again."""
    return await once(
        lambda tx: commands.unlock_text(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/reopening", response_model=AgreementAnswer)
async def reopen_text(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Negotiate the frozen text again; signatures given so far are void."""
    return await once(
        lambda tx: commands.reopen_text(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
