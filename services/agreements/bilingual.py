"""A short text in the two languages of an agreement."""

from pydantic import BaseModel, ConfigDict, Field


class Bilingual(BaseModel):
    """A short text in the two languages of an agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: str = Field(min_length=1, max_length=500)
    fr: str = Field(min_length=1, max_length=500)
