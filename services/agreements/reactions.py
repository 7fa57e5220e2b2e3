"""What we keep of the network's and the centers' facts, and what a center's events fulfil."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import SQLModel, case, col, select, update

from services.agreements import commands
from services.agreements.commands.passing import moved_among
from services.agreements.tables import (
    AGREEMENTS,
    AMENDMENTS,
    OWED,
    AgreementTermRow,
    AssociationStandingRow,
    CenterFactRow,
    EndpointFactRow,
    MandateRow,
    ObligationRow,
    OrganisationRow,
    ReaderFactRow,
    SubscriberFactRow,
)
from shared import territory
from shared.clock import today
from shared.database import Transaction
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import (
    CenterAbandoned,
    CenterClosed,
    CenterEnrolmentCounted,
    CenterFittingOutStarted,
    CenterHandoverStarted,
    CenterOpened,
    CenterPlanned,
    CenterResumed,
    CenterSeatsChanged,
    CenterSuspended,
    CenterVisaGranted,
)
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
from shared.events.notifications import (
    EndpointDisabled,
    EndpointEnabled,
    EndpointRegistered,
    ReadershipCounted,
    SubscribershipCounted,
)
from shared.messaging.reactions import Reactions
from shared.territory import ACADEMIES

reactions = Reactions("agreements")
follow = reactions.reaction("follow-network")
follow_centers = reactions.reaction("follow-centers")
follow_endpoints = reactions.reaction("follow-endpoints")

STANDINGS: dict[type[DomainEvent], str] = {
    AssociationVerificationStarted: "under_verification",
    AssociationAccredited: "accredited",
    AssociationRefused: "refused",
    AssociationSuspended: "suspended",
    AssociationReinstated: "accredited",
}

CENTER_STATES: dict[type[DomainEvent], str] = {
    CenterFittingOutStarted: "fitting_out",
    CenterSuspended: "suspended",
    CenterResumed: "opened",
    CenterHandoverStarted: "handing_over",
    CenterAbandoned: "abandoned",
    CenterClosed: "closed",
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
    """Keep who may sign for an organisation, when and what."""
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
        agreement_types=[*event.agreement_types],
        academies=[*event.academies],
        agreements=[*event.agreements],
    )


@follow.on(MandateEnded)
async def end_mandate(tx: Transaction, occurrence: Occurrence[MandateEnded]) -> None:
    """From the day it ended on, the mandate holds no more.

    The mandate's row comes first: who signs under it right now is waited for, and the signature is seen below. Whoever
    comes later waits for us. Where both wait for one another PostgreSQL ends one, and either is tried again.
    """
    event = occurrence.event
    change = update(MandateRow).where(col(MandateRow.id) == event.mandate_id)
    await tx.execute(change.values(valid_until=event.ended_on - timedelta(days=1)))
    await commands.rest_calendars(tx, event.mandate_id, today=today())
    for id in await _signed_under(tx, event.mandate_id):
        await commands.contest_signatures(tx, id, event.mandate_id, ended_on=event.ended_on)
    for id in await _amended_under(tx, event.mandate_id):
        await commands.contest_amendment(tx, id, event.mandate_id, ended_on=event.ended_on)


async def _signed_under(tx: Transaction, mandate_id: UUID) -> Sequence[UUID]:
    """The agreements with a signature under this mandate, one on paper, or its confirmation.

    Only its organisation's are looked at.
    Children come before what they follow, as whoever changes a child locks its parent last.
    """
    mandate = await tx.get(MandateRow, mandate_id)
    if mandate is None:
        return []
    row, term = AGREEMENTS.table.c, col(AgreementTermRow.term)
    of_party = select(col(AgreementTermRow.agreement_id)).where(term == f"org:{mandate.organisation_id}")
    under = {"mandate_id": str(mandate_id)}
    given = row.state["signatures"]
    signed = given.contains([under]) | given.contains([{"confirmed": under}])
    signed |= row.state["requests"].contains([{"scan": under}])
    order = row.parent_id.is_(None), row.id
    return (await tx.execute(select(row.id).where(row.id.in_(of_party), signed).order_by(*order))).scalars().all()


async def _amended_under(tx: Transaction, mandate_id: UUID) -> Sequence[UUID]:
    """The amendments with a signature under this mandate, one on paper, or its confirmation, in id order."""
    row = AMENDMENTS.table.c
    scans = func.jsonb_path_query_array(row.state["scans"], text("'$.*.mandate_id'"), type_=JSONB)
    given, under = row.state["signatures"], {"mandate_id": str(mandate_id)}
    signed = given.contains([under]) | given.contains([{"confirmed": under}]) | scans.contains([str(mandate_id)])
    return (await tx.execute(select(row.id).where(signed).order_by(row.id))).scalars().all()


@follow_centers.on(CenterPlanned)
async def know_center(tx: Transaction, occurrence: Occurrence[CenterPlanned]) -> None:
    """Keep which agreement a center is of, and its seats."""
    event = occurrence.event
    kept = event.model_dump(include={"agreement_id", "academy", "province", "funded_seats", "unfunded_seats"})
    await _put(tx, CenterFactRow, id=event.center_id, state="planned", **kept)


@follow_centers.on(*CENTER_STATES)
async def follow_center(tx: Transaction, occurrence: Occurrence[Any]) -> None:
    """Keep where a center stands."""
    await _know_of(tx, occurrence.subject, state=CENTER_STATES[type(occurrence.event)])


@follow_centers.on(CenterSeatsChanged)
async def follow_seats(tx: Transaction, occurrence: Occurrence[CenterSeatsChanged]) -> None:
    """Keep the seats that an amendment granted; whether the learners last counted take them all is seen anew."""
    event = occurrence.event
    filled = case((event.funded_seats + event.unfunded_seats <= col(CenterFactRow.learners), CenterFactRow.counted_on))
    kept = event.model_dump(include={"funded_seats", "unfunded_seats"})
    await _note(tx, occurrence.subject, **kept, filled_on=filled)


@follow_centers.on(CenterVisaGranted)
async def follow_visa(tx: Transaction, occurrence: Occurrence[CenterVisaGranted]) -> None:
    """Keep that it is ready, and since when; what waited for that is fulfilled."""
    await _note(tx, occurrence.subject, state="ready", visa_granted_on=occurrence.event.granted_on)


@follow_centers.on(CenterEnrolmentCounted)
async def follow_enrolment(tx: Transaction, occurrence: Occurrence[CenterEnrolmentCounted]) -> None:
    """Keep how many learners were counted, and when; what waited for as many as there are seats is fulfilled."""
    event = occurrence.event
    learners, seats = (
        event.funded_enrolled + event.unfunded_enrolled,
        CenterFactRow.funded_seats + CenterFactRow.unfunded_seats,
    )
    counted = {"learners": learners, "funded_learners": event.funded_enrolled, "counted_on": event.counted_on}
    await _note(tx, occurrence.subject, **counted, filled_on=case((seats <= learners, event.counted_on)))


@follow_centers.on(CenterOpened)
async def note_center_opened(tx: Transaction, occurrence: Occurrence[CenterOpened]) -> None:
    """Keep that it is open, with its seats; what waited for that under its agreement is fulfilled."""
    event = occurrence.event
    kept = event.model_dump(include={"opened_on", "funded_seats", "unfunded_seats"})
    await _note(tx, event.center_id, state="opened", **kept)


@follow_endpoints.on(EndpointRegistered, EndpointEnabled, EndpointDisabled)
async def follow_endpoint(tx: Transaction, occurrence: Occurrence[Any]) -> None:
    """Keep how many addresses an academy is told at."""
    event = occurrence.event
    enabled = not isinstance(event, EndpointDisabled)
    await _put(
        tx, EndpointFactRow, id=event.endpoint_id, visible_to=[event.academy], academy=event.academy, enabled=enabled
    )


@follow_endpoints.on(ReadershipCounted)
async def follow_readership(tx: Transaction, occurrence: Occurrence[ReadershipCounted]) -> None:
    """Keep how many people of a jurisdiction are told."""
    event = occurrence.event
    facts = event.model_dump(include={"jurisdiction", "people"})
    await _put(tx, ReaderFactRow, id=event.readership_id, visible_to=[event.jurisdiction], **facts)


@follow_endpoints.on(SubscribershipCounted)
async def follow_subscribership(tx: Transaction, occurrence: Occurrence[SubscribershipCounted]) -> None:
    """Keep how many people of a jurisdiction subscribe to the same, as long as anybody does."""
    event = occurrence.event
    if not event.people:
        await tx.execute(delete(SubscriberFactRow).where(col(SubscriberFactRow.id) == event.subscribership_id))
        return
    facts = event.model_dump(mode="json", include={"jurisdiction", "wanted", "people"})
    await _put(tx, SubscriberFactRow, id=event.subscribership_id, visible_to=[event.jurisdiction], **facts)


async def _note(tx: Transaction, center_id: UUID, **facts: Any) -> None:
    """Keep facts of a center, and let them fulfil what waits for them; where nothing waits no agreement is locked.

    What time has made of the agreement, and nobody has recorded, may wait too.
    """
    agreement_id = await _know_of(tx, center_id, **facts)
    if agreement_id is None:
        return
    waiting = select(ObligationRow).where(col(ObligationRow.center_id) == center_id, OWED).limit(1)
    if (await tx.exec(waiting)).first() or await moved_among(tx, {agreement_id}, today()):
        await commands.follow_center(tx, agreement_id, center_id, on=today())


async def _know_of(tx: Transaction, center_id: UUID, **facts: Any) -> UUID | None:
    """Keep facts of a center; gives its agreement, none for a center that we were not told of."""
    change = update(CenterFactRow).where(col(CenterFactRow.id) == center_id).values(**facts)
    found: UUID | None = (await tx.execute(change.returning(col(CenterFactRow.agreement_id)))).scalar()
    return found


def codes_of(organisation: UUID) -> list[str]:
    """The jurisdiction codes of those who act for an organisation; the ministry is national."""
    academies = [each.code for each in ACADEMIES.values() if each.organisation_id == organisation]
    return [*territory.codes_of(organisation), *academies]


async def _put(tx: Transaction, table: type[SQLModel], **values: Any) -> None:
    kept = insert(table).values(**values)
    await tx.execute(kept.on_conflict_do_update(index_elements=["id"], set_=values))
