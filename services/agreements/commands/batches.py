"""Batches of signatures: many agreements, each in a transaction of its own, resumed after a crash."""

import logging
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from sqlmodel import col, select

from services.agreements.ceremony import CeremonyState
from services.agreements.commands.sealing import ReadySeal
from services.agreements.commands.signing import sealed, sign_agreement
from services.agreements.errors import CeremonyNotOpen
from services.agreements.permissions import PERMISSIONS
from services.agreements.tables import SignatureBatchRow
from shared.actor import Actor, Role
from shared.clock import now
from shared.database import Database, Transaction, Work
from shared.events.agreements import SignatureLevel
from shared.ids import new_id
from shared.messaging.crash import crash_point
from shared.refusals import NotFound, Refusal, Unavailable
from shared.web.problems import InternalError, refusal_of

logger = logging.getLogger(__name__)

AT_ONCE = 10.0
"""Seconds that a request gives its batch; the schedule signs what is left."""


class SignatureRequest(BaseModel):
    """One signature of a batch: the party, and the hash of the text it means to sign."""

    model_config = ConfigDict(frozen=True)

    agreement_id: UUID
    party_id: UUID
    text_hash: str


async def sign_batch(
    db: Work,
    requests: Sequence[SignatureRequest],
    *,
    ceremony_id: UUID | None = None,
    level: SignatureLevel = "simple",
    by: Actor,
) -> SignatureBatchRow:
    """Take down signatures to be given together; `resume_batch` then gives them."""
    PERMISSIONS.allow(by, "sign_batch")
    async with db.transaction(by.scope) as tx:
        batch = SignatureBatchRow(
            id=new_id(),
            visible_to=[by.jurisdiction],
            person=by.person,
            actor={
                "issuer": by.issuer,
                "subject": by.subject,
                "roles": sorted(by.roles),
                "jurisdiction": by.jurisdiction,
            },
            ceremony_id=ceremony_id,
            level=level,
            items=[{**request.model_dump(mode="json"), "outcome": "pending"} for request in requests],
            created_at=now(),
        )
        tx.add(batch)
        await tx.flush()
        return batch


async def resume_batch(db: Database, batch: SignatureBatchRow, *, within: float = AT_ONCE) -> SignatureBatchRow:
    """Give the signatures of a batch that are still pending, each agreement in a transaction of its own.

    They are given as the person who asked for them. Two at once take turns. Stops after `within` seconds, and while
    their ceremony is interrupted. One that fails by a fault of ours is told as such, and those behind it go on.
    """
    by = _signer(batch)
    until = time.monotonic() + within
    while batch.finished_at is None and time.monotonic() < until:
        try:
            batch = await _sign_next(db, batch, by)
        except Refusal as refusal:
            if not _passes(refusal):
                raise
            break
        crash_point("batch.signed-one")
    return batch


async def _sign_next(db: Database, batch: SignatureBatchRow, by: Actor) -> SignatureBatchRow:
    place = _next(batch)
    if place is None:
        return await _give(db, batch, None, None, by)
    item = SignatureRequest.model_validate(batch.items[place], extra="ignore")
    try:
        return await sealed(
            db,
            item.agreement_id,
            lambda seal: _give(db, batch, place, seal, by),
            party_id=item.party_id,
            text_hash=item.text_hash,
            ceremony_id=batch.ceremony_id,
            level=batch.level,
            by=by,
        )
    except Exception as error:
        if refusal_of(error):
            raise
        logger.exception("the signature under agreement %s failed", item.agreement_id)
        return await _give(db, batch, place, InternalError(), by)


async def _give(
    db: Database, known: SignatureBatchRow, place: int | None, seal: ReadySeal | Refusal | None, by: Actor
) -> SignatureBatchRow:
    """Give the next signature, unless somebody else has given it meanwhile."""
    async with db.transaction(by.scope) as tx:
        query = select(SignatureBatchRow).where(col(SignatureBatchRow.id) == known.id).with_for_update()
        if (batch := (await tx.exec(query)).first()) is None:
            raise NotFound()
        if place is not None and place == _next(batch):
            item = SignatureRequest.model_validate(batch.items[place], extra="ignore")
            if isinstance(seal, InternalError):
                outcome = _refused(seal)
            else:
                outcome = await _sign_item(tx, batch, item, seal, by)
            # A new list: a change inside the old one would not be seen.
            batch.items = [each | outcome if at == place else each for at, each in enumerate(batch.items)]
        if _next(batch) is None and batch.finished_at is None:
            batch.finished_at = now()
        return batch


async def _sign_item(
    tx: Transaction, batch: SignatureBatchRow, item: SignatureRequest, seal: ReadySeal | Refusal | None, by: Actor
) -> dict[str, Any]:
    try:
        signed = await sign_agreement(
            tx,
            item.agreement_id,
            party_id=item.party_id,
            text_hash=item.text_hash,
            ceremony_id=batch.ceremony_id,
            level=batch.level,
            by=by,
            seal=seal,
        )
    except Refusal as refusal:  # it changed nothing but what time had, so that the transaction can keep what it said
        if _passes(refusal):
            raise
        return _refused(refusal)
    return {"outcome": "signed", "state": signed.status, "version": signed.version}


def _passes(refusal: Refusal) -> bool:
    """Whether what stands in the way may be gone when the schedule comes: what is away, a ceremony that pauses."""
    paused = isinstance(refusal, CeremonyNotOpen) and refusal.values["state"] == CeremonyState.interrupted
    return paused or isinstance(refusal, Unavailable)


def _refused(refusal: Refusal) -> dict[str, Any]:
    values = to_jsonable_python(refusal.values)
    return {"outcome": "refused", "refusal": {"slug": refusal.slug, "status": refusal.status, "values": values}}


def _next(batch: SignatureBatchRow) -> int | None:
    """The place of the first signature that is pending."""
    return next((place for place, item in enumerate(batch.items) if item["outcome"] == "pending"), None)


def _signer(batch: SignatureBatchRow) -> Actor:
    roles = frozenset(Role(role) for role in batch.actor["roles"])
    return Actor(batch.actor["issuer"], batch.actor["subject"], roles, batch.actor["jurisdiction"])
