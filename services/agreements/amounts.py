"""Amounts: those that terms name, and those that words name in digits, whatever sets their thousands apart."""

import re
from collections.abc import Iterator

from services.agreements.terms import Terms
from shared.money import Money

POINTS = ".,٫٬،"
"""Between thousands, or before centimes: which one it is, the number of digits behind it tells."""
APART = rf"[ \u00a0\u2007-\u200a\u202f'’{POINTS}]"
AMOUNT = re.compile(
    rf"""
    (?<![A-Za-z\d/:\-])(?<!\d{APART})(?![0٠۰])
    (?P<whole>(?>\d{{1,3}}(?:{APART}\d{{3}}(?!\d))+|\d+))
    (?:[{POINTS}](?P<cents>\d{{1,2}}))?
    (?!\d|[/:\-]\d|{APART}\d)
    """,
    re.VERBOSE,
)
"""A number that stands alone: not within another one, a day, an account or the number of a law."""
LEAST, LEAST_BARE, MOST = 4, 6, 13
"""How many digits before the centimes tell an amount: of years, numbers of laws and postal codes, in which nothing is
set apart, there are up to five; no budget takes more than thirteen."""


def amounts_of(terms: Terms) -> frozenset[int]:
    """The centimes that terms name: of each budget line, of their total as papers print it, in words of obligations."""
    lines = [line.amount for line in terms.budget]
    words = "\n".join(text for duty in terms.obligations for text in (duty.what.ar, duty.what.fr))
    return frozenset([each.centimes for each in (*lines, Money.total(lines))] + [each for _, each in named_in(words)])


def named_in(text: str) -> Iterator[tuple[str, int]]:
    """The amounts that a text names, each as it is written and in centimes; shorter numbers are not taken for any."""
    for found in AMOUNT.finditer(text):
        whole, cents = re.sub(r"\D", "", found["whole"]), found["cents"]
        bare = cents is None and whole == found["whole"]
        if (LEAST_BARE if bare else LEAST) <= len(whole) <= MOST:
            yield found[0], int(whole + (cents or "").ljust(2, "0"))
