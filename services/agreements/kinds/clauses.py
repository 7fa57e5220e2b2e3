"""The clauses a kind proposes: texts in both languages, with placeholders for what the terms say.

A clause is a file `<key>.toml` in the folder named like its kind, or in `common/` for the kinds that share it: `title`
(`ar` and `fr`) and the two bodies, `ar` and `fr`. `{name}` stands for a value; both languages use the same ones.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from services.agreements.bilingual import Bilingual
from shared.events.agreements import PartyRole

Fact = Literal[
    "academy",
    "centers",
    "effective_from",
    "effective_until",
    "funded_seats",
    "ministry",
    "network",
    "parties",
    "school_year",
    "seats",
    "title",
    "unfunded_seats",
]
"""What a template can take from the terms, beside the names of the parties that hold a role."""
PLACEHOLDERS = frozenset((*get_args(Fact), *get_args(PartyRole)))
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class ClauseTemplate(BaseModel):
    """One clause of a kind, not yet filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: Bilingual
    ar: str
    fr: str

    @property
    def placeholders(self) -> frozenset[str]:
        """What is to be filled in."""
        return frozenset(PLACEHOLDER.findall(self.ar))

    @model_validator(mode="after")
    def _can_be_filled_in(self) -> Self:
        if unknown := self.placeholders - PLACEHOLDERS:
            raise ValueError(f"clause {self.key}: nothing fills in {sorted(unknown)}")
        if self.placeholders != frozenset(PLACEHOLDER.findall(self.fr)):
            raise ValueError(f"clause {self.key}: Arabic and French are filled in with different values")
        return self


def read_clauses(keys: Sequence[str], *folders: Path) -> tuple[ClauseTemplate, ...]:
    """The clauses of these keys, each from the first folder that has it. Raises ValueError if none has."""
    return tuple(_read(key, folders) for key in keys)


def _read(key: str, folders: Sequence[Path]) -> ClauseTemplate:
    for folder in folders:
        if (file := folder / f"{key}.toml").exists():
            texts = tomllib.loads(file.read_text("utf-8"))
            return ClauseTemplate(
                key=key, title=texts.pop("title"), **{name: body.strip() for name, body in texts.items()}
            )
    raise ValueError(f"no clause {key} in {', '.join(map(str, folders))}")
