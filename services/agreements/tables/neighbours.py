"""What we know of our neighbours, from their events."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.agreements.tables.base import Base
from services.agreements.terms import Fulfilling


class CenterFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What we know of an agreement's center, from the centers' events: numbers, never people."""

    __tablename__ = "center_fact"
    __table_args__ = (Index("center_fact_agreement", "agreement_id"),)

    id: UUID = Field(primary_key=True)
    agreement_id: UUID
    academy: str = Field(sa_type=Text)
    province: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    visa_granted_on: date | None = None
    opened_on: date | None = None
    filled_on: date | None = None
    """When all its seats were taken, if they were at the last count."""
    funded_seats: int
    unfunded_seats: int
    learners: int | None = None
    """As they were last counted; none as long as the center has told no number."""
    funded_learners: int | None = None
    """Of these, how many on funded seats."""
    counted_on: date | None = None


CENTER_DAYS: Mapping[Fulfilling, str] = {
    "center_opened": "opened_on",
    "center_visa_granted": "visa_granted_on",
    "center_filled": "filled_on",
}
"""What a center does that may fulfil an obligation -> the column with its day."""


class EndpointFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """Where an academy is told, from the notifications' events: that there is an address, never which."""

    __tablename__ = "endpoint_fact"
    __table_args__ = (Index("endpoint_fact_academy", "academy"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    academy: str = Field(sa_type=Text)
    enabled: bool


class ReaderFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """How many people of a jurisdiction are known to the notifications, from their events: never who they are."""

    __tablename__ = "reader_fact"
    __table_args__ = (Index("reader_fact_jurisdiction", "jurisdiction"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    jurisdiction: str = Field(sa_type=Text)
    people: int


class SubscriberFactRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """How many people of a jurisdiction subscribe to the same, from the notifications' events: never who they are."""

    __tablename__ = "subscriber_fact"
    __table_args__ = (Index("subscriber_fact_jurisdiction", "jurisdiction"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    jurisdiction: str = Field(sa_type=Text)
    wanted: list[dict[str, Any]] = Field(sa_type=JSONB)
    """What fits one of these is told them."""
    people: int


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
    """A person may sign for an organisation between two days, both included, what lies in its scope.

    Agreements of these types, of these academies, these agreements; all where none is named.
    """

    __tablename__ = "mandate"
    __table_args__ = (Index("mandate_holder", "organisation_id", "person"),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    organisation_id: UUID
    person: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date
    agreement_types: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    academies: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    agreements: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
