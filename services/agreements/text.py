"""The text of an agreement: clauses aligned in Arabic and French, kept by content.

An agreement holds one hash: that of the table of clauses, which names every clause's titles and the hashes of its
two bodies. Two agreements, or two versions of one, share the clauses they have in common.
"""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.bilingual import Bilingual
from shared.database import Transaction
from shared.messaging.journal import canonical
from shared.store import digest, get_texts, put_texts


class Prose(BaseModel):
    """A clause's body in both languages: neither is left out, so that the two stay aligned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: str = Field(min_length=1, max_length=20_000)
    fr: str = Field(min_length=1, max_length=20_000)


class Clause(BaseModel):
    """One clause, said in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Bilingual
    body: Prose


async def put_clauses(tx: Transaction, clauses: Sequence[Clause]) -> str:
    """Keep the clauses; gives the hash over both languages that the agreement holds and signatures name."""
    bodies = [body for clause in clauses for body in (clause.body.ar, clause.body.fr)]
    table = [
        {"title": clause.title.model_dump(), "ar": digest(clause.body.ar), "fr": digest(clause.body.fr)}
        for clause in clauses
    ]
    hashes = await put_texts(tx, [*bodies, canonical(table).decode()])
    return hashes[-1]


async def get_clauses(tx: Transaction, text_hash: str) -> list[Clause]:
    """The clauses that a hash stands for."""
    table = json.loads((await get_texts(tx, [text_hash]))[text_hash])
    bodies = await get_texts(tx, {row[language] for row in table for language in ("ar", "fr")})
    return [
        Clause(title=Bilingual(**row["title"]), body=Prose(ar=bodies[row["ar"]], fr=bodies[row["fr"]])) for row in table
    ]
