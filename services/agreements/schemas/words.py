"""The words that bodies and answers share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationInfo

from services.agreements.bilingual import Bilingual
from services.agreements.text import Clause
from shared.clock import FIRST_DAY, LAST_DAY
from shared.texts import FrenchLine, LeftToRight, Line, OneLine, Paragraph, Readable
from shared.web import Body

__all__ = [
    "Because",
    "BudgetYear",
    "FrenchLine",
    "Hash",
    "Line",
    "NewClause",
    "Paragraph",
    "PersonId",
    "Seats",
    "Title",
    "each_once",
]


class _Lines(BaseModel):
    ar: Annotated[str, OneLine, Readable]
    fr: Annotated[str, OneLine, Readable, LeftToRight]


class _Body(BaseModel):
    ar: Annotated[str, Readable]
    fr: Annotated[str, Readable, LeftToRight]


class _Clause(BaseModel):
    title: _Lines
    body: _Body


def _as(kind: type[BaseModel]) -> AfterValidator:
    """Its texts are as this kind has them; none is changed: an amendment gives back what it found."""

    def checked(value: BaseModel, info: ValidationInfo) -> BaseModel:
        kind.model_validate(value.model_dump(), context=info.context)
        return value

    return AfterValidator(checked)


Title = Annotated[Bilingual, _as(_Lines)]
"""One line that people read, in both languages."""
NewClause = Annotated[Clause, _as(_Clause)]
"""A clause that is put: its titles are lines."""
PersonId = Annotated[Line, StringConstraints(pattern=r"^https?://[^#\s]+#\S+$")]
"""A person as issuer#subject: the address of who vouches for them, and what they are called there."""
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex."""
BudgetYear = Annotated[int, Field(ge=FIRST_DAY.year, le=LAST_DAY.year)]
Seats = Annotated[int, Field(ge=0, le=10_000)]


def each_once(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("each only once")
    return values


class Because(Body):
    """Why; shown to those who see the agreement or ceremony, and never published."""

    reason: Paragraph
