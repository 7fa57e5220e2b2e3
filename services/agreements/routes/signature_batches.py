"""Batches of signatures over HTTP."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.agreements import commands, queries
from services.agreements.schemas import BatchAnswer, SignBatch
from shared.web import CurrentActor, Db, FullPage, Once, answer, page

router = APIRouter(prefix="/api/v1/signature-batches", tags=["agreements"])


@router.post("", response_model=BatchAnswer, responses={202: {"description": "some are pending", "model": BatchAnswer}})
async def sign_batch(body: SignBatch, by: CurrentActor, db: Db, once: Once, request: Request) -> Response:
    """Sign many agreements; each stands for itself, and the answer tells what became of each.

    202 while some are pending: they are signed soon, also after a crash. Repeated with the same Idempotency-Key, the
    request goes on with what is pending.
    """
    taken = await once(
        lambda tx: commands.sign_batch(tx, body.requests(), ceremony_id=body.ceremony_id, level=body.level, by=by),
        answer=lambda batch: BatchAnswer.of(batch, request),
        location=lambda batch: f"/api/v1/signature-batches/{batch.id}",
    )
    place = taken.headers["Location"]
    batch = await queries.signature_batch(db, UUID(place.rsplit("/", 1)[1]), by=by)
    batch = await commands.resume_batch(db, batch)
    return answer(BatchAnswer.of(batch, request), status=200 if batch.finished_at else 202, Location=place)


@router.get("/{id}", response_model=BatchAnswer)
async def read_signature_batch(id: UUID, wanted: FullPage, by: CurrentActor, db: Db, request: Request) -> Response:
    """One's own batch: what became of each signature, in the order in which they were asked for."""
    told = BatchAnswer.of(await queries.signature_batch(db, id, by=by), request)
    found, next = wanted.within([*enumerate(told.items)], lambda each: each[:1])
    return page(wanted, [each for _, each in found], next, **told.model_dump(exclude={"items", "next"}))
