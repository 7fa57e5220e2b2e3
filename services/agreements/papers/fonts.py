"""The fonts of papers, out of wheels and never the system's, and which characters they can print."""

import unicodedata
from functools import cache

import fontpkg_amiri  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from services.agreements.errors.papers import CharactersNotPrintable

FONTS = fontpkg_amiri.ROOT / "files"
"""Amiri: Arabic and Latin in one family (SIL Open Font License)."""
STYLES = ("Regular", "Bold")
"""The styles that papers use."""
SYMBOLS = frozenset("←↑→↓↔⇐⇒⇔∂∅∆∈∏∑√∞∩∪∫≈≠≡≤≥■□▪▫▲△▶►▼▽◀◆◇○◎●◦★☆☎☐☑☒✉✓✔✕✖✗✘❏❑❒❖➔➜➢➤№™⅓⅔ΔΩμπ⁰⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉₊₋")
"""What offices write and Amiri lacks: DejaVu Sans Mono has these, which comes within Typst (Bitstream Vera licence)."""


def unprintable(text: str) -> str:
    """The characters of a text that the fonts have no glyph for, each once; Typst would print a gap, silently."""
    return "".join(sorted(each for each in set(text) - _printable() if unicodedata.category(each) not in {"Cc", "Cf"}))


def require_printable(text: str) -> None:
    """Refuse CharactersNotPrintable for a text with characters that would be missing on paper."""
    if gaps := unprintable(text):
        raise CharactersNotPrintable(characters=", ".join(f"{each} (U+{ord(each):04X})" for each in gaps))


def with_gaps_shown(text: str) -> str:
    """The text with □ for what would be missing: for words that no signature is under and nobody can put otherwise."""
    return text.translate(dict.fromkeys(map(ord, unprintable(text)), "□"))


@cache
def _printable() -> frozenset[str]:
    return frozenset.intersection(*map(_characters, STYLES)) | SYMBOLS


def _characters(style: str) -> frozenset[str]:
    with TTFont(FONTS / f"Amiri-{style}.ttf", lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))
