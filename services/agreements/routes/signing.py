"""Signing over HTTP: by one who is mandated or their delegate, on paper; the offer."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import commands, queries
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.signing import (
    AcceptScan,
    ConfirmSignature,
    DeclineAgreement,
    DelegateSigning,
    PartyAnswer,
    RecordScan,
    ReturnScan,
    SignAgreement,
    WithdrawDelegation,
)
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, page

router = APIRouter(prefix="/api/v1/agreements/{id}", tags=["agreements"])


@router.post("/signatures", status_code=201, response_model=AgreementAnswer)
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


@router.get("/signatures", response_model=Listing[PartyAnswer])
async def read_signatures(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """The parties, with the signatures given so far."""
    found = await queries.agreement(db, id, action="read_signatures", by=by)
    items, next = wanted.within(PartyAnswer.all_of(found), lambda each: (each.party_id,))
    return page(wanted, items, next, version=found.version)


@router.post("/refusals", status_code=201, response_model=AgreementAnswer)
async def decline_agreement(id: UUID, body: DeclineAgreement, by: CurrentActor, once: Once) -> Response:
    """Refuse to sign for a party; signatures are void and the text is negotiated again."""
    return await once(
        lambda tx: commands.decline_agreement(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}",
    )


@router.post("/delegations", status_code=201, response_model=AgreementAnswer)
async def delegate_signing(id: UUID, body: DelegateSigning, by: CurrentActor, once: Once) -> Response:
    """Let another person sign for a party under one's own mandate."""
    return await once(
        lambda tx: commands.delegate_signing(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}/signatures",
    )


@router.post("/delegations/withdrawal", response_model=AgreementAnswer)
async def withdraw_delegation(
    id: UUID, body: WithdrawDelegation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take back that another signs for a party."""
    return await once(
        lambda tx: commands.withdraw_delegation(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/confirmations", status_code=201, response_model=AgreementAnswer)
async def confirm_signature(id: UUID, body: ConfirmSignature, by: CurrentActor, once: Once) -> Response:
    """Stand by a party's signature whose mandate turned out to have ended, under a mandate valid today."""
    return await once(
        lambda tx: commands.confirm_signature(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}/signatures",
    )


@router.post("/scans", status_code=201, response_model=AgreementAnswer)
async def record_scan(id: UUID, body: RecordScan, by: CurrentActor, once: Once) -> Response:
    """Attest a signature on paper with its scan; it counts once another person has checked it."""
    return await once(
        lambda tx: commands.record_scan(tx, id, **body.model_dump(), by=by),
        answer=lambda found: AgreementAnswer.of(found, by),
        location=lambda found: f"/api/v1/agreements/{found.id}/signatures",
    )


@router.post("/scans/acceptance", response_model=AgreementAnswer)
async def accept_scan(id: UUID, body: AcceptScan, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Let a signature on paper count, having checked its scan."""
    return await once(
        lambda tx: commands.accept_scan(tx, id, party_id=body.party_id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/scans/return", response_model=AgreementAnswer)
async def return_scan(id: UUID, body: ReturnScan, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Ask the party to sign again, as the scan does not show its signature."""
    return await once(
        lambda tx: commands.return_scan(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/offer", response_model=AgreementAnswer)
async def renew_offer(id: UUID, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Offer the same text for signature again once the time to sign is over."""
    return await once(
        lambda tx: commands.renew_offer(tx, id, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
