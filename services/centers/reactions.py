"""What centers do about agreements: they are planned, rest, resume and end with them."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.centers.center import Center
from services.centers.tables import CENTERS, RestingCenterRow
from shared.actor import SYSTEM
from shared.database import Transaction
from shared.events.agreements import (
    AgreementAmended,
    AgreementEditionOpened,
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


@follow.on(AgreementSigned, AgreementAmended, AgreementEditionOpened)
async def plan_centers(tx: Transaction, occurrence: Occurrence[Any]) -> None:
    """Every center the agreement provides for is planned, under the id the agreement gave it.

    Those that are there already follow an amendment in their seats, their operator and their names, and each edition in
    the seats that it grants. Those that come while the others rest will not open before the agreement resumes.
    """
    agreed = occurrence.event
    known = {center.id: center for center in await _centers_of(tx, occurrence.subject)}
    for provided in getattr(agreed, "granted", None) or agreed.centers:
        if (center := known.get(provided.center_id)) is None:
            center = Center(id=provided.center_id)
            events = Center.plan(provided, agreement_id=agreed.agreement_id, academy=agreed.academy)
        else:
            events = center.follow_agreement(provided)
        await CENTERS.record(tx, center, events, by=SYSTEM)
    if isinstance(agreed, AgreementAmended):
        for id in agreed.resting:
            await _let_rest(tx, id)


@follow.on(AgreementSuspended)
async def suspend_centers(tx: Transaction, occurrence: Occurrence[AgreementSuspended]) -> None:
    """The centers that the suspension names rest, or will not open; a suspension of money names none."""
    suspended = occurrence.event
    if suspended.scope == "centers":
        for center in await _centers_of(tx, occurrence.subject):
            if center.id in suspended.centers:
                await _let_rest(tx, center.id)
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
    """Running centers are handed over, those that never opened are abandoned; no suspension is left."""
    for center in await _centers_of(tx, occurrence.subject):
        await tx.execute(delete(RestingCenterRow).where(col(RestingCenterRow.id) == center.id))
        await CENTERS.record(tx, center, center.end_with_agreement(), by=SYSTEM)


async def _let_rest(tx: Transaction, id: UUID) -> None:
    await tx.execute(insert(RestingCenterRow).values(id=id).on_conflict_do_nothing())


async def _centers_of(tx: Transaction, agreement_id: UUID) -> list[Center]:
    row = CENTERS.table.c
    ids = (await tx.execute(select(row.id).where(row.agreement_id == agreement_id))).scalars().all()
    return await CENTERS.load_many(tx, ids)
