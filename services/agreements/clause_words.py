"""The words of clauses: kept once for every clause, however many agreements have it."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from services.agreements.content import ClauseRef
from services.agreements.text import get_table, table_clauses
from services.agreements.words import CLAUSE, LAST, clause_term, words
from shared.database import Transaction

THERE = text("select term from agreement_term where agreement_id = :id and term >= :first and term < :last")
IS_KEPT = text("select true from content where hash = :hash")
KNOWN = text("select distinct clause from clause_word where clause = any(:clauses)")
KEEP = text(
    "insert into clause_word (word, clause) select * from unnest(cast(:words as text[]), cast(:clauses as text[]))"
    " on conflict do nothing"
)


async def clause_terms_of(tx: Transaction, agreement: UUID) -> set[str]:
    """The terms that stand for clauses and for the text that has them, of those that an agreement is found by."""
    asked = {"id": agreement, "first": CLAUSE, "last": CLAUSE + LAST}
    return set((await (await tx.connection()).execute(THERE, asked)).scalars())


async def clauses_of(tx: Transaction, text_hash: str | None) -> dict[str, ClauseRef]:
    """The clauses of a text, by the terms that stand for them; none of no text.

    A text that is not kept has none either: nothing is frozen or signed with it, but what happened is recorded.
    """
    if text_hash is None or not (await tx.execute(IS_KEPT, {"hash": text_hash})).scalar():
        return {}
    return {clause_term(each): each for each in await get_table(tx, text_hash)}


async def keep_words(tx: Transaction, clauses: Mapping[str, ClauseRef]) -> None:
    """Keep the words of those clauses that no agreement had before."""
    connection = await tx.connection()
    known = set((await connection.execute(KNOWN, {"clauses": list(clauses)})).scalars())
    new = {term: clause for term, clause in clauses.items() if term not in known}
    if not new:
        return
    told = zip(new, await table_clauses(tx, list(new.values())), strict=True)
    found = {
        (word, term)
        for term, clause in told
        for text in (clause.title.ar, clause.title.fr, clause.body.ar, clause.body.fr)
        for word in words(text)
    }
    # In one order, so that two transactions that keep the same clause never wait for one another in a circle.
    rows = sorted(found)
    await connection.execute(KEEP, {"words": [word for word, _ in rows], "clauses": [term for _, term in rows]})
