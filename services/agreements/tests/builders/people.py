"""People and organisations. All names are fictitious."""

from uuid import UUID

from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Attendee
from shared.actor import Actor, Role
from shared.territory import ACADEMIES, DIRECTORATES, MINISTRY_ID, NETWORK_ID
from tests.fixtures.identity import ISSUER

NAME = Bilingual(ar="مؤسسة (وهمي)", fr="Organisation (fictif)")
CHAIR = Attendee(organisation_id=MINISTRY_ID, name="Présidence (fictif)")
AUTHOR = f"{ISSUER}#officer"


def person(name: str, role: Role, jurisdiction: str) -> Actor:
    """A person of one role."""
    return Actor(ISSUER, name, frozenset({role}), jurisdiction)


MINISTRY = person("ministry", Role.ministry_officer, "national")
LEGAL = person("legal", Role.ministry_officer, "national")
"""Who approves texts: never who drafted them."""


def officer(academy: str = "MA-06") -> Actor:
    """An academy's partnership officer."""
    return person(f"officer-{academy}", Role.academy_officer, academy)


def director(academy: str = "MA-06") -> Actor:
    """An academy's director."""
    return person(f"director-{academy}", Role.academy_director, academy)


def president(association: UUID) -> Actor:
    """An association's president."""
    return person(f"president-{association}", Role.association_manager, f"org:{association}")


def signer(organisation: UUID) -> Actor:
    """Whoever signs for this organisation."""
    if organisation == MINISTRY_ID:
        return MINISTRY
    if organisation == NETWORK_ID:
        return person("network", Role.network_coordinator, f"org:{NETWORK_ID}")
    for academy in ACADEMIES.values():
        if academy.organisation_id == organisation:
            return director(academy.code)
    for directorate in DIRECTORATES.values():
        if directorate.organisation_id == organisation:
            return person(f"office-{directorate.code}", Role.directorate_officer, directorate.code)
    return president(organisation)
