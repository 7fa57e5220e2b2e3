"""The agreements service's tables."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.agreements.agreement import Agreement
from services.agreements.ceremony import Ceremony
from shared.events.agreements import SignatureLevel
from shared.store import AggregateRow, Store, service_base

Base = service_base("agreements")


class AgreementRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An agreement."""

    __tablename__ = "agreement"
    __table_args__ = (
        Index("agreement_status", "status", "id"),
        Index("agreement_academy", "academy", "id"),
        Index("agreement_reference", "reference", unique=True),
    )

    status: str = Field(sa_type=Text)
    agreement_type: str = Field(sa_type=Text)
    academy: str | None = Field(None, sa_type=Text, nullable=True)
    reference: str | None = Field(None, sa_type=Text, nullable=True)
    effective_from: date
    effective_until: date


class CeremonyRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A ceremony; `agreements` is its order of business."""

    __tablename__ = "ceremony"
    __table_args__ = (
        Index("ceremony_status", "status", "id"),
        Index("ceremony_agreements", "agreements", postgresql_using="gin"),
    )

    status: str = Field(sa_type=Text)
    planned_for: datetime = Field(sa_type=DateTime(timezone=True))
    agreements: list[UUID] = Field(sa_type=ARRAY(Uuid))


class ReferenceCounterRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """The last number given to an agreement, per issuer and year; locked by the approval that draws the next."""

    __tablename__ = "reference_counter"

    issuer: str = Field(sa_type=Text, primary_key=True)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int


class SignatureBatchRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Signatures that a person gives together, and what became of each: resumed from here after a crash."""

    __tablename__ = "signature_batch"
    __table_args__ = (Index("signature_batch_unfinished", "id", postgresql_where=text("finished_at is null")),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    actor: dict[str, Any] = Field(sa_type=JSONB)
    ceremony_id: UUID | None = None
    level: SignatureLevel = Field(sa_type=Text)
    items: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(None, sa_type=DateTime(timezone=True), nullable=True)


class ScreenRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A public screen of a ceremony; its address carries a secret of which we keep the SHA-256 only."""

    __tablename__ = "screen"
    __table_args__ = (Index("screen_ceremony", "ceremony_id"),)

    digest: str = Field(sa_type=Text, primary_key=True)
    ceremony_id: UUID


class OrganisationRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What we know of an organisation or association, from the network's events."""

    __tablename__ = "organisation"

    id: UUID = Field(primary_key=True)
    name_ar: str = Field(sa_type=Text)
    name_fr: str = Field(sa_type=Text)


class AssociationStandingRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Where an association stands in the register: only an accredited one signs."""

    __tablename__ = "association_standing"

    id: UUID = Field(primary_key=True)
    standing: str = Field(sa_type=Text)


class MandateRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A person may sign for an organisation between two days, both included."""

    __tablename__ = "mandate"
    __table_args__ = (Index("mandate_holder", "organisation_id", "person"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    organisation_id: UUID
    person: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date


AGREEMENTS = Store(
    Agreement,
    AgreementRow,
    lambda each: {
        "status": each.status,
        "agreement_type": each.agreement_type,
        "academy": each.academy,
        "reference": each.reference,
        "effective_from": each.effective_from,
        "effective_until": each.effective_until,
    },
)
CEREMONIES = Store(
    Ceremony,
    CeremonyRow,
    lambda each: {"status": each.status, "planned_for": each.planned_for, "agreements": list(each.agreements)},
)
