"""Notice: what an academy is told of an event, in its language.

The same bytes in feed, stream and webhook, but for what a webhook adds at its end: what its endpoint was owed before.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from babel.dates import format_date

from services.notifications.telling import NAMINGS, Naming, named_as
from shared.events.base import DomainEvent
from shared.events.catalog import BY_TYPE
from shared.language import LANGUAGES, LOCALES, Wording, instant
from shared.messaging.envelope import source_of, topic_of
from shared.territory import ACADEMIES, DIRECTORATES, PROVINCES
from shared.texts import in_one_line

DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T.+)?$")
"""A date, or an instant."""
SUBJECTS = ("amendment", "agreement", "center", "association", "organisation", "operator", "struck")
"""What sentences call by its name: the events' `<subject>_id` fields."""
LATIN = ("fr", "en")


@cache
def wording() -> Wording:
    """The texts of this service."""
    return Wording(Path(__file__).parent / "wording")


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """An event with the names that were known when it was told.

    It equals itself alone: what was made of it can be kept for all who read it.
    """

    event_id: UUID
    type: str
    subject: UUID
    version: int
    time: datetime
    data: Mapping[str, Any]
    names: Mapping[str, Mapping[str, str]]
    traceparent: str | None = None
    summaries: Mapping[str, str] | None = None
    """What happened, by language, in the words of the day on which it was told; None: worded when it is read.

    Under `<naming>.<language>` as it is said to whom it names so, where that is said otherwise.
    """

    @classmethod
    def of(cls, row: Any) -> Self:
        """The notice of a row that has its columns."""
        return cls(*(getattr(row, field) for field in cls.__slots__))

    @property
    def outward(self) -> Mapping[str, Any]:
        """The event's data without what is between services."""
        event = BY_TYPE.get(self.type)
        inside = event.inside if event else ()
        return {field: value for field, value in self.data.items() if field not in inside} if inside else self.data

    def summary(self, language: str) -> str:
        """What happened, in one sentence."""
        return self.summaries[language] if self.summaries else self.worded(language)

    def to(self, person: str, jurisdiction: str) -> "Notice":
        """The notice as it is told to somebody: whom it names is told that it does."""
        naming = named_as(self.data, person, jurisdiction)
        if naming is None or f"named.{naming}.{self.type}" not in wording():
            return self
        said = self.summaries or {}
        found = {each: said.get(f"{naming}.{each}") or self.worded(each, naming) for each in LANGUAGES}
        return replace(self, summaries=found)

    def sentences(self) -> dict[str, str]:
        """All `summaries`, in today's words."""
        named = [each for each in NAMINGS if f"named.{each}.{self.type}" in wording()]
        return {language: self.worded(language) for language in LANGUAGES} | {
            f"{naming}.{language}": self.worded(language, naming) for naming in named for language in LANGUAGES
        }

    def worded(self, language: str, naming: Naming | None = None) -> str:
        """The sentence in today's words."""
        because, trigger = self.data.get("because"), self.data.get("trigger")
        closer = (f"named.{naming}.{self.type}", f"triggers.{trigger}", f"cases.{self.type}.{because}")
        key = next((each for each in closer if each in wording()), f"events.{self.type}")
        values = self.values(language)
        if (earlier := f"earlier.{self.type}") in wording():
            # Events from before they told all that today's sentence says.
            untold = any(not values.get(name) for name in wording().placeholders(key, language))
            key = earlier if untold else key
        return wording().text(key, language, **values)

    def values(self, language: str) -> dict[str, str]:
        """What fills the sentence's placeholders: the event's fields as people of this language write them."""
        values = {field: _shown(field, value, language) for field, value in self.data.items()}
        for subject in SUBJECTS:
            if (id := self.data.get(f"{subject}_id")) is not None:
                values[subject] = self._name_of(id, language)
        if (organisation := _organisation_at(self.data)) is not None:
            values["jurisdiction"] = self._name_of(organisation, language)
        if "agreement" in values:
            where = "amendment" if "amendment" in values else "agreement"
            values["place"] = wording().text(f"places.{where}", language, agreement=values["agreement"])
        return values

    def _name_of(self, id: str, language: str) -> str:
        name = self.names.get(id)
        return in_one_line(name["fr" if language in LATIN else "ar"]) if name else f"n° {id[:8]}"

    def payload(self, *, academy: str, sequence: int, language: str, previous: int | None = None) -> dict[str, Any]:
        """The thin message: Standard Webhooks' type, timestamp and data, a CloudEvent too, and where it belongs.

        An endpoint's message says which number it was owed before, where that is known.
        """
        before = {} if previous is None else {"previous_sequence": previous}
        return {**self._said(language), "academy": academy, "sequence": sequence, **before}

    def body(self, *, academy: str, sequence: int, language: str, previous: int | None = None) -> bytes:
        """The payload as it is signed and sent."""
        before = b"" if previous is None else b',"previous_sequence":%d' % previous
        return b'%s,"academy":"%s","sequence":%d%s}' % (_beginning(self, language), academy.encode(), sequence, before)

    def _said(self, language: str) -> dict[str, Any]:
        """What every academy is told alike."""
        time = self.time.isoformat().replace("+00:00", "Z")
        return {
            "type": self.type,
            "timestamp": time,
            "data": self.outward,
            "specversion": "1.0",
            "id": str(self.event_id),
            "source": source_of(topic_of(self.type)),
            "subject": str(self.subject),
            "time": time,
            "version": self.version,
            "language": language,
            "summary": self.summary(language),
        }


