"""How events fold into figures. Order between subjects changes nothing: every row belongs to one subject."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from services.reporting.tables import AgreementFigureRow, CenterFigureRow, SignatureEntryRow
from shared.database import Transaction
from shared.events.agreements import (
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementDrafted,
    AgreementExpired,
    AgreementNegotiationOpened,
    AgreementPartySigned,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementSuspended,
    AgreementTerminated,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import (
    CenterAbandoned,
    CenterClosed,
    CenterFittingOutStarted,
    CenterHandoverStarted,
    CenterOpened,
    CenterPlanned,
    CenterResumed,
    CenterSuspended,
    CenterVisaGranted,
)
from shared.messaging.reactions import Reactions
from shared.territory import ACADEMY_CODES, directorates_of

AGREEMENT_STATES: Mapping[type[DomainEvent], str] = {
    AgreementNegotiationOpened: "negotiation",
    AgreementSubmittedForReview: "legal_review",
    AgreementApproved: "ready_to_sign",
    AgreementPartySigned: "partially_signed",
    AgreementSigned: "signed",
    AgreementCameIntoForce: "in_force",
    AgreementSuspended: "suspended",
    AgreementResumed: "in_force",
    AgreementTerminated: "terminated",
    AgreementExpired: "expired",
    AgreementCancelled: "cancelled",
}
"""The state an agreement is in after each event."""
CENTER_STATES: Mapping[type[DomainEvent], str] = {
    CenterFittingOutStarted: "fitting_out",
    CenterVisaGranted: "ready",
    CenterOpened: "opened",
    CenterSuspended: "suspended",
    CenterResumed: "opened",
    CenterHandoverStarted: "handing_over",
    CenterAbandoned: "abandoned",
    CenterClosed: "closed",
}
"""The state a center is in after each event."""

reactions = Reactions("reporting")
agreements = reactions.projection(
    "agreements", tables=(AgreementFigureRow,), events=(AgreementDrafted, *AGREEMENT_STATES)
)
centers = reactions.projection("centers", tables=(CenterFigureRow,), events=(CenterPlanned, *CENTER_STATES))
signatures = reactions.projection("signatures", tables=(SignatureEntryRow,))


@agreements.batch
async def count_agreements(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
    """A row per agreement, in the state its last event left it in."""
    drafted, states = [], {}
    for occurrence in occurrences:
        if isinstance(event := occurrence.event, AgreementDrafted):
            parties = (f"org:{party.organisation_id}" for party in event.parties)
            drafted.append(
                {
                    "id": event.agreement_id,
                    "visible_to": [*((event.academy,) if event.academy else ACADEMY_CODES), *parties],
                    "academy": event.academy,
                    "agreement_type": event.agreement_type,
                    "school_year": event.school_year,
                    "state": "draft",
                }
            )
        else:
            states[occurrence.subject] = AGREEMENT_STATES[type(event)]
    await _write(tx, AgreementFigureRow, drafted, states)


@centers.batch
async def count_centers(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
    """A row per center with its seats, in the state its last event left it in."""
    planned, states = [], {}
    for occurrence in occurrences:
        if isinstance(event := occurrence.event, CenterPlanned):
            directorates = (directorate.code for directorate in directorates_of(event.province))
            planned.append(
                {
                    "id": event.center_id,
                    "visible_to": [event.academy, *directorates, f"org:{event.operator_id}"],
                    "academy": event.academy,
                    "province": event.province,
                    "state": "planned",
                    "funded_seats": event.funded_seats,
                    "unfunded_seats": event.unfunded_seats,
                }
            )
        else:
            states[occurrence.subject] = CENTER_STATES[type(event)]
    await _write(tx, CenterFigureRow, planned, states)


@signatures.on(AgreementPartySigned)
async def note_signature(tx: Transaction, occurrence: Occurrence[AgreementPartySigned]) -> None:
    """The signature enters the timeline."""
    event = occurrence.event
    await tx.execute(
        insert(SignatureEntryRow).values(
            event_id=occurrence.id,
            visible_to=[*occurrence.audience, f"org:{event.organisation_id}"],
            agreement_id=event.agreement_id,
            organisation_id=event.organisation_id,
            level=event.level,
            signed_at=occurrence.time,
        )
    )


@signatures.on(AgreementNegotiationOpened)
async def void_signatures(tx: Transaction, occurrence: Occurrence[AgreementNegotiationOpened]) -> None:
    """A text that is negotiated again has no valid signature."""
    given = update(SignatureEntryRow).where(
        col(SignatureEntryRow.agreement_id) == occurrence.subject, col(SignatureEntryRow.voided_at).is_(None)
    )
    await tx.execute(given.values(voided_at=occurrence.time))


async def _write(
    tx: Transaction, table: type[SQLModel], begun: list[dict[str, Any]], states: Mapping[UUID, str]
) -> None:
    connection = await tx.connection()
    if begun:
        await connection.execute(insert(table), begun)
    if states:
        row = table.__table__.c  # type: ignore[attr-defined]
        change = update(table).where(row.id == bindparam("subject")).values(state=bindparam("reached"))
        await connection.execute(
            change, [{"subject": subject, "reached": state} for subject, state in sorted(states.items())]
        )
