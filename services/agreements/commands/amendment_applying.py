"""Applying amendments: what all have signed changes the agreement."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from services.agreements.agreement import Agreement, Signature
from services.agreements.amendment import Amendment
from services.agreements.commands.families import require_family
from services.agreements.commands.integrity import require_untampered
from services.agreements.commands.loading import load_both
from services.agreements.commands.passing import move_bases
from services.agreements.tables import AGREEMENTS, AMENDMENTS
from services.agreements.text import get_content
from shared.actor import NATIONAL, SYSTEM, Actor
from shared.clock import business_date
from shared.database import Transaction, Work
from shared.events.base import DomainEvent
from shared.refusals import Refusal


async def apply_amendment(db: Work, id: UUID, *, at: datetime) -> Amendment:
    """Let a signed amendment change its agreement, which is in force meanwhile. The schedule asks for it.

    What the rules no longer allow, or is not what was signed any more, is not refused to anybody here: the amendment
    says so from now on.
    """
    async with db.transaction(SYSTEM.scope) as tx:
        agreement, amendment = await load_both(tx, id)
        amendment.require("apply_amendment")
        agreement.require("amend_agreement")
        try:
            await require_untampered(tx, amendment)
            amended = await _amended(tx, agreement, amendment, business_date(at))
        except Refusal as refusal:
            hindered = amendment.hinder(refusal, business_date(at))
            return await AMENDMENTS.record(tx, amendment, hindered, by=SYSTEM, at=at)
        return await _apply(tx, agreement, amendment, amended, SYSTEM, at)


async def record_signature(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    events: Sequence[DomainEvent],
    *,
    by: Actor,
    at: datetime,
) -> Amendment:
    """Record a signature; once all have signed, the agreement is amended. Refuses what applying it refuses.

    One that is not in force yet is amended when it is.
    """
    await AMENDMENTS.record(tx, amendment, events, by=by, at=at)
    amended = await amended_at_once(tx, agreement, amendment, business_date(at))
    return amendment if amended is None else await _apply(tx, agreement, amendment, amended, by, at)


async def amended_at_once(
    tx: Transaction, agreement: Agreement, amendment: Amendment, today: date
) -> list[DomainEvent] | None:
    """How an amendment that all have signed changes its agreement; None while one of them is not so far.

    Refuses what applying it refuses.
    """
    if amendment.refusal_of("apply_amendment") or agreement.refusal_of("amend_agreement"):
        return None
    return await _amended(tx, agreement, amendment, today)


async def _amended(tx: Transaction, agreement: Agreement, amendment: Amendment, today: date) -> list[DomainEvent]:
    content = await get_content(tx, amendment.content_hash)
    await require_family(tx, agreement, content)
    agreement.require_annexes(content)
    return agreement.amend(
        content,
        text_hash=amendment.content_hash,
        amendment_id=amendment.id,
        number=amendment.numbered,
        amendment_type=amendment.amendment_type,
        names=amendment.names,
        signatures=[
            Signature(**each.model_dump(), text_hash=amendment.content_hash, ceremony_id=None)
            for each in amendment.signatures
        ],
        today=today,
    )


async def _apply(
    tx: Transaction,
    agreement: Agreement,
    amendment: Amendment,
    amended: Sequence[DomainEvent],
    by: Actor,
    at: datetime,
) -> Amendment:
    async with tx.widened(NATIONAL):
        await AGREEMENTS.record(tx, agreement, amended, by=by, at=at)
    await AMENDMENTS.record(tx, amendment, amendment.applied(business_date(at)), by=by, at=at)
    await move_bases(tx, agreement, applied=amendment.id, by=by, at=at)
    return amendment
