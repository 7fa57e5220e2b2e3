"""What the tests of reporting are made of: whole lives of agreements and centers, as they are published."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.reporting.reactions import agreements, centers, signatures
from shared.actor import NATIONAL, Actor, Role
from shared.database import Database
from shared.events.agreements import (
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementDrafted,
    AgreementNegotiationOpened,
    AgreementPartyDeclined,
    AgreementPartySigned,
    AgreementSigned,
    AgreementSubmittedForReview,
)
from shared.events.agreements.parts import ACADEMY_PARTY, OPERATOR_PARTY
from shared.events.base import DomainEvent
from shared.events.centers import CenterOpened, CenterPlanned, CenterSuspended
from shared.ids import new_id
from shared.messaging.broker import Message
from shared.messaging.envelope import open_envelope, to_message
from shared.territory import ACADEMY_CODES

AT = datetime(2024, 8, 30, 10, 0, tzinfo=UTC)
OPERATOR = new_id()
TABLES = ("agreement_figure", "center_figure", "signature_entry")


def actor(*roles: Role, jurisdiction: str) -> Actor:
    """Somebody with these roles within this jurisdiction."""
    return Actor("https://identity.example", "somebody", frozenset(roles), jurisdiction)


NATION = actor(Role.auditor, jurisdiction="national")
OFFICER = actor(Role.academy_officer, jurisdiction="MA-06")
FOREIGNER = actor(Role.academy_officer, jurisdiction="MA-01")
ASSOCIATION = actor(Role.association_manager, jurisdiction=f"org:{OPERATOR}")


def event(kind: type[DomainEvent], **changes: Any) -> DomainEvent:
    """An event like its example, but for the changes."""
    return kind.model_validate(kind.example | changes)


def agreement(until: type[DomainEvent] | None = None, *, academy: str | None = "MA-06") -> list[Message]:
    """An agreement's life with both parties' signatures, up to and including an event of this type."""
    id = new_id()
    parties = [
        {"party_id": ACADEMY_PARTY, "organisation_id": new_id(), "roles": ["granting_authority"]},
        {"party_id": OPERATOR_PARTY, "organisation_id": OPERATOR, "roles": ["operator"]},
    ]
    life = [
        event(AgreementDrafted, agreement_id=id, academy=academy, parties=parties),
        event(AgreementNegotiationOpened, agreement_id=id),
        event(AgreementSubmittedForReview, agreement_id=id),
        event(AgreementApproved, agreement_id=id),
        event(AgreementPartySigned, agreement_id=id, organisation_id=parties[0]["organisation_id"]),
        event(AgreementPartySigned, agreement_id=id, organisation_id=OPERATOR),
        event(AgreementSigned, agreement_id=id, academy=academy),
        event(AgreementCameIntoForce, agreement_id=id, academy=academy),
    ]
    kinds = [type(each) for each in life]
    upto = len(life) if until is None else len(life) - kinds[::-1].index(until)
    return published(id, life[:upto], audience=(academy,) if academy else ACADEMY_CODES)


def declined() -> list[Message]:
    """An agreement that one party signed and the other refused: it is negotiated again."""
    id = new_id()
    life = [
        event(AgreementDrafted, agreement_id=id),
        event(AgreementPartySigned, agreement_id=id),
        event(AgreementPartyDeclined, agreement_id=id),
        event(AgreementNegotiationOpened, agreement_id=id, because="declined"),
    ]
    return published(id, life)


def center(until: type[DomainEvent] = CenterSuspended, *, province: str = "MA-CAS") -> list[Message]:
    """A center's life, up to and including an event of this type."""
    id = new_id()
    life = [
        event(CenterPlanned, center_id=id, operator_id=OPERATOR, province=province),
        event(CenterOpened, center_id=id, province=province),
        event(CenterSuspended, center_id=id),
    ]
    return published(id, life[: [type(each) for each in life].index(until) + 1])


def published(
    id: UUID, life: Sequence[DomainEvent], *, audience: Sequence[str] = ("MA-06",), after: int = 0
) -> list[Message]:
    """The events of one aggregate as its service publishes them; `after` is how many came before."""
    return [
        to_message(
            {
                "event_id": new_id(),
                "aggregate_id": id,
                "aggregate_version": version,
                "type": each.type,
                "audience": audience,
                "actor": "mithaq#system",
                "occurred_at": AT + timedelta(minutes=version),
                "data": each.model_dump(mode="json"),
                "correlation": new_id(),
                "causation": None,
                "traceparent": None,
            }
        )
        for version, each in enumerate(life, start=after + 1)
    ]


async def folded(database: Database, *lives: list[Message]) -> None:
    """Let every projection fold these lives, each as one batch."""
    for projection in (agreements, centers, signatures):
        for life in lives:
            envelopes = [open_envelope(message) for message in life if message.topic in projection.topics]
            async with database.transaction(NATIONAL) as tx:
                await projection.react(tx, envelopes)


async def dump(database: Database) -> bytes:
    """The projections, row by row in one order: equal dumps are equal projections."""
    lines: list[str] = []
    async with database.transaction(NATIONAL) as tx:
        for table in TABLES:
            query = text(f"select to_jsonb(each)::text as row from {table} each order by 1")
            lines += [table, *(await tx.execute(query)).scalars()]
    return "\n".join(lines).encode()
