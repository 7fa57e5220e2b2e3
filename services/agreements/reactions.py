"""What we keep of the network's facts: who the parties are, who is accredited, who may sign."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, update

from services.agreements.tables import AssociationStandingRow, MandateRow, OrganisationRow
from shared.database import Transaction
from shared.events.base import DomainEvent, Occurrence
from shared.events.network import (
    AssociationAccredited,
    AssociationRefused,
    AssociationRegistered,
    AssociationReinstated,
    AssociationSuspended,
    AssociationVerificationStarted,
    MandateEnded,
    MandateRecorded,
    OrganisationRegistered,
)
from shared.messaging.reactions import Reactions
from shared.territory import ACADEMIES

reactions = Reactions("agreements")
follow = reactions.reaction("follow-network")

STANDINGS: dict[type[DomainEvent], str] = {
    AssociationVerificationStarted: "under_verification",
    AssociationAccredited: "accredited",
    AssociationRefused: "refused",
    AssociationSuspended: "suspended",
    AssociationReinstated: "accredited",
}


@follow.on(OrganisationRegistered)
async def know_organisation(tx: Transaction, occurrence: Occurrence[OrganisationRegistered]) -> None:
    """Keep an institution's names."""
    event = occurrence.event
    await _put(tx, OrganisationRow, id=event.organisation_id, name_ar=event.name_ar, name_fr=event.name_fr)


@follow.on(AssociationRegistered)
async def know_association(tx: Transaction, occurrence: Occurrence[AssociationRegistered]) -> None:
    """Keep an association's names; it may sign nothing yet."""
    event = occurrence.event
    await _put(tx, OrganisationRow, id=event.association_id, name_ar=event.name_ar, name_fr=event.name_fr)
    await _put(tx, AssociationStandingRow, id=event.association_id, standing="registered")


@follow.on(*STANDINGS)
async def follow_standing(tx: Transaction, occurrence: Occurrence[Any]) -> None:
    """Keep where an association stands."""
    event = occurrence.event
    await _put(tx, AssociationStandingRow, id=event.association_id, standing=STANDINGS[type(event)])


@follow.on(MandateRecorded)
async def know_mandate(tx: Transaction, occurrence: Occurrence[MandateRecorded]) -> None:
    """Keep who may sign for an organisation, and when."""
    event = occurrence.event
    await _put(
        tx,
        MandateRow,
        id=event.mandate_id,
        visible_to=codes_of(event.organisation_id),
        organisation_id=event.organisation_id,
        person=event.person,
        valid_from=event.valid_from,
        valid_until=event.valid_until,
    )


@follow.on(MandateEnded)
async def end_mandate(tx: Transaction, occurrence: Occurrence[MandateEnded]) -> None:
    """From the day it ended on, the mandate holds no more."""
    event = occurrence.event
    change = update(MandateRow).where(col(MandateRow.id) == event.mandate_id)
    await tx.execute(change.values(valid_until=event.ended_on - timedelta(days=1)))


def codes_of(organisation: UUID) -> list[str]:
    """The jurisdiction codes of those who act for an organisation; the ministry is national."""
    academies = [each.code for each in ACADEMIES.values() if each.organisation_id == organisation]
    return [f"org:{organisation}", *academies]


async def _put(tx: Transaction, table: type[SQLModel], **values: Any) -> None:
    kept = insert(table).values(**values)
    await tx.execute(kept.on_conflict_do_update(index_elements=["id"], set_=values))
