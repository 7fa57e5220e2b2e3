"""The network service's tables."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from services.network.association import Association
from services.network.mandate import Mandate
from services.network.organisation import Organisation
from shared.store import AggregateRow, Store, service_base

Base = service_base("network")


class OrganisationRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An institution."""

    __tablename__ = "organisation"

    category: str = Field(sa_type=Text)
    academy: str | None = Field(None, sa_type=Text, nullable=True)


class AssociationRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """An association; while one is not refused, no other has its ICE."""

    __tablename__ = "association"
    __table_args__ = (Index("association_ice", "ice", unique=True, postgresql_where=text("status <> 'refused'")),)

    status: str = Field(sa_type=Text)
    academy: str = Field(sa_type=Text)
    province: str = Field(sa_type=Text)
    ice: str = Field(sa_type=Text)


class MandateRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """A mandate."""

    __tablename__ = "mandate"
    __table_args__ = (Index("mandate_organisation", "organisation_id"),)

    organisation_id: UUID
    person: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date


ORGANISATIONS = Store(Organisation, OrganisationRow, lambda each: {"category": each.category, "academy": each.academy})
ASSOCIATIONS = Store(
    Association,
    AssociationRow,
    lambda each: {
        "status": each.status,
        "academy": each.legal.academy,
        "province": each.legal.province,
        "ice": each.legal.ice,
    },
)
MANDATES = Store(
    Mandate,
    MandateRow,
    lambda each: {
        "organisation_id": each.organisation_id,
        "person": each.person,
        "valid_from": each.valid_from,
        "valid_until": each.valid_until,
    },
)
