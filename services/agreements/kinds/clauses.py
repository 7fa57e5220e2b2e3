"""The clauses a kind proposes: texts in both languages, with placeholders for what the terms say.

A clause is a file `<key>.toml` in the folder named like its kind, or in `common/` for the kinds that share it: `title`
(`ar` and `fr`) and the two bodies, `ar` and `fr`. `{name}` stands for a value; both languages use the same ones.
A kind names a clause by its key, or as `{ key = "...", when = "<role>" }` to have it only where a party holds the role.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

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
    when: PartyRole | None = None
    """Only where a party holds this role; always if none is named."""
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


def read_clauses(wanted: Sequence[str | Mapping[str, str]], *folders: Path) -> tuple[ClauseTemplate, ...]:
    """The clauses of these keys, each from the first folder that has it; `{key, when}` is one that a role calls for.

    Raises ValueError if no folder has it.
    """
    return tuple(_read({"key": each} if isinstance(each, str) else each, folders) for each in wanted)


def _read(wanted: Mapping[str, Any], folders: Sequence[Path]) -> ClauseTemplate:
    for folder in folders:
        if (file := folder / f"{wanted['key']}.toml").exists():
            texts = tomllib.loads(file.read_text("utf-8"))
            bodies = {name: body.strip() for name, body in texts.items() if name != "title"}
            return ClauseTemplate(**wanted, title=texts["title"], **bodies)
    raise ValueError(f"no clause {wanted['key']} in {', '.join(map(str, folders))}")
