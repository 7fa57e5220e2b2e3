"""The words of clauses, once for every clause; what agreements have which clause is a term of theirs."""

import json

import sqlalchemy as sa
from alembic import op

from services.agreements.content import ClauseRef
from services.agreements.words import clause_term, words
from shared.migrations import grant

revision = "0015"
down_revision = "0014"

AT_ONCE = 1_000
"""Agreements whose clauses are read and written together."""
SOME = sa.text("""
    select id, body from agreement join content on hash = state ->> 'text_hash'
    where id > :after order by id limit :at_once
""").columns(id=sa.Uuid)
BODIES = sa.text("select hash, body from content where hash = any(:hashes)")
PUT_TERMS = sa.text("""
    insert into agreement_term (term, agreement_id)
    select * from unnest(cast(:terms as text[]), cast(:agreements as uuid[]))
""")
PUT_WORDS = sa.text("""
    insert into clause_word (word, clause) select * from unnest(cast(:words as text[]), cast(:clauses as text[]))
""")


def upgrade() -> None:
    """A clause's words tell nothing of who has it: that is told by the terms, as visible as their agreement."""
    op.create_table(
        "clause_word",
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        sa.Column("clause", sa.Text(collation="C"), primary_key=True),
    )
    grant(op, "clause_word", "select, insert")
    # The owner sees every row; one that did not would be refused here, and not find nothing in silence.
    op.execute("set local row_security = off")
    _find_what_there_is(op.get_bind())
    op.create_index("clause_word_clause", "clause_word", ["clause", "word"])
    # The nation's scope is said first and apart, and spares a term the look at its agreement. Not `exists`, which the
    # planner answers for all agreements at once, though a list needs a few. It comes last, as nobody else gets at the
    # terms from here on.
    op.execute(
        "alter policy jurisdiction on agreement_term using (current_setting('mithaq.scope', true) = 'national'"
        " or (select true from agreement where agreement.id = agreement_id))"
    )


def _find_what_there_is(connection: sa.Connection) -> None:
    """Agreements are read and terms written with no lock that keeps others from either."""
    known: set[str] = set()
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(SOME, {"after": after, "at_once": AT_ONCE}).all():
        after = str(rows[-1].id)
        terms: set[tuple[str, str]] = set()
        new: dict[str, ClauseRef] = {}
        for id, body in rows:
            content = json.loads(body)
            # Before contents were kept it was the table of clauses alone.
            for each in map(ClauseRef.model_validate, content["clauses"] if isinstance(content, dict) else content):
                terms.add((term := clause_term(each), str(id)))
                if term not in known:
                    new[term] = each
        known |= new.keys()
        _put(connection, PUT_TERMS, "terms", "agreements", terms)
        _put(connection, PUT_WORDS, "words", "clauses", _words_of(connection, new))


def _words_of(connection: sa.Connection, clauses: dict[str, ClauseRef]) -> set[tuple[str, str]]:
    hashes = sorted({hash for each in clauses.values() for hash in (each.ar, each.fr)})
    bodies = {row.hash: row.body for row in connection.execute(BODIES, {"hashes": hashes})}
    return {
        (word, term)
        for term, each in clauses.items()
        for told in (each.title.ar, each.title.fr, bodies[each.ar], bodies[each.fr])
        for word in words(told)
    }


def _put(connection: sa.Connection, rows: sa.TextClause, left: str, right: str, pairs: set[tuple[str, str]]) -> None:
    ordered = sorted(pairs)
    connection.execute(rows, {left: [each for each, _ in ordered], right: [each for _, each in ordered]})
