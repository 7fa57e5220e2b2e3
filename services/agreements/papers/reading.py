"""How papers are read: numbers from their first sign to their last, and nothing beyond the edge of the page.

In Arabic the parts of a number change places around what stands between them: `10:30-12:00` would be printed as
`12:00-10:30`, and a thin space between thousands turns `521 100` into `100 521` (UAX 9, rules W2 to W6). So whole
numbers are isolated. What has a direction and no shape is left out: the signs that are seen decide alone.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Any

LTR, END = "\u2066", "\u2069"
"""The isolate that a number is set in, and its end; the templates set short ones in a box in its place."""
BREAK, JOINED = "\u200b", "\u200d"
"""A place where a line may end, and what keeps two Arabic letters joined across it."""
DIRECTIONS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Marks, embeddings, overrides and isolates."""

THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:[ \u2007-\u200a]\d{3})+(?!\d)")
"""A number whose thousands are set apart by spaces that may be broken."""

LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
EASTERN = "\u0660-\u0669\u06f0-\u06f9"
DASHES = r"\-\u2010-\u2015\u2212"
SPACE = r"[^\S\n]"
HELD = r"\u00a0\u2000-\u200a\u202f"
APART = rf"[.\-{HELD}\ ]"
UNIT = rf"(?:{SPACE}?[%‰٪]|°[CF]?|[€$£])"
NUMBER = re.compile(
    rf"""
    (?:(?<![\d{LATIN})\]%])[+±\u2212~≈%٪€$£]  # a sign or a unit before it
     |(?<=\S[\s(\[«"“])-)?                     # a minus, but not the dash that begins a line of a list
    (?:\d+{APART}?\(\d+\)(?:{APART}?\d+)+      # numbers of telephones and accounts, in groups
     |(?<=\+)\d+(?:{APART}\d+)+
     |0\d+(?:{APART}\d{{2,}}){{3,}}
     |0\d+(?:[{HELD}\ ]\d{{2,}}){{2,}}
     |\d{{2,}}(?:[{HELD}\ ]\d{{2,}}){{3,}}
     |\d[\d{LATIN}]*)
    (?:{UNIT}?
       (?:[.,:;/\\'’*+=_~|·…°%‰٪٫٬،×÷€$£{DASHES}]{{1,3}}  # no space on either side
        |[{HELD}](?=\d)                                    # spaces that hold a number together
        |{SPACE}{{1,2}}[+=×÷*/{DASHES}]{SPACE}{{1,2}}(?=[+\-\u2212]?\d)[+\-\u2212]?
        |(?P<unit>{SPACE}[{LATIN}]{{1,4}})                 # `10 h 30`, `500 DH - 600 DH`
         (?:{SPACE}{{0,2}}[/{DASHES}]{SPACE}{{0,2}}|{SPACE})(?=\d))
       [\d{LATIN}]+
    )*
    {UNIT}?
    (?(unit)(?:{SPACE}[{LATIN}]{{1,4}}(?![{LATIN}]))?)
    """,
    re.VERBOSE,
)
"""A number with all that belongs to it: hours, rates, ranges, dates, telephones, references, amounts."""
ISOLATE = re.compile(f"{LTR}([^\u2066-\u2069]*){END}")
BETWEEN = re.compile(r"[^\w\n]+")
"""What stands between letters and numbers."""
UNBROKEN = re.compile(r"(?:[^ \t\n/\-]|[/\-](?=[/\-])){31,}")
"""What is wider than a column of two and has no place where a line may end."""


def as_read(said: Any) -> Any:
    """What a paper says, each text of it as it is to be set."""
    match said:
        case str():
            return breakable(isolated(said))
        case dict():
            return {name: as_read(value) for name, value in said.items()}
        case list():
            return [as_read(value) for value in said]
    return said


def isolated(text: str) -> str:
    """The text with each number in an isolate of its own, its thousands held together by U+202F.

    A number after Latin words is part of what they say: it runs as they do already (UAX 9, W7).
    """
    text = THOUSANDS.sub(lambda found: re.sub(r"\D", "\u202f", found[0]), text.translate(DIRECTIONS))
    parts, at, latin = [], 0, False
    for found in NUMBER.finditer(text):
        between, number = text[at : found.start()], found[0]
        latin = _latin(between, before=latin)
        if eastern := re.search(rf"[{EASTERN}]", number):
            # What stands between two of these runs from the right unless it has a neighbour from the left.
            number = re.sub(rf"([^{EASTERN}])", "\\1\u200e", number)
        parts += [between, number if latin and not eastern else LTR + number + END]
        at = found.end()
    return "".join([*parts, text[at:]])


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


def _latin(text: str, *, before: bool) -> bool:
    """Whether the last letter is one that is written from the left; `before` if there is none. A line begins anew."""
    for each in reversed(text):
        kind = unicodedata.bidirectional(each)
        if kind in ("L", "R", "AL", "B"):
            return kind == "L"
    return before


def _broken(run: str) -> str:
    return run[0] + "".join(_gap(before, after) + after for before, after in pairwise(run))


def _gap(before: str, after: str) -> str:
    if before == LTR or after == END or unicodedata.combining(after):
        return ""
    joined = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    return JOINED + BREAK + JOINED if joined else BREAK
