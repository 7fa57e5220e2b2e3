"""The people and systems one can sign in as in the dev profile: none of them exists."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from shared.actor import JURISDICTION, Role
from shared.territory import ACADEMIES, NETWORK_ID

FICTITIOUS = {"ar": "(وهمي)", "fr": "(fictif)", "en": "(fictitious)"}


class Persona(BaseModel):
    """Somebody to sign in as; `name` by language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"[a-z0-9][a-z0-9-]{1,62}")
    name: dict[str, str]
    roles: tuple[Role, ...] = Field(min_length=1)
    jurisdiction: str = Field(pattern=f"^({JURISDICTION.pattern})$")


def first_personas() -> Iterator[Persona]:
    """Those that exist from the start: the ministry's two, the network's, and three for every academy."""
    yield _persona("ministry-officer", Role.ministry_officer, "national", "الوزارة", "Ministère", "Ministry")
    legal = "الشؤون القانونية", "Affaires juridiques", "Legal affairs"
    yield _persona("legal-officer", Role.ministry_officer, "national", *legal)
    yield _persona("auditor", Role.auditor, "national", "المفتشية", "Inspection", "Inspectorate")
    yield _persona("operator", Role.operator, "national", "مشغل المنصة", "Exploitation", "Operations")
    network = "شبكة الجمعيات", "Réseau des associations", "Associations' network"
    yield _persona("network-coordinator", Role.network_coordinator, f"org:{NETWORK_ID}", *network)
    for code, academy in ACADEMIES.items():
        names = academy.name_ar, academy.name_fr, academy.name_en
        for prefix, role in (
            ("director", Role.academy_director),
            ("officer", Role.academy_officer),
            ("system", Role.academy_system),
        ):
            yield _persona(f"{prefix}-{code.lower()}", role, code, *names)


def _persona(id: str, role: Role, jurisdiction: str, ar: str, fr: str, en: str) -> Persona:
    name = {language: f"{text} {FICTITIOUS[language]}" for language, text in (("ar", ar), ("fr", fr), ("en", en))}
    return Persona(id=id, name=name, roles=(role,), jurisdiction=jurisdiction)
