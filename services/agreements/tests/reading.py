"""Papers as they are read: all that is printed, and what the eye finds on each line from left to right."""

import re
from collections.abc import Iterator
from ctypes import byref, c_double

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw  # type: ignore[import-untyped]

Sign = tuple[float, str]
"""How far from the left it begins, in points, and what it is."""


def text_of(pdf: bytes) -> str:
    """All that is printed, page by page, with every white space as one space and without the breaks of long words."""
    pages = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_range().replace("\u200b", "").split()) for page in pages)


def all_in(words: str, text: str) -> bool:
    """Whether the words are there in any order: the reader sorts a line with two directions its own way."""
    return set(re.findall(r"\w+", words)) <= set(re.findall(r"\w+", text))


def seen_lines(pdf: bytes) -> list[str]:
    """What each line shows from left to right, without white space; columns side by side are one line."""
    return ["".join(sign for _, sign in sorted(line)) for line in _lines(pdf)]


def beyond_the_edges(pdf: bytes, *, left: float, right: float) -> str:
    """The signs that begin left of the one edge or right of the other, in points from the left."""
    return "".join(sign for line in _lines(pdf) for at, sign in line if not left <= at <= right)


def _lines(pdf: bytes) -> Iterator[list[Sign]]:
    for page in pypdfium2.PdfDocument(pdf):
        lines: dict[int, list[Sign]] = {}
        text = page.get_textpage()
        x, y = c_double(), c_double()
        for at in range(text.count_chars()):
            sign = chr(pypdfium2.raw.FPDFText_GetUnicode(text, at))
            drawn = pypdfium2.raw.FPDFText_IsGenerated(text, at) == 0
            if drawn and sign.isprintable() and not sign.isspace():
                pypdfium2.raw.FPDFText_GetCharOrigin(text, at, byref(x), byref(y))
                lines.setdefault(round(y.value), []).append((x.value, sign))
        yield from lines.values()
