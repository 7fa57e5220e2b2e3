"""Obligations over HTTP: the ledger of an agreement, and what is owed across agreements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.agreements import commands, queries
from services.agreements.agreement import ObligationState
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.obligations import (
    ClaimObligation,
    ConfirmObligation,
    DecideObligation,
    ObligationAnswer,
    OwedAnswer,
)
from shared.clock import today
from shared.web import CurrentActor, Db, FullPage, IfMatch, Listing, Once, Page, page

router = APIRouter(prefix="/api/v1", tags=["agreements"])


@router.get("/obligations", response_model=Listing[OwedAnswer])
async def read_obligations(
    by: CurrentActor,
    db: Db,
    wanted: Page,
    late: bool | None = None,
    state: ObligationState | None = None,
    party: Annotated[UUID | None, Query(description="the organisation that owes")] = None,
) -> Response:
    """What is owed under the agreements within one's jurisdiction, what is due first at the top."""
    day = today()
    found, next = await queries.obligations(db, late=late, state=state, party=party, today=day, page=wanted, by=by)
    return page(wanted, [OwedAnswer.of(each, today=day) for each in found], next)


@router.get("/agreements/{id}/obligations", response_model=Listing[ObligationAnswer])
async def read_agreement_obligations(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """Who owes what under the agreement, and where it stands, what is due first at the top; to every party alike."""
    found = await queries.agreement(db, id, action="read_agreement_obligations", by=by)
    ledger = ObligationAnswer.all_of(found, by, today=today())
    items, next = wanted.within(ledger, lambda each: (each.obligation_id, each.occurrence))
    return page(wanted, items, next, version=found.version)


@router.post("/agreements/{id}/obligations/{obligation_id}/claim", response_model=AgreementAnswer)
async def claim_obligation(
    id: UUID, obligation_id: UUID, body: ClaimObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Say for the debtor that the obligation is met, with the evidence."""
    return await once(
        lambda tx: commands.claim_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/return", response_model=AgreementAnswer)
async def return_obligation(
    id: UUID, obligation_id: UUID, body: DecideObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Send the evidence back for a creditor."""
    return await once(
        lambda tx: commands.return_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/confirmation", response_model=AgreementAnswer)
async def confirm_obligation(
    id: UUID, obligation_id: UUID, body: ConfirmObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Take the evidence, for a creditor or as keeper of the agreement."""
    return await once(
        lambda tx: commands.confirm_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/agreements/{id}/obligations/{obligation_id}/waiver", response_model=AgreementAnswer)
async def waive_obligation(
    id: UUID, obligation_id: UUID, body: DecideObligation, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Give the obligation up for its creditor."""
    return await once(
        lambda tx: commands.waive_obligation(tx, id, obligation_id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
