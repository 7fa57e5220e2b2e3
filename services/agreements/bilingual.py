"""A short text in the two languages of an agreement."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Bilingual(BaseModel):
    """A short text in the two languages of an agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: str = Field(min_length=1, max_length=500)
    fr: str = Field(min_length=1, max_length=500)


def called(ids: Iterable[UUID], names: Mapping[UUID, Bilingual]) -> list[dict[str, str] | None]:
    """How refusals name them to people; None for one whose name is not known, which the wording has a word for."""
    return [names[each].model_dump() if each in names else None for each in ids]
