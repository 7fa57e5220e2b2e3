"""Signing amendments over HTTP: by one who is mandated or their delegate, on paper; the offer."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands
from services.agreements.schemas.amendments import (
    AmendmentAnswer,
    ConfirmAmendmentSignature,
    DeclineAmendment,
    RecordAmendmentScan,
    SignAmendment,
)
from services.agreements.schemas.signing import AcceptScan, DelegateSigning, ReturnScan, WithdrawDelegation
from shared.web import CurrentActor, Db, IfMatch, Once

router = APIRouter(prefix="/api/v1/amendments/{id}", tags=["amendments"])


@router.post("/signatures", status_code=201, response_model=AmendmentAnswer)
async def sign_amendment(id: UUID, body: SignAmendment, by: CurrentActor, db: Db, once: Once) -> Response:
    """Sign for a party, under a mandate valid today; once all have, the agreement is amended.

    The content's hash stands in for If-Match. An advanced or qualified signature is a seal (PAdES) on the amendment's
    file, made before it is recorded.
    """
    return await commands.sealed_amendment(
        db,
        id,
        lambda seal: once(
            lambda tx: commands.sign_amendment(tx, id, **body.model_dump(), by=by, seal=seal),
            answer=lambda found: AmendmentAnswer.of(found, by),
            location=lambda found: f"/api/v1/amendments/{found.id}",
        ),
        **body.model_dump(),
        by=by,
    )


@router.post("/refusals", status_code=201, response_model=AmendmentAnswer)
async def decline_amendment(id: UUID, body: DeclineAmendment, by: CurrentActor, once: Once) -> Response:
    """Refuse to sign for a party: the amendment will not be."""
    return await once(
        lambda tx: commands.decline_amendment(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AmendmentAnswer.of(found, by),
        location=lambda found: f"/api/v1/amendments/{found.id}",
    )


@router.post("/delegations", status_code=201, response_model=AmendmentAnswer)
async def delegate_amendment(id: UUID, body: DelegateSigning, by: CurrentActor, once: Once) -> Response:
    """Let another person sign the amendment for a party under one's own mandate."""
    return await once(
        lambda tx: commands.delegate_amendment(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AmendmentAnswer.of(found, by),
        location=lambda found: f"/api/v1/amendments/{found.id}",
    )


@router.post("/delegations/withdrawal", response_model=AmendmentAnswer)
async def withdraw_amendment_delegation(
    id: UUID, body: WithdrawDelegation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take back that another signs the amendment for a party."""
    return await once(
        lambda tx: commands.withdraw_amendment_delegation(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/confirmations", status_code=201, response_model=AmendmentAnswer)
async def confirm_amendment_signature(
    id: UUID, body: ConfirmAmendmentSignature, by: CurrentActor, once: Once
) -> Response:
    """Stand by a party's signature whose mandate turned out to have ended, under a mandate valid today."""
    return await once(
        lambda tx: commands.confirm_amendment_signature(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AmendmentAnswer.of(found, by),
        location=lambda found: f"/api/v1/amendments/{found.id}",
    )


@router.post("/scans", status_code=201, response_model=AmendmentAnswer)
async def record_amendment_scan(id: UUID, body: RecordAmendmentScan, by: CurrentActor, once: Once) -> Response:
    """Attest a signature on paper with its scan; it counts once another person has checked it."""
    return await once(
        lambda tx: commands.record_amendment_scan(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AmendmentAnswer.of(found, by),
        location=lambda found: f"/api/v1/amendments/{found.id}",
    )


@router.post("/scans/acceptance", response_model=AmendmentAnswer)
async def accept_amendment_scan(
    id: UUID, body: AcceptScan, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Let a signature on paper count, having checked its scan; once all have signed, the agreement is amended."""
    return await once(
        lambda tx: commands.accept_amendment_scan(tx, id, party_id=body.party_id, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/scans/return", response_model=AmendmentAnswer)
async def return_amendment_scan(
    id: UUID, body: ReturnScan, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Ask the party to sign again, as the scan does not show its signature."""
    return await once(
        lambda tx: commands.return_amendment_scan(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )


@router.post("/offer", response_model=AmendmentAnswer)
async def renew_amendment_offer(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Offer the same branch for signature again once the time to sign is over."""
    return await once(
        lambda tx: commands.renew_amendment_offer(tx, id, by=by, expected=expected),
        answer=lambda found: AmendmentAnswer.of(found, by),
    )
