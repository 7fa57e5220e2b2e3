"""Places in a content as a refusal names them to people: a clause by its title, a party by its name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from services.agreements.bilingual import Bilingual
from services.agreements.content import Annex, ClauseRef
from services.agreements.kinds import ContentPart
from services.agreements.merge import Conflict
from services.agreements.terms import BudgetLine, Duty
from shared.events.agreements import AgreementParty, CenterToOpen
from shared.language import LANGUAGES, RIGHT_TO_LEFT, Wording

WORDS = Wording(Path(__file__).parent / "wording")


def conflict_named(conflict: Conflict, names: Mapping[UUID, Bilingual]) -> dict[str, str]:
    """Where two sides clash, by language; `names` are those of the parties' organisations."""
    value = next(each for each in (conflict.current, conflict.branch, conflict.base) if each is not None)
    return part_named(conflict.part, conflict.key, value, names)


def part_named(part: ContentPart, key: str, value: object, names: Mapping[UUID, Bilingual]) -> dict[str, str]:
    """A part of a content with this value, by language; `names` are those of the parties' organisations."""
    if f"places.{part}.{key}" in WORDS:
        return _said(f"{part}.{key}")
    return _said(part, name_of(value, names))


def parts_named(parts: Iterable[ContentPart]) -> list[dict[str, str]]:
    """What of a content changes as a whole, each by language."""
    return [_said(f"part.{each}") for each in parts]


def frozen_named(place: str, table: Sequence[ClauseRef]) -> dict[str, str]:
    """Where a frozen text was tampered with, by language: see TextTampered."""
    key, _, language = place.partition("/")
    if language not in ("ar", "fr"):
        return _said(place)
    return _said(f"body_{language}", next((each.title for each in table if each.key == key), None))


def _said(word: str, name: Bilingual | None = None) -> dict[str, str]:
    return {
        language: WORDS.text(
            f"places.{word}", language, **({"name": name.ar if language in RIGHT_TO_LEFT else name.fr} if name else {})
        )
        for language in LANGUAGES
    }


def name_of(value: object, names: Mapping[UUID, Bilingual]) -> Bilingual | None:
    """What a part is called: a clause by its title, a party by its organisation; None for what has no name."""
    match value:
        case AgreementParty():
            return names.get(value.organisation_id)
        case CenterToOpen():
            return Bilingual(ar=value.name_ar, fr=value.name_fr)
        case Duty():
            return value.what
        case BudgetLine():
            return value.heading
        case Annex():
            return Bilingual(ar=value.name, fr=value.name)
    title = getattr(value, "title", None)
    return title if isinstance(title, Bilingual) else None
