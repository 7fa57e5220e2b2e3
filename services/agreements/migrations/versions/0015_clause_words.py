"""The words of clauses, once for every clause; what agreements have which clause is a term of theirs."""

import json

import sqlalchemy as sa
from alembic import op

from services.agreements.content import ClauseRef
from services.agreements.words import clause_term, words
from shared.migrations import grant

revision = "0015"
down_revision = "0014"

AT_ONCE = 500
"""Agreements whose clauses are read together."""


def upgrade() -> None:
    """A clause's words tell nothing of who has it: that is told by the terms, as visible as their agreement."""
    op.create_table(
        "clause_word",
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        sa.Column("clause", sa.Text(collation="C"), primary_key=True),
    )
    op.create_index("clause_word_clause", "clause_word", ["clause", "word"])
    for table in ("agreement", "agreement_term"):
        op.execute(f"alter table {table} no force row level security")
    _find_what_there_is(op.get_bind())
    for table in ("agreement", "agreement_term"):
        op.execute(f"alter table {table} force row level security")
    grant(op, "clause_word", "select, insert")
    # The nation's scope is said first and apart, and spares a term the look at its agreement. Not `exists`, which the
    # planner answers for all agreements at once, though a list needs a few.
    op.execute(
        "alter policy jurisdiction on agreement_term using (current_setting('mithaq.scope', true) = 'national'"
        " or (select true from agreement where agreement.id = agreement_id))"
    )


def _find_what_there_is(connection: sa.Connection) -> None:
    term = sa.table("agreement_term", sa.column("term"), sa.column("agreement_id", sa.Uuid))
    word = sa.table("clause_word", sa.column("word"), sa.column("clause"))
    some = sa.text(
        "select id, body from agreement join content on hash = state ->> 'text_hash' where id > :after"
        f" order by id limit {AT_ONCE}"
    ).columns(id=sa.Uuid)
    known: set[str] = set()
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(some, {"after": after}).all():
        after = str(rows[-1].id)
        for id, body in rows:
            content = json.loads(body)
            # Before contents were kept it was the table of clauses alone.
            told = content["clauses"] if isinstance(content, dict) else content
            clauses = {clause_term(each): each for each in map(ClauseRef.model_validate, told)}
            if clauses:
                connection.execute(sa.insert(term), [{"term": each, "agreement_id": id} for each in sorted(clauses)])
            for name in sorted(clauses.keys() - known):
                if found := _words_of(connection, clauses[name]):
                    connection.execute(sa.insert(word), [{"word": each, "clause": name} for each in sorted(found)])
            known |= clauses.keys()


def _words_of(connection: sa.Connection, clause: ClauseRef) -> set[str]:
    bodies = connection.execute(
        sa.text("select body from content where hash in (:ar, :fr)"), {"ar": clause.ar, "fr": clause.fr}
    )
    return {each for told in (clause.title.ar, clause.title.fr, *bodies.scalars()) for each in words(told)}
