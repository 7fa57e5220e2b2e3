"""How papers are read: numbers from their first sign to their last, and nothing beyond the edge of the page.

What has a direction and no shape is left out: the signs that are seen decide alone.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Any

from shared.bidi import END, LATIN, LTR, NUMBER, isolated

BREAK, JOINED = "\u200b", "\u200d"
"""A place where a line may end, and what keeps two Arabic letters joined across it."""
DIRECTIONS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Marks, embeddings, overrides and isolates."""

ISOLATE = re.compile(f"{LTR}([^\u2066-\u2069]*){END}")
BETWEEN = re.compile(r"[^\w\n]+")
"""What stands between letters and numbers."""
UNBROKEN = re.compile(r"(?:[^ \t\n/\-]|[/\-](?=[/\-])){31,}")
"""What is wider than a column of two and has no place where a line may end."""


def as_read(said: Any) -> Any:
    """What a paper says, each text of it as it is to be set."""
    match said:
        case str():
            return breakable(isolated(said.translate(DIRECTIONS)))
        case dict():
            return {name: as_read(value) for name, value in said.items()}
        case list():
            return [as_read(value) for value in said]
    return said


def moving_in(text: str) -> str:
    """The marks and isolates of a text in Arabic that move its numbers, each once: those beside one.

    An isolate of one number or of what begins with a Latin letter is what a paper has too.
    """
    text = ISOLATE.sub(lambda found: "" if _one_run(found[1]) else found[0], text)
    beside = [found[0] for found in BETWEEN.finditer(text) if _beside_a_digit(found)]
    return "".join(sorted({each for run in beside for each in run if ord(each) in DIRECTIONS}))


def breakable(text: str) -> str:
    """The text with places to end a line in what has none, so that all of it stands on the page."""
    return UNBROKEN.sub(lambda found: _broken(found[0]), text)


def _one_run(text: str) -> bool:
    """Whether a paper sets the text from the left to the right, as one piece."""
    kinds = {unicodedata.bidirectional(each) for each in text}
    return bool(NUMBER.fullmatch(text) or (re.match(f"[{LATIN}]", text) and kinds.isdisjoint({"R", "AL", "AN"})))


def _beside_a_digit(found: re.Match[str]) -> bool:
    start, end = found.span()
    return found.string[max(start - 1, 0) : start].isdecimal() or found.string[end : end + 1].isdecimal()


def _broken(run: str) -> str:
    return run[0] + "".join(_gap(before, after) + after for before, after in pairwise(run))


def _gap(before: str, after: str) -> str:
    if before == LTR or after == END or unicodedata.combining(after):
        return ""
    joined = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    return JOINED + BREAK + JOINED if joined else BREAK
