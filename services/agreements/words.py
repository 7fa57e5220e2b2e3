"""Words as they are searched: what a reader takes for the same, in Arabic and in Latin script, is the same."""

import re
import unicodedata
from functools import lru_cache

from services.agreements.agreement import Agreement
from services.agreements.content import ClauseRef
from services.agreements.errors.searches import TooManyWords
from shared.audit import canonical
from shared.store import digest
from shared.territory import ACADEMY_CODES

MOST_WORDS = 8
"""Words of a search."""
LONGEST = 40
"""Letters of a word that are kept."""
CLAUSE, LAST = "§", "\U0010ffff"
"""What the term of a clause begins with, and what comes after every word that continues another."""
TEXT = CLAUSE + CLAUSE
"""What the term begins with that says of which text the terms of clauses are."""
CODES = ("org:", "org;")
"""Between these are the terms that are codes of organisations; in this range there is no word."""
WORD = re.compile(r"[^\W_]+")
# NFKD takes hamza, madda, vowel signs and accents off their letters; these have none to take off.
SAME = str.maketrans({"ٱ": "ا", "ى": "ي", "ة": "ه", "ک": "ك", "ی": "ي", "ـ": None, "œ": "oe", "æ": "ae"})
ARTICLE = re.compile(r"^(?:[وبكف]?ال|لل)(?=\w{3})")
"""The Arabic article, with a preposition or conjunction written together with it."""


@lru_cache(maxsize=10_000)
def words(text: str) -> tuple[str, ...]:
    """The words of a text without case, accents, vowel signs, variants of letters and the Arabic article."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(SAME)
    digits = "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)
    return tuple(ARTICLE.sub("", word)[:LONGEST] for word in WORD.findall(digits))


def words_to_find(q: str | None) -> tuple[str, ...]:
    """The words that are looked for, each once. Refuses TooManyWords: none is left out unsaid."""
    wanted = tuple(dict.fromkeys(words(q or "")))
    if len(wanted) > MOST_WORDS:
        raise TooManyWords(most=MOST_WORDS)
    return wanted


def terms_of(agreement: Agreement) -> frozenset[str]:
    """What an agreement is found by: the words of its titles, reference and parties' names, and who may see it.

    Of those who may see it the academies are left out: each is a part of the whole that is not worth an index.
    """
    names = [text for name in (agreement.title, *agreement.names.values()) for text in (name.ar, name.fr)]
    found = {word for text in (*names, agreement.reference or "") for word in words(text)}
    return frozenset(found.union(code for code in agreement.visible_to() if code not in ACADEMY_CODES))


def clause_term(clause: ClauseRef) -> str:
    """What stands for a clause among an agreement's terms: its content, whatever its key. No word begins like it."""
    return f"{CLAUSE}{digest(canonical(clause.model_dump(mode='json', exclude={'key'})).decode())[:16]}"
