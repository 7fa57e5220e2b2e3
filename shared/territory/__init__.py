"""The territory: 12 academies, their provinces and directorates, and the institutions every installation knows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AfterValidator, WithJsonSchema

ORGANISATIONS = uuid5(NAMESPACE_URL, "urn:mithaq:organisations")
"""The namespace of the institutions' ids (UUIDv5): the same in every installation, for ever."""
MINISTRY_ID = uuid5(ORGANISATIONS, "ministry")
NETWORK_ID = uuid5(ORGANISATIONS, "network")


@dataclass(frozen=True, slots=True)
class Academy:
    """A regional academy of education and training; its code is its region's (ISO 3166-2)."""

    code: str
    name_ar: str
    name_fr: str
    name_en: str
    region_ar: str
    region_fr: str
    region_en: str
    seat: str

    @property
    def organisation_id(self) -> UUID:
        """The academy as a party of agreements."""
        return uuid5(ORGANISATIONS, self.code)


@dataclass(frozen=True, slots=True)
class Province:
    """A prefecture or province; `academy` is the code of the academy it belongs to."""

    code: str
    type: Literal["prefecture", "province"]
    name_ar: str
    name_fr: str
    academy: str


@dataclass(frozen=True, slots=True)
class Directorate:
    """A provincial directorate of an academy; its code (`DP-…`) is Mithaq's own."""

    code: str
    province: str
    name_ar: str
    name_fr: str
    academy: str

    @property
    def organisation_id(self) -> UUID:
        """The directorate as a party of agreements."""
        return uuid5(ORGANISATIONS, self.code)


_REGIONS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("regions.json").read_text(encoding="utf-8"))

ACADEMIES: Mapping[str, Academy] = {
    region["code"]: Academy(
        name_en=f"Regional Academy of Education and Training of {region['region_en']}",
        **{name: value for name, value in region.items() if name not in ("provinces", "directorates")},
    )
    for region in _REGIONS
}
ACADEMY_CODES: tuple[str, ...] = tuple(ACADEMIES)
PROVINCES: Mapping[str, Province] = {
    each["code"]: Province(**each, academy=region["code"]) for region in _REGIONS for each in region["provinces"]
}
DIRECTORATES: Mapping[str, Directorate] = {
    each["code"]: Directorate(**each, academy=region["code"]) for region in _REGIONS for each in region["directorates"]
}

OFFICES: Mapping[str, Academy | Directorate] = {**ACADEMIES, **DIRECTORATES}
"""Code -> the academy or directorate whose people have it as their jurisdiction."""

_HOMES = {MINISTRY_ID: "national"} | {each.organisation_id: each.code for each in OFFICES.values()}


def jurisdiction_of(organisation: UUID) -> str:
    """The jurisdiction of an organisation's people."""
    return _HOMES.get(organisation, f"org:{organisation}")


def organisation_of(jurisdiction: str) -> UUID:
    """The organisation whose people have a jurisdiction."""
    if jurisdiction == "national":
        return MINISTRY_ID
    office = OFFICES.get(jurisdiction)
    return office.organisation_id if office else UUID(jurisdiction.removeprefix("org:"))


@lru_cache(10_000)
def codes_of(organisation: UUID) -> tuple[str, ...]:
    """The codes under which an organisation sees what it is a party of: its own, and a directorate's `DP-…`.

    An academy sees it by the audience, and the ministry sees all.
    """
    home = jurisdiction_of(organisation)
    return (f"org:{organisation}", home) if home in DIRECTORATES else (f"org:{organisation}",)


def directorates_of(province: str) -> tuple[Directorate, ...]:
    """The directorates that share a province: one, but eight in the prefecture of Casablanca."""
    return tuple(each for each in DIRECTORATES.values() if each.province == province)


def belongs(province: str, academy: str) -> bool:
    """Whether the province exists and lies in the academy's region."""
    return province in PROVINCES and PROVINCES[province].academy == academy


def _known_academy(code: str) -> str:
    if code not in ACADEMIES:
        raise ValueError("no academy has this code")
    return code


def _known_province(code: str) -> str:
    if code not in PROVINCES:
        raise ValueError("no prefecture or province has this code")
    return code


AcademyCode = Annotated[
    str, AfterValidator(_known_academy), WithJsonSchema({"type": "string", "enum": list(ACADEMY_CODES)})
]
"""In request bodies: the code of an academy that exists."""
ProvinceCode = Annotated[
    str, AfterValidator(_known_province), WithJsonSchema({"type": "string", "enum": list(PROVINCES)})
]
"""In request bodies: the code of a prefecture or province that exists."""
