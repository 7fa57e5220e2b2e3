"""The rest and the end of agreements over HTTP: looked at first, announced, in effect, settled."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.agreements import commands, queries
from services.agreements.agreement import Scope
from services.agreements.schemas.agreements import AgreementAnswer
from services.agreements.schemas.force import (
    CloseAgreement,
    ImpactAnswer,
    RecordVisa,
    ResumeAgreement,
    SuspendAgreement,
    TerminateAgreement,
)
from services.agreements.schemas.words import Because
from services.agreements.touched import Action
from shared.web import BusinessDate, CurrentActor, Db, IfMatch, Once, answer

router = APIRouter(prefix="/api/v1/agreements", tags=["agreements"])


@router.get("/{id}/impact", response_model=ImpactAnswer)
async def read_impact(
    id: UUID,
    by: CurrentActor,
    db: Db,
    action: Annotated[Action, Query(description="what would be decided")],
    scope: Annotated[Scope, Query(description="of a suspension")] = "centers",
    centers: Annotated[list[UUID], Query(max_length=100, description="of a suspension; all when none is named")] = [],  # noqa: B006 - never changed
    notified_on: Annotated[BusinessDate | None, Query(description="as in the decision")] = None,
    effective_on: Annotated[BusinessDate | None, Query(description="as in the decision")] = None,
) -> Response:
    """What a suspension or termination would touch; nothing is changed. The decision acknowledges what is read here."""
    found = await queries.impact(
        db,
        id,
        action=action,
        scope=scope,
        centers=centers,
        notified_on=notified_on,
        effective_on=effective_on,
        by=by,
    )
    return answer(ImpactAnswer.told(found))


@router.post("/{id}/visa", response_model=AgreementAnswer)
async def record_visa(id: UUID, body: RecordVisa, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Record the visa without which the signed agreement does not come into force."""
    return await once(
        lambda tx: commands.record_visa(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/visa/withdrawal", response_model=AgreementAnswer)
async def withdraw_visa(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take back a visa that was recorded by mistake, before the agreement is in force by it."""
    return await once(
        lambda tx: commands.withdraw_visa(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/suspension", response_model=AgreementAnswer)
async def suspend_agreement(
    id: UUID, body: SuspendAgreement, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Let the agreement rest, from its day on."""
    return await once(
        lambda tx: commands.suspend_agreement(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/resumption", response_model=AgreementAnswer)
async def resume_agreement(
    id: UUID, body: ResumeAgreement, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """Lift the suspension."""
    return await once(
        lambda tx: commands.resume_agreement(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/termination", response_model=AgreementAnswer)
async def terminate_agreement(
    id: UUID, body: TerminateAgreement, expected: IfMatch, by: CurrentActor, once: Once
) -> Response:
    """End the agreement before its time, on its day."""
    return await once(
        lambda tx: commands.terminate_agreement(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/announcement/withdrawal", response_model=AgreementAnswer)
async def withdraw_announcement(id: UUID, body: Because, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Take an announced suspension or termination back before its day."""
    return await once(
        lambda tx: commands.withdraw_announcement(tx, id, reason=body.reason, by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )


@router.post("/{id}/closing", response_model=AgreementAnswer)
async def close_agreement(id: UUID, body: CloseAgreement, expected: IfMatch, by: CurrentActor, once: Once) -> Response:
    """Close the file of an agreement that has ended, once all is settled."""
    return await once(
        lambda tx: commands.close_agreement(tx, id, **body.model_dump(), by=by, expected=expected),
        answer=lambda found: AgreementAnswer.of(found, by),
    )
