"""What centers do about agreements: they are planned, rest, resume and end with them."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.centers.center import Center
from services.centers.tables import CENTERS, RestingCenterRow
from shared.actor import SYSTEM
from shared.database import Transaction
from shared.events.agreements import (
    AgreementExpired,
    AgreementResumed,
    AgreementSigned,
    AgreementSuspended,
    AgreementTerminated,
)
from shared.events.base import DomainEvent, Occurrence
from shared.messaging.reactions import Reactions

reactions = Reactions("centers")
follow = reactions.reaction("follow-agreements")


@follow.on(AgreementSigned)
async def plan_centers(tx: Transaction, occurrence: Occurrence[AgreementSigned]) -> None:
    """Every center the agreement provides for is planned, under the id the agreement gave it."""
    signed = occurrence.event
    known = {center.id for center in await _centers_of(tx, occurrence.subject)}
    for provided in signed.centers:
        if provided.center_id not in known:
            events = Center.plan(provided, agreement_id=signed.agreement_id, academy=signed.academy)
            await CENTERS.record(tx, Center(id=provided.center_id), events, by=SYSTEM)


@follow.on(AgreementSuspended)
async def suspend_centers(tx: Transaction, occurrence: Occurrence[AgreementSuspended]) -> None:
    """The centers that the suspension names rest, or will not open; a suspension of money names none."""
    suspended = occurrence.event
    if suspended.scope == "centers":
        for center in await _centers_of(tx, occurrence.subject):
            if center.id in suspended.centers:
                await tx.execute(insert(RestingCenterRow).values(id=center.id).on_conflict_do_nothing())
                await CENTERS.record(tx, center, center.rest_with_agreement(), by=SYSTEM)


@follow.on(AgreementResumed)
async def resume_centers(tx: Transaction, occurrence: Occurrence[AgreementResumed]) -> None:
    """The centers that the suspension had stopped open again."""
    for center in await _centers_of(tx, occurrence.subject):
        if center.id in occurrence.event.centers:
            await tx.execute(delete(RestingCenterRow).where(col(RestingCenterRow.id) == center.id))
            await CENTERS.record(tx, center, center.resume_with_agreement(), by=SYSTEM)


@follow.on(AgreementTerminated, AgreementExpired)
async def end_centers(tx: Transaction, occurrence: Occurrence[DomainEvent]) -> None:
    """Running centers are handed over; those that never opened are abandoned."""
    for center in await _centers_of(tx, occurrence.subject):
        await CENTERS.record(tx, center, center.end_with_agreement(), by=SYSTEM)


async def _centers_of(tx: Transaction, agreement_id: UUID) -> list[Center]:
    row = CENTERS.table.c
    ids = (await tx.execute(select(row.id).where(row.agreement_id == agreement_id))).scalars().all()
    return await CENTERS.load_many(tx, ids)