@lru_cache(maxsize=4096)
def _beginning(notice: Notice, language: str) -> bytes:
    """The payload up to where academies begin to differ: one notice is sent to many."""
    return json.dumps(notice._said(language), ensure_ascii=False, separators=(",", ":")).encode()[:-1]


def name_told_by(event: DomainEvent) -> tuple[UUID, str, str] | None:
    """The id, Arabic name and French name that an event makes known; None if it names nothing."""
    data = event.model_dump()
    id = next((data[f"{subject}_id"] for subject in SUBJECTS if f"{subject}_id" in data), None)
    if id is None:
        return None
    if "name_ar" in data:
        # A center's event names the center, though it names its agreement and operator too.
        return data.get("center_id", id), data["name_ar"], data["name_fr"]
    if "reference" in data:
        return id, data["reference"], data["reference"]
    return None


def subjects_of(event: DomainEvent) -> Iterable[UUID]:
    """The ids whose names a sentence about the event may use."""
    data = event.model_dump()
    organisation = _organisation_at(data)
    home = [UUID(organisation)] if organisation else []
    return [*(data[f"{subject}_id"] for subject in SUBJECTS if data.get(f"{subject}_id")), *home]


def _organisation_at(data: Mapping[str, Any]) -> str | None:
    """The id of the organisation whose jurisdiction (`org:<id>`) an event names; None if it names no such one."""
    kind, _, id = str(data.get("jurisdiction", "")).partition(":")
    return id if kind == "org" else None


def _shown(field: str, value: Any, language: str) -> str:
    if isinstance(value, list):
        return str(len(value))
    if not isinstance(value, str):
        return "" if value is None else str(value)
    if field in ("academy", "jurisdiction") and value in ACADEMIES:
        return str(getattr(ACADEMIES[value], f"name_{language}"))
    if field == "jurisdiction" and value in DIRECTORATES:
        place = DIRECTORATES[value].name_ar if language == "ar" else DIRECTORATES[value].name_fr
        return f"{wording().text('values.jurisdiction.directorate', language)} ({place})"
    if field == "province":
        return PROVINCES[value].name_ar if language == "ar" else PROVINCES[value].name_fr
    if DATE.match(value):
        return _on_the_calendar(value, language)
    key = f"values.{field}.{value}"
    return wording().text(key, language) if key in wording() else value


@lru_cache(maxsize=4096)
def _on_the_calendar(value: str, language: str) -> str:
    if "T" not in value:
        return format_date(date.fromisoformat(value), "long", LOCALES[language])
    return instant(datetime.fromisoformat(value), language)
