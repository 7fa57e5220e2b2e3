"""The text of an agreement: clauses aligned in Arabic and French, kept by content.

An agreement holds one hash: that of the table of clauses, which names every clause's key, titles and the hashes of its
two bodies. Two agreements, or two versions of one, share the clauses they have in common.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.agreements.bilingual import Bilingual
from services.agreements.content import ClauseRef
from services.agreements.errors.texts import ClauseRepeated
from shared.audit import canonical
from shared.database import Transaction
from shared.store import digest, get_texts, put_texts

M = TypeVar("M", bound=BaseModel)
TABLE = TypeAdapter(tuple[ClauseRef, ...])


class Prose(BaseModel):
    """A clause's body in both languages: neither is left out, so that the two stay aligned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ar: str = Field(min_length=1, max_length=20_000)
    fr: str = Field(min_length=1, max_length=20_000)


class Clause(BaseModel):
    """One clause, said in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(
        "",
        pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$",
        max_length=60,
        examples=["object"],
        description="names the clause from one version to the next; `clause-<position>` if it is left out",
    )
    title: Bilingual
    body: Prose


def keyed(clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses, each with its own key: the one it has, or one made from its position. Refuses ClauseRepeated."""
    named = [
        each if each.key else each.model_copy(update={"key": f"clause-{position}"})
        for position, each in enumerate(clauses, 1)
    ]
    keys = [each.key for each in named]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ClauseRepeated(keys=twice)
    return named


def table_of(clauses: Sequence[Clause]) -> tuple[ClauseRef, ...]:
    """The table of the clauses, without their bodies. Refuses ClauseRepeated."""
    return tuple(
        ClauseRef(key=each.key, title=each.title, ar=digest(each.body.ar), fr=digest(each.body.fr))
        for each in keyed(clauses)
    )


async def put_clauses(tx: Transaction, clauses: Sequence[Clause]) -> str:
    """Keep the clauses; gives the hash over both languages that the agreement holds and signatures name.

    Refuses ClauseRepeated.
    """
    bodies = [body for clause in clauses for body in (clause.body.ar, clause.body.fr)]
    table = canonical(TABLE.dump_python(table_of(clauses), mode="json")).decode()
    return (await put_texts(tx, [*bodies, table]))[-1]


async def put_table(tx: Transaction, table: Sequence[ClauseRef]) -> str:
    """Keep a table whose bodies are kept already; gives its hash."""
    return (await put_texts(tx, [canonical(TABLE.dump_python(tuple(table), mode="json")).decode()]))[0]


async def in_words(tx: Transaction, found: Sequence[M]) -> list[M]:
    """What was found, with clauses where it holds rows of a table: what people read is not hashes."""
    rows = [value for each in found for _, value in each if isinstance(value, ClauseRef)]
    bodies = await get_texts(tx, {body for row in rows for body in (row.ar, row.fr)})
    return [
        each.model_copy(update={name: _clause(value, bodies) for name, value in each if isinstance(value, ClauseRef)})
        for each in found
    ]


async def get_table(tx: Transaction, text_hash: str) -> tuple[ClauseRef, ...]:
    """The table of clauses that a hash stands for, without their bodies."""
    return TABLE.validate_json((await get_texts(tx, [text_hash]))[text_hash])


async def get_clauses(tx: Transaction, text_hash: str) -> list[Clause]:
    """The clauses that a hash stands for."""
    return await table_clauses(tx, await get_table(tx, text_hash))


async def table_clauses(tx: Transaction, table: Sequence[ClauseRef]) -> list[Clause]:
    """The clauses of a table."""
    bodies = await get_texts(tx, {body for row in table for body in (row.ar, row.fr)})
    return [_clause(row, bodies) for row in table]


def _clause(row: ClauseRef, bodies: Mapping[str, str]) -> Clause:
    return Clause(key=row.key, title=row.title, body=Prose(ar=bodies[row.ar], fr=bodies[row.fr]))
