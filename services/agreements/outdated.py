"""What a text still says of earlier terms: clauses as the kind drew them then, and words that somebody wrote."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.agreements.amounts import amounts_of, named_in
from services.agreements.bilingual import Bilingual
from services.agreements.content import ClauseRef
from services.agreements.drafting import LOCALES, draft_text, values_named
from services.agreements.surroundings import OutdatedClause
from services.agreements.terms import Terms
from services.agreements.text import Clause, table_of


class Facts(NamedTuple):
    """What a text is drawn from."""

    terms: Terms
    names: Mapping[UUID, Bilingual]
    """Of the organisations, as known then."""


def differing(table: Iterable[ClauseRef], present: Facts) -> list[ClauseRef]:
    """The clauses that the kind does not draw so from these terms, by their hashes: only they may be outdated."""
    now = {*table_of(draft_text(*present))}
    return [each for each in table if each not in now]


def outdated(clauses: Sequence[Clause], present: Facts, former: Sequence[Facts]) -> list[OutdatedClause]:
    """The clauses that hold what was drawn from former terms, and those that somebody wrote and that name their values.

    `former` may tell the same terms twice, and the present ones among them.
    A clause that equals what the kind draws from former terms is nobody's words; what the kind drew before its own
    texts changed is taken for words that somebody wrote.
    """
    keys = {each.key for each in clauses}
    now, before = drawn(present, keys), [drawn(each, keys) for each in former]
    values = {language: _values(present, former, language) for language in LOCALES}
    amounts = frozenset().union(*(amounts_of(each.terms) for each in former)) - amounts_of(present.terms)
    found = []
    for clause in clauses:
        if clause == now.get(clause.key):
            continue
        redrawn = clause.key in now and any(clause == each.get(clause.key) for each in before)
        says = _named(clause, values, amounts)
        if redrawn or says:
            found.append(OutdatedClause(key=clause.key, title=clause.title, redrawn=redrawn, says=says))
    return found


def redrawn(clauses: Sequence[Clause], stale: Iterable[OutdatedClause], present: Facts) -> list[Clause]:
    """The text with the clauses that nobody has edited drawn from the present terms; the others are as they were."""
    now = drawn(present)
    again = {each.key for each in stale if each.redrawn}
    return [now[each.key] if each.key in again else each for each in clauses]


def drawn(facts: Facts, only: Container[str] | None = None) -> dict[str, Clause]:
    """What the kind draws from these terms, clause by clause; `only` those of these keys, if some are named."""
    return {each.key: each for each in draft_text(*facts, only=only)}


def _values(present: Facts, former: Iterable[Facts], language: str) -> tuple[list[str], list[str]]:
    """What the present terms name, longest first, and what former ones named that they do not."""
    holds = sorted(values_named(*present, language), key=len, reverse=True)
    held = dict.fromkeys(value for each in former for value in values_named(*each, language))
    return holds, [value for value in held if value not in holds]


def _named(
    clause: Clause, values: Mapping[str, tuple[list[str], list[str]]], amounts: Container[int]
) -> tuple[str, ...]:
    """The former values that the clause names, amounts as it writes them."""
    found: dict[str, None] = {}
    for language, (holds, held) in values.items():
        text = getattr(clause.body, language)
        # A former value may be part of a present one: a name that became longer.
        for value in holds:
            text = text if value.isdigit() else text.replace(value, " ")
        found |= dict.fromkeys(value for value in held if _names(text, value))
        found |= dict.fromkeys(written for written, centimes in named_in(text) if centimes in amounts)
    return tuple(found)


def _names(text: str, value: str) -> bool:
    """A number is named where it stands alone: not within another one, a day or the number of a law."""
    alone = rf"(?<![\w/-])(?<!\d[.,]){value}(?![\w/-]|[.,]\d)"
    return bool(re.search(alone, text)) if value.isdigit() else value in text
