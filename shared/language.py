"""Languages: which one to answer in, and the texts people read in each."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel.dates import format_datetime

from shared.bidi import apart
from shared.clock import CASABLANCA

LANGUAGES = ("ar", "fr", "en")
"""The languages we have texts in, the default first. Another is a wording file and an entry here."""
LOCALES = {"ar": "ar_MA", "fr": "fr_MA", "en": "en_GB"}
"""How dates and numbers are written in each."""
COMMAS = {"ar": "،", "fr": ",", "en": ","}
RIGHT_TO_LEFT = frozenset({"ar"})

PREFERENCE = re.compile(
    r"\s*([a-zA-Z]{1,8}|\*)(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def choose(accept_language: str | None) -> str:
    """The language of ours that an Accept-Language header (RFC 9110, 12.5.4) prefers; the default without one."""
    best, language = 0.0, LANGUAGES[0]
    for part in (accept_language or "").split(","):
        if not (wish := PREFERENCE.fullmatch(part)):
            continue
        name, weight = wish[1].lower(), float(wish[2] or 1)
        if weight > best and (name == "*" or name in LANGUAGES):
            best, language = weight, LANGUAGES[0] if name == "*" else name
    return language


def instant(at: datetime, language: str) -> str:
    """A day and a time of day as Morocco's clocks show them."""
    pattern = f"d MMMM y{COMMAS[language]} HH:mm"
    return format_datetime(at.astimezone(CASABLANCA), pattern, tzinfo=CASABLANCA, locale=LOCALES[language])


class Wording:
    """Texts by key and language, from one or more folders holding `{ar,fr,en}.toml`; later folders win.

    A folder may hold folders of the same kind, one per noun.

    A key is the path in the file, joined by dots: `refusals.already-signed.title`. Placeholders are `{name}`.
    Raises ValueError if a text is missing in one of the languages.
    """

    def __init__(self, *folders: Path) -> None:
        self._texts: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
        for folder in folders:
            for language, texts in self._texts.items():
                files = [folder / f"{language}.toml", *sorted(folder.glob(f"*/{language}.toml"))]
                for file in files:
                    texts.update(_flat(tomllib.loads(file.read_text("utf-8"))))
        keys = {key for texts in self._texts.values() for key in texts}
        gaps = [f"{key} ({language})" for language in LANGUAGES for key in sorted(keys - self._texts[language].keys())]
        if gaps:
            raise ValueError(f"no wording for {', '.join(gaps)} in {', '.join(map(str, folders))}")

    def __contains__(self, key: str) -> bool:
        return key in self._texts[LANGUAGES[0]]

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with the prefix."""
        return [key for key in self._texts[LANGUAGES[0]] if key.startswith(prefix)]

    def placeholders(self, key: str, language: str) -> frozenset[str]:
        """The names of the values that the text asks for. Raises KeyError for an unknown key."""
        return _placeholders(self._texts[language][key])

    def text(self, key: str, language: str, /, **values: Any) -> str:
        """The text with its placeholders filled; one without a value shows `…`. Raises KeyError for an unknown key.

        In right-to-left text every value is isolated, and so are its numbers, or their parts change places.
        """
        if language in RIGHT_TO_LEFT:
            values = {name: apart(value) for name, value in values.items()}
        return self._texts[language][key].format_map(_Values(values))


class _Values(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "…"


@cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def _flat(texts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in texts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
