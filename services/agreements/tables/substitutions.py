"""Substitutions."""

from datetime import date

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from services.agreements.substitution import Substitution
from services.agreements.tables.base import Base
from shared.store import AggregateRow, Store


class SubstitutionRow(AggregateRow, Base, table=True):  # type: ignore[valid-type, misc]
    """Somebody approves in a person's place between two days, both included."""

    __tablename__ = "substitution"
    __table_args__ = (
        Index("substitution_substitute", "substitute", "person"),
        # Whose it is. An element of an array is looked up under row security, where no array is.
        Index("substitution_home", text("(visible_to[1])"), "id"),
    )

    status: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    substitute: str = Field(sa_type=Text)
    valid_from: date
    valid_until: date


SUBSTITUTIONS = Store(
    Substitution,
    SubstitutionRow,
    lambda each: {
        "status": each.status,
        "person": each.person,
        "substitute": each.substitute,
        "valid_from": each.valid_from,
        "valid_until": each.valid_until,
    },
)
