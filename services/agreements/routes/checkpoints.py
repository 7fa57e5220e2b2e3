"""Checkpoints over HTTP: what was published of the journal, and the proof that an agreement is in it."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.agreements import queries
from services.agreements.schemas.checkpoints import CheckpointAnswer, ProofAnswer
from shared.web import CurrentActor, Db, Listing, Page, answer, page

router = APIRouter(prefix="/api/v1")


@router.get("/checkpoints", response_model=Listing[CheckpointAnswer], tags=["checkpoints"])
async def read_checkpoints(wanted: Page, by: CurrentActor, db: Db) -> Response:
    """What was published of the journal, the last first; every academy received the same."""
    found, next = await queries.checkpoints(db, page=wanted, by=by)
    return page(wanted, [CheckpointAnswer.of(each) for each in found], next)


@router.get("/agreements/{id}/proof", response_model=ProofAnswer, tags=["agreements"])
async def read_proof(id: UUID, by: CurrentActor, db: Db) -> Response:
    """What proves that the agreement's history is in the last checkpoint."""
    return answer(await queries.proof(db, id, by=by))
