"""What the register's tests are made of."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from services.network.association import Association, LegalIdentity
from services.network.mandate import Mandate
from shared.actor import Actor, Role
from shared.events.base import DomainEvent
from shared.ids import new_id

PERSON = "https://identity.example#president (fictitious)"


def actor(*roles: Role, jurisdiction: str = "MA-06") -> Actor:
    """Somebody with these roles within this jurisdiction."""
    return Actor("https://identity.example", "somebody", frozenset(roles), jurisdiction)


MINISTRY = actor(Role.ministry_officer, jurisdiction="national")
DIRECTOR = actor(Role.academy_director)
OFFICER = actor(Role.academy_officer)
FOREIGN_DIRECTOR = actor(Role.academy_director, jurisdiction="MA-05")


def identity(**changes: Any) -> LegalIdentity:
    """An association's legal identity; each with an ICE of its own."""
    usual = {
        "name_ar": "جمعية الأمل (وهمية)",
        "name_fr": "Association Amal (fictive)",
        "receipt_number": "0147/2016",
        "ice": f"{new_id().int % 10**15:015}",
        "academy": "MA-06",
        "province": "MA-CAS",
    }
    return LegalIdentity(**usual | changes)


def association(*steps: str) -> Association:
    """An association that went through these steps."""
    id = new_id()
    built = Association.fold(id, Association.register(id, identity()))
    on = date(2024, 6, 3)
    decide: dict[str, Callable[[], list[DomainEvent]]] = {
        "start_verification": built.start_verification,
        "accredit_association": lambda: built.accredit(on=on),
        "refuse_association": lambda: built.refuse(reason="(fictif) récépissé périmé"),
        "suspend_association": lambda: built.suspend(on=on, reason="(fictif) comptes en retard"),
        "reinstate_association": lambda: built.reinstate(on=on),
    }
    for step in steps:
        built.evolve(decide[step]())
    return built


def mandate(**changes: Any) -> Mandate:
    """A mandate for the school year 2024/2025."""
    id = new_id()
    usual: dict[str, Any] = {
        "organisation_id": UUID(int=7),
        "academy": "MA-06",
        "person": PERSON,
        "holder": "Amina Exemple (fictive)",
        "valid_from": date(2024, 9, 1),
        "valid_until": date(2025, 8, 31),
    }
    return Mandate.fold(id, Mandate.record(id, **usual | changes))
