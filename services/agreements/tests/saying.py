"""What a refusal says to people, and what it must not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import services.agreements
from shared.language import LANGUAGES, Wording
from shared.refusals import Refusal
from shared.web import WORDING
from shared.web.problems import refusal_text

WORDS = Wording(WORDING, Path(services.agreements.__file__).parent / "wording")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CODE = re.compile(r"\b[a-z]+(_[a-z]+)+\b|\bNone\b|\borg:|\bMA-[A-Z0-9]|\bDP-[A-Z]")
AS_SENT = frozenset(
    {"kind-unknown", "province-outside-academy", "document-category-unknown", "clause-unknown", "clause-repeated"}
)
"""Refusals that repeat what the request said, whatever it was."""


def flaws(refusal: Refusal) -> Iterator[str]:
    """What people cannot read in what the refusal says to them: ids, codes, and values that it does not have."""
    if f"refusals.{refusal.slug}.title" not in WORDS:
        return
    for language in LANGUAGES:
        said = refusal_text(refusal, WORDS, language)
        asked = [WORDS.placeholders(f"refusals.{refusal.slug}.{part}", language) for part in ("title", "detail")]
        gaps = frozenset().union(*asked) - refusal.values.keys() - {"trace_id", "retry_after"}
        found = [*ID.findall(said), *(f"no {name}" for name in gaps)]
        if refusal.slug not in AS_SENT:
            found += [each.group() for each in CODE.finditer(said)]
        if found:
            yield f"{refusal.slug} ({language}): {', '.join(found)} in {said!r}"


def shape(value: Any) -> Any:
    """What makes two values read alike: words as they are, everything else by its type."""
    match value:
        case dict():
            return tuple((name, shape(each)) for name, each in value.items())
        case list() | tuple():
            return tuple(sorted({repr(shape(each)) for each in value}))
        case str() if not ID.search(value):
            return str(value)
    return type(value).__name__
