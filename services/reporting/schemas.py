"""What figures look like: always with their definition, their scope and their time."""

from datetime import datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from shared.territory import AcademyCode, ProvinceCode
from shared.web import Listing

Figure = TypeVar("Figure")


class Indicator(Listing[Figure], Generic[Figure]):
    """A page of an indicator within the reader's jurisdiction."""

    indicator: str
    definition_version: int = Field(description="raised when the meaning of the figures changes")
    as_of: datetime = Field(description="when the figures were read (UTC)")


class AgreementsByState(BaseModel):
    """How many agreements of a type an academy has in a state; no academy means national ones."""

    academy: AcademyCode | None
    agreement_type: str
    school_year: str
    state: str
    agreements: int


class Capacity(BaseModel):
    """Centers in a state and the seats granted to them, by province; never without their funding."""

    academy: AcademyCode
    province: ProvinceCode
    state: str
    centers: int
    funded_seats: int
    unfunded_seats: int


class SignatureEntry(BaseModel):
    """A signature in the timeline."""

    event_id: UUID
    agreement_id: UUID
    organisation_id: UUID
    level: Literal["simple", "advanced", "qualified", "handwritten_scan"]
    signed_at: datetime
    voided_at: datetime | None = Field(description="when the text was negotiated again")
