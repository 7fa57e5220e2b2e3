"""Legible: what is agreed can be read on paper, as it was written.

What no font has, what nobody sees, what moves numbers and what has no place for a line to end is named with its place.

What was frozen before this was asked is printed as it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex, Content
from services.agreements.errors.papers import NotLegible
from services.agreements.kinds import ContentPart
from services.agreements.merge import COLLECTIONS, diff
from services.agreements.papers.fonts import unprintable
from services.agreements.papers.reading import moving_in
from services.agreements.places import part_named
from services.agreements.terms import BudgetLine, Duty, Terms
from services.agreements.text import Clause, in_words
from shared.database import Transaction
from shared.events.agreements import AgreementParty, CenterToOpen
from shared.texts import hidden_in, is_blank, turning_in

LONGEST = 1_000
"""Signs without white space. A paper breaks them anywhere; PDF/A has no string of more than 32,767 bytes."""
Part = tuple[ContentPart, str, Any]
"""Which part of a content, its key, and its value."""


def require_legible(parts: Iterable[Part], names: Mapping[UUID, Bilingual]) -> None:
    """Refuse NotLegible for parts that no paper can show as they are; `names` are the organisations'."""
    where = []
    for part, key, value in parts:
        if faults := list(dict.fromkeys(each for text in _texts(value, names) for each in _faults(*text))):
            told = ", ".join(faults)
            place = part_named(part, key, value, names)
            where.append({language: f"{_shown(words)} ({told})" for language, words in place.items()})
    if where:
        raise NotLegible(where=where)


async def require_legible_branch(
    tx: Transaction, base: Content, branch: Content, names: Mapping[UUID, Bilingual]
) -> None:
    """Refuse NotLegible for what a branch changes: what was agreed before stays as it is."""
    after = [each.model_copy(update={"before": None}) for each in diff(base, branch)]
    require_legible(((each.part, each.key, each.after) for each in await in_words(tx, after)), names)


def of_terms(terms: Terms | Content) -> Iterator[Part]:
    """What people read of terms, with those whom they name."""
    yield "term", "title", terms.title
    for part, (field, key) in COLLECTIONS.items():
        if part != "clause":
            yield from ((part, str(getattr(each, key)), each) for each in getattr(terms, field, ()))


def of_text(clauses: Sequence[Clause]) -> Iterator[Part]:
    """What people read of a text."""
    return (("clause", each.key, each) for each in clauses)


def _faults(language: str | None, text: str) -> Iterator[str]:
    """What a paper cannot show of a text, or not as it is: signs with their code points, runs with their lengths."""
    yield from (f"{each} U+{ord(each):04X}" for each in unprintable(text))
    moving = {"ar": moving_in, "fr": turning_in}
    unseen = hidden_in(text) + (moving[language](text) if language else "")
    yield from (f"U+{ord(each):04X}" for each in unseen or (sorted(set(text)) if is_blank(text) else ""))
    yield from (f"{run[:10]}… {len(run)}" for run in text.split() if len(run) > LONGEST)


def _texts(value: Any, names: Mapping[UUID, Bilingual]) -> Iterator[tuple[str | None, str]]:
    """Each text of a value, with its language."""
    match value:
        case Clause():
            yield from (*_texts(value.title, names), ("ar", value.body.ar), ("fr", value.body.fr))
        case AgreementParty():
            yield from _texts(names.get(value.organisation_id), names)
        case CenterToOpen():
            yield from (("ar", value.name_ar), ("fr", value.name_fr))
        case Duty():
            yield from (*_texts(value.what, names), *_texts(value.evidence, names))
        case BudgetLine():
            yield from _texts(value.heading, names)
        case Annex():
            yield None, value.name
        case Bilingual():
            yield from (("ar", value.ar), ("fr", value.fr))


def _shown(words: str) -> str:
    """A place's name without what it hides: it would turn the refusal round."""
    return "".join(each for each in words if not hidden_in(each))
