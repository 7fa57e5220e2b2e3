"""What agreements are looked for by, and searches that people keep."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.agreements.agreement import AgreementState
from services.agreements.schemas.words import Line
from services.agreements.tables import SavedSearchRow
from shared.events.agreements import AgreementType
from shared.territory import AcademyCode
from shared.web import Body

Sort = Literal[
    "drafted_at",
    "-drafted_at",
    "updated_at",
    "-updated_at",
    "reference",
    "-reference",
    "effective_from",
    "-effective_from",
    "effective_until",
    "-effective_until",
]
KindId = Annotated[str, StringConstraints(max_length=100)]


class Search(BaseModel):
    """Filters, all of which must hold, and an order."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[
        tuple[AgreementState, ...],
        Field(
            max_length=20,
            description="one of these, as recorded: what a new day makes of an agreement is shown at once,"
            " and found within about a minute",
        ),
    ] = ()
    agreement_kind: Annotated[tuple[KindId, ...], Field(max_length=20, description="one of these")] = ()
    agreement_type: Annotated[tuple[AgreementType, ...], Field(max_length=20, description="one of these")] = ()
    academy: Annotated[tuple[AcademyCode, ...], Field(max_length=12, description="one of these")] = ()
    awaits: Literal["visa"] | None = Field(
        None, description="all have signed, and what its kind asks for before it binds is not recorded"
    )
    party: UUID | None = Field(None, description="an organisation that is party to it")
    in_effect_from: date | None = Field(None, description="its term reaches this day or a later one")
    in_effect_until: date | None = Field(None, description="its term begins on this day or an earlier one")
    q: str | None = Field(
        None,
        max_length=200,
        description="words, or their beginnings, of its titles, reference, parties' names and clauses: at most 8",
    )
    sort: Sort = Field("drafted_at", description="what it is ordered by; with a minus the greatest first")


class Export(Search):
    """A search, and the form its list is wanted in."""

    format: Literal["csv", "xlsx"] = "csv"


class SearchBody(Search):
    """A search as a body holds it: fields it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


class SaveSearch(Body):
    """A search to keep; one's search of the same name is replaced."""

    name: Line
    search: SearchBody


class SavedSearchAnswer(BaseModel):
    """A search that one keeps."""

    id: UUID
    name: str
    search: Search

    @classmethod
    def of(cls, row: SavedSearchRow) -> Self:
        """What its person is shown."""
        return cls(id=row.id, name=row.name, search=Search.model_validate(row.search))
