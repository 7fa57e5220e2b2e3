"""What agreements are found by."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, any_, bindparam, delete
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlmodel import Field, col

from services.agreements.tables.base import Base


class AgreementTermRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """An index as a table: which agreements a word, or the code of somebody who may see them, leads to.

    PostgreSQL uses no GIN index under row-level security, since what matches arrays and texts might tell of hidden
    rows; equality and order of plain text may be looked up first.
    """

    __tablename__ = "agreement_term"
    __table_args__ = (Index("agreement_term_agreement", "agreement_id", "term"),)

    term: str = Field(sa_type=Text(collation="C"), primary_key=True)
    agreement_id: UUID = Field(primary_key=True)


class ClauseWordRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """A word that a clause has in one of its languages. The clause is a term of every agreement that has it."""

    __tablename__ = "clause_word"
    __table_args__ = (Index("clause_word_clause", "clause", "word"),)

    word: str = Field(sa_type=Text(collation="C"), primary_key=True)
    clause: str = Field(sa_type=Text(collation="C"), primary_key=True)


class SavedSearchRow(Base, table=True):  # type: ignore[call-arg, valid-type, misc]
    """What a person looks for again and again: filters and order, under a name of their own."""

    __tablename__ = "saved_search"
    __table_args__ = (Index("saved_search_name", "person", "name", unique=True),)

    id: UUID = Field(primary_key=True)
    visible_to: list[str] = Field(sa_type=ARRAY(Text))
    person: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    search: dict[str, Any] = Field(sa_type=JSONB)


PUT_TERMS = insert(AgreementTermRow).on_conflict_do_nothing()
DROP_TERMS = delete(AgreementTermRow).where(
    col(AgreementTermRow.agreement_id) == bindparam("id"),
    col(AgreementTermRow.term) == any_(bindparam("gone", type_=ARRAY(Text))),
)
