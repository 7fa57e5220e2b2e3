"""Reading order: numbers amid Arabic from their first sign to their last, on paper, in letters and before a browser.

In Arabic the parts of a number change places around what stands between them: `10:30-12:00` would be shown as
`12:00-10:30`, and a thin space between thousands turns `521 100` into `100 521` (UAX 9, rules W2 to W6). So whole
numbers are isolated, and so is a value amid a sentence. The signs are Unicode's, which HTML and plain text both know.
"""

import re
import unicodedata

LTR, END = "\u2066", "\u2069"
"""The isolate that a number is set in, and its end; papers set short ones in a box in its place."""
FIRST_STRONG = "\u2068"
"""The isolate of what runs as its own first letter does, from the left if it has none."""

THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:[ \u2007-\u200a]\d{3})+(?!\d)")
"""A number whose thousands are set apart by spaces that may be broken."""

LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
EASTERN = "\u0660-\u0669\u06f0-\u06f9"
DASHES = r"\-\u2010-\u2015\u2212"
SPACE = r"[^\S\n]"
HELD = r"\u00a0\u2000-\u200a\u202f"
APART = rf"[.\-{HELD}\ ]"
UNIT = rf"(?:{SPACE}?(?:[%‰٪]|°[CF])|°|[€$£])"
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

ONE = re.compile(r"\d+(?:[.,:/،\u00a0\u202f]\d+)*")
"""What runs as one number wherever it stands: a single common separator between digits joins them (UAX 9, W4)."""


def apart(value: object) -> str:
    """A value as it stands amid a sentence from the right: it runs by itself, and its numbers in their order."""
    return FIRST_STRONG + in_order(str(value)) + END


def in_order(text: str) -> str:
    """The text with its numbers isolated, if it has letters or digits from the right that would turn one of them."""
    if text.isascii() or not any(unicodedata.bidirectional(each) in ("R", "AL", "AN") for each in text):
        return text
    return isolated(text, turned_only=True)


def isolated(text: str, *, turned_only: bool = False) -> str:
    """The text with each number in an isolate of its own, its thousands held together by U+202F.

    With `turned_only` those that nothing turns are left as they are.
    A number after Latin words is part of what they say: it runs as they do already (UAX 9, W7).
    """
    text = THOUSANDS.sub(lambda found: re.sub(r"\D", "\u202f", found[0]), text)
    parts, at, latin = [], 0, False
    for found in NUMBER.finditer(text):
        between, number = text[at : found.start()], found[0]
        latin = _latin(between, before=latin)
        eastern = re.search(rf"[{EASTERN}]", number)
        runs = (latin and not eastern) or (turned_only and ONE.fullmatch(number) is not None)
        if eastern and not runs:
            # What stands between two of these runs from the right unless it has a neighbour from the left.
            number = re.sub(rf"([^{EASTERN}])", "\\1\u200e", number)
        parts += [between, number if runs else LTR + number + END]
        at = found.end()
    return "".join([*parts, text[at:]])


def _latin(text: str, *, before: bool) -> bool:
    """Whether the last letter is one that is written from the left; `before` if there is none. A line begins anew."""
    for each in reversed(text):
        kind = unicodedata.bidirectional(each)
        if kind in ("L", "R", "AL", "B"):
            return kind == "L"
    return before
