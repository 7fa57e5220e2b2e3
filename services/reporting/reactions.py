"""How events fold into figures. Order between subjects changes nothing: every row belongs to one subject."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from services.reporting.tables import AgreementFigureRow, CenterFigureRow, SignatureEntryRow
from shared.database import Transaction
from shared.events.agreements import (
    AgreementAmended,
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementClosed,
    AgreementDrafted,
    AgreementExpired,
    AgreementNegotiationOpened,
    AgreementPartySigned,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementSuspended,
    AgreementTerminated,
    AgreementTermsRevised,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import (
    CenterAbandoned,
    CenterClosed,
    CenterFittingOutStarted,
    CenterHandoverStarted,
    CenterOpened,
    CenterOperatorChanged,
    CenterPlanned,
    CenterResumed,
    CenterSeatsChanged,
    CenterSuspended,
    CenterVisaGranted,
)
from shared.messaging.reactions import Reactions
from shared.territory import ACADEMY_CODES, codes_of, directorates_of

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
    AgreementClosed: "closed",
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

Changes = defaultdict[UUID, dict[str, Any]]
"""Subject -> the columns that change."""

reactions = Reactions("reporting")
agreements = reactions.projection(
    "agreements",
    tables=(AgreementFigureRow,),
    events=(AgreementDrafted, AgreementTermsRevised, AgreementAmended, *AGREEMENT_STATES),
)
centers = reactions.projection(
    "centers",
    tables=(CenterFigureRow,),
    events=(CenterPlanned, CenterSeatsChanged, CenterOperatorChanged, *CENTER_STATES),
)
signatures = reactions.projection("signatures", tables=(SignatureEntryRow,))


@agreements.batch
async def count_agreements(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
    """A row per agreement, in the state its last event left it in, as it was last agreed."""
    drafted, changed = [], Changes(dict)
    for occurrence in occurrences:
        match event := occurrence.event:
            case AgreementDrafted():
                told = event.model_dump(include={"academy", "agreement_type", "school_year"})
                drafted.append({"id": event.agreement_id, "state": "draft", "visible_to": _parties_to(event), **told})
            case AgreementTermsRevised() | AgreementAmended():
                changed[occurrence.subject] |= {"school_year": event.school_year, "visible_to": _parties_to(event)}
            case _:
                changed[occurrence.subject] |= {"state": AGREEMENT_STATES[type(event)]}
    await _write(tx, AgreementFigureRow, drafted, changed)


@centers.batch
async def count_centers(tx: Transaction, occurrences: Sequence[Occurrence[DomainEvent]]) -> None:
    """A row per center with its seats, in the state its last event left it in, as its agreement was last amended."""
    planned, changed = [], Changes(dict)
    for occurrence in occurrences:
        match event := occurrence.event:
            case CenterPlanned():
                told = event.model_dump(include={"academy", "province", "funded_seats", "unfunded_seats"})
                planned.append({"id": event.center_id, "state": "planned", "visible_to": _offices_to(event), **told})
            case CenterSeatsChanged():
                changed[occurrence.subject] |= event.model_dump(include={"funded_seats", "unfunded_seats"})
            case CenterOperatorChanged():
                changed[occurrence.subject] |= {"visible_to": _offices_to(event)}
            case _:
                changed[occurrence.subject] |= {"state": CENTER_STATES[type(event)]}
    await _write(tx, CenterFigureRow, planned, changed)


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


def _parties_to(event: AgreementDrafted | AgreementTermsRevised | AgreementAmended) -> list[str]:
    parties = (code for party in event.parties for code in codes_of(party.organisation_id))
    return [*((event.academy,) if event.academy else ACADEMY_CODES), *parties]


def _offices_to(event: CenterPlanned | CenterOperatorChanged) -> list[str]:
    directorates = (directorate.code for directorate in directorates_of(event.province))
    return [event.academy, *directorates, f"org:{event.operator_id}"]


async def _write(tx: Transaction, table: type[SQLModel], begun: list[dict[str, Any]], changed: Changes) -> None:
    connection = await tx.connection()
    if begun:
        await connection.execute(insert(table), begun)
    row = table.__table__.c  # type: ignore[attr-defined]
    # One statement for all that change in the same columns, in id order.
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for subject, values in sorted(changed.items()):
        bound = {"subject": subject, **{f"new_{name}": value for name, value in values.items()}}
        alike.setdefault(tuple(sorted(values)), []).append(bound)
    for names, rows in alike.items():
        change = update(table).where(row.id == bindparam("subject"))
        await connection.execute(change.values({name: bindparam(f"new_{name}") for name in names}), rows)
