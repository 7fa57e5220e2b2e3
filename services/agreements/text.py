"""The text of an agreement: clauses aligned in Arabic and French, kept by content.

An agreement holds one hash: that of its content, all that is agreed, with a table that names every clause's key, titles
and the hashes of its two bodies. Who accepts or signs names this hash. Two agreements, or two versions of one, share
the clauses they have in common.
"""

from collections.abc import Container, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import from_json

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex, ClauseRef, Content
from services.agreements.errors.texts import ClauseRepeated, TextLost
from services.agreements.places import frozen_named
from shared.audit import canonical
from shared.database import Transaction
from shared.store import digest, get_texts, kept_of, put_text, put_texts

M = TypeVar("M", bound=BaseModel)
TABLE = TypeAdapter(tuple[ClauseRef, ...])
ANNEXES = TypeAdapter(tuple[Annex, ...])


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


async def put_clauses(tx: Transaction, clauses: Sequence[Clause]) -> tuple[ClauseRef, ...]:
    """Keep the bodies of the clauses; gives their table. Refuses ClauseRepeated."""
    table = table_of(clauses)
    await put_texts(tx, [body for clause in clauses for body in (clause.body.ar, clause.body.fr)])
    return table


async def in_words(tx: Transaction, found: Sequence[M]) -> list[M]:
    """What was found, with clauses where it holds rows of a table: what people read is not hashes. Refuses TextLost."""
    bodies = await _bodies(tx, [value for each in found for _, value in each if isinstance(value, ClauseRef)])
    return [
        each.model_copy(update={name: _clause(value, bodies) for name, value in each if isinstance(value, ClauseRef)})
        for each in found
    ]


async def put_content(tx: Transaction, content: Content) -> str:
    """Keep a content whose bodies are kept already; gives its hash, which is content_hash."""
    return await put_text(tx, canonical(content.model_dump(mode="json")).decode())


async def get_text(tx: Transaction, hash: str, place: str = "table") -> str:
    """What was kept under its hash. Refuses TextLost, which names the place."""
    if (kept := (await get_texts(tx, [hash])).get(hash)) is None:
        raise TextLost(places=[place], where=[frozen_named(place, ())])
    return kept


async def get_content(tx: Transaction, hash: str) -> Content:
    """The content that was kept under its hash. Refuses TextLost."""
    return Content.model_validate_json(await get_text(tx, hash))


async def get_table(tx: Transaction, text_hash: str) -> tuple[ClauseRef, ...]:
    """The table of clauses that a hash stands for, without their bodies.

    It stands for a content; in agreements from before contents were kept, for the table alone. Refuses TextLost.
    """
    kept = from_json(await get_text(tx, text_hash))
    return TABLE.validate_python(kept["clauses"] if isinstance(kept, dict) else kept)


async def get_annexes(tx: Transaction, text_hash: str) -> tuple[Annex, ...]:
    """The annexes of the content that a hash stands for. Refuses TextLost."""
    kept = from_json(await get_text(tx, text_hash))
    return ANNEXES.validate_python(kept.get("annexes", ()) if isinstance(kept, dict) else ())


async def require_bodies(tx: Transaction, *tables: Sequence[ClauseRef]) -> None:
    """Refuse TextLost for a clause's body that is kept no more, of the first table that lacks one; none is read."""
    kept = await kept_of(tx, {each for table in tables for each in _hashes(table)})
    for table in tables:
        _require(table, kept)


async def get_clauses(tx: Transaction, text_hash: str) -> list[Clause]:
    """The clauses that a hash stands for. Refuses TextLost."""
    return await table_clauses(tx, await get_table(tx, text_hash))


async def table_clauses(tx: Transaction, table: Sequence[ClauseRef]) -> list[Clause]:
    """The clauses of a table. Refuses TextLost."""
    bodies = await _bodies(tx, table)
    return [_clause(row, bodies) for row in table]


async def _bodies(tx: Transaction, table: Sequence[ClauseRef]) -> Mapping[str, str]:
    bodies = await get_texts(tx, _hashes(table))
    _require(table, bodies)
    return bodies


def _hashes(table: Sequence[ClauseRef]) -> set[str]:
    return {body for row in table for body in (row.ar, row.fr)}


def _require(table: Sequence[ClauseRef], kept: Container[str]) -> None:
    lost = [f"{row.key}/{name}" for row in table for name in ("ar", "fr") if getattr(row, name) not in kept]
    if lost:
        raise TextLost(places=lost, where=[frozen_named(place, table) for place in lost])


def _clause(row: ClauseRef, bodies: Mapping[str, str]) -> Clause:
    return Clause(key=row.key, title=row.title, body=Prose(ar=bodies[row.ar], fr=bodies[row.fr]))
