"""Editions over HTTP: the years of an agreement, and how one follows the other."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from services.agreements import commands, queries
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.editions import EditionsAnswer, EvaluateRenewal, RenewAgreement
from services.agreements.schemas.words import Because
from shared.events.agreements import CenterSeats
from shared.web import CurrentActor, Db, FullPage, IfMatch, Once, page

router = APIRouter(prefix="/api/v1/agreements", tags=["agreements"])


@router.get("/{id}/editions", response_model=EditionsAnswer)
async def read_editions(id: UUID, wanted: FullPage, by: CurrentActor, db: Db) -> Response:
    """The agreement's editions, the first year first; on every page the last renewal there was."""
    found = await queries.agreement(db, id, action="read_editions", by=by)
    items, next = wanted.within(found.editions, lambda each: (each.number,))
    return page(wanted, items, next, version=found.version, renewal=found.renewal)


@router.post("/{id}/editions/{number}/closing", response_model=AgreementAnswer)
async def close_edition(
    id: UUID,
    number: Annotated[int, Path(ge=1, le=100)],
    expected: IfMatch,
    by: CurrentActor,
    once: Once,
) -> Response:
    """End the review of an edition: what was due in it and is not met has failed."""
    return await once(
        lambda tx: commands.close_edition(tx, id, number, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/renewal/evaluation", response_model=AgreementAnswer)
async def evaluate_renewal(
    id: UUID, body: EvaluateRenewal, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Say what the edition was worth."""
    return await once(
        lambda tx: commands.evaluate_renewal(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/renewal/return", response_model=AgreementAnswer)
async def return_renewal(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Have the edition evaluated again."""
    return await once(
        lambda tx: commands.return_renewal(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/renewal", response_model=AgreementAnswer)
async def renew_agreement(id: UUID, body: RenewAgreement, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Plan the next edition, with what it takes over."""
    named = {name: getattr(body, name) for name in RenewAgreement.model_fields}
    named["seats"] = [CenterSeats(**each.model_dump()) for each in body.seats]
    return await once(
        lambda tx: commands.renew_agreement(tx, id, **named, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/renewal/refusal", response_model=AgreementAnswer)
async def decline_renewal(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Let the agreement end with its running edition."""
    return await once(
        lambda tx: commands.decline_renewal(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
