"""Approval over HTTP: the review, step by step, until the text is frozen."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands
from services.agreements.schemas.agreements import AgreementAnswer, ReturnWithRemarks
from services.agreements.schemas.negotiation import ApproveAsSubstitute
from shared.web import CurrentActor, IfMatch, Once

router = APIRouter(prefix="/api/v1/agreements/{id}", tags=["agreements"])


@router.post("/review", response_model=AgreementAnswer)
async def submit_for_review(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Hand the negotiated text to legal review."""
    return await once(
        lambda tx: commands.submit_for_review(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/approval", response_model=AgreementAnswer)
async def approve_agreement(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Freeze the text for signature; the agreement gets its reference."""
    return await once(
        lambda tx: commands.approve_agreement(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/remarks", response_model=AgreementAnswer)
async def return_with_remarks(
    id: UUID, body: ReturnWithRemarks, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Send the text back to the parties."""
    return await once(
        lambda tx: commands.return_with_remarks(tx, id, remarks=body.remarks, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/substituted-approval", response_model=AgreementAnswer)
async def approve_as_substitute(
    id: UUID, body: ApproveAsSubstitute, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Approve the current step in the place of somebody who named the sender their substitute."""
    return await once(
        lambda tx: commands.approve_as_substitute(tx, id, person=body.person, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
