"""Texts that people read, as requests may hold them: nothing in them is invisible, or turns what is around it.

What was stored before these rules stays readable: they are asked of requests, and never of events or states.
"""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

JOINERS = "\u200c\u200d"
"""Without these some Arabic words cannot be written (ZWNJ, ZWJ)."""
MARKS = "\u200e\u200f\u061c"
"""They have a direction (LRM, RLM, ALM): in Arabic what is neither a letter nor a number may need one."""
ISOLATES = "\u2066\u2067\u2068"
END_OF_ISOLATE = "\u2069"
SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u08e2")
"""Signs of Arabic that Unicode calls formatting, and that are seen."""
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Signs that Unicode calls letters, marks or symbols, and that are not seen."""
FROM_THE_RIGHT = "\u200f\u061c\u2067\u2068"
"""They let what follows run from the right (RLM, ALM, RLI, FSI): in French `60 - 20` becomes `20 - 60` between two."""
WRITTEN = frozenset({*JOINERS, *MARKS, *ISOLATES, END_OF_ISOLATE, *SEEN, *"\t\n\r"})
KEPT = "kept"
"""The context of a validation of what was stored already."""


def hidden_in(text: str) -> str:
    """The signs of a text that nobody sees and that are not needed to write one, each once.

    Controls, overrides and embeddings of the direction (UAX 9, 2.1 and 2.2), and other format signs.
    """
    return "".join(sorted(each for each in set(text) if _hidden(each)))


def turning_in(text: str) -> str:
    """The signs of a text in French that turn its numbers and that nobody needs there, each once."""
    return "".join(sorted(set(text) & set(FROM_THE_RIGHT)))


def is_blank(text: str) -> bool:
    """Whether nobody sees anything of it."""
    return not any(map(_seen, text))


def in_one_line(text: str) -> str:
    """The text in one line, whatever was stored: white space and controls between words are one space."""
    return " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in text).split())


def _hidden(sign: str) -> bool:
    return sign in FILLERS or (unicodedata.category(sign) in {"Cc", "Cf"} and sign not in WRITTEN)


def _seen(sign: str) -> bool:
    return (unicodedata.category(sign)[0] in "LNPS" and not _hidden(sign)) or sign in SEEN


def _readable(text: str, info: ValidationInfo) -> str:
    if info.context == KEPT:
        return text
    _refuse(hidden_in(text))
    if is_blank(text):
        raise PydanticCustomError("nothing_to_read", "nothing to read")
    if not all(map(_closed, text.splitlines())):
        raise PydanticCustomError("direction_left_open", "a direction that is opened or ended alone")
    return text


def _left_to_right(text: str, info: ValidationInfo) -> str:
    if info.context != KEPT:
        _refuse(turning_in(text))
    return text


def _refuse(signs: str) -> None:
    if signs:
        said: dict[str, Any] = {"signs": ", ".join(f"U+{ord(each):04X}" for each in signs)}
        raise PydanticCustomError("hidden_signs", "signs that nobody sees: {signs}", said)


def _closed(line: str) -> bool:
    """Whether every isolate of the line is ended in it, and none that began before it (UAX 9, BD9)."""
    depth = 0
    for sign in line:
        depth += (sign in ISOLATES) - (sign == END_OF_ISOLATE)
        if depth < 0:
            return False
    return depth == 0


def _of_one_line(text: str, info: ValidationInfo) -> str:
    if info.context != KEPT and ("\t" in text or text.splitlines() != [text]):
        raise PydanticCustomError("line_break", "more than one line")
    return text


Readable = AfterValidator(_readable)
"""A text of one line or several."""
OneLine = AfterValidator(_of_one_line)
"""A name, a title, a subject: no line break in it."""
LeftToRight = AfterValidator(_left_to_right)
"""A text in French."""
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine, Readable]
"""One line that people read."""
FrenchLine = Annotated[Line, LeftToRight]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Readable]
"""Several lines that people read."""
