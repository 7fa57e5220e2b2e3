"""Who approves in whose place, and when."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from shared.events.agreements.parts import AGREEMENT, PERSON
from shared.events.base import DomainEvent

SUBSTITUTION = "01920000-0000-7000-8000-00000000005b"


class SubstitutionGranted(DomainEvent):
    """A person named somebody who approves in their place between two days, both included."""

    type = "ma.mithaq.substitution.granted.v1"
    topic = "agreements.substitution"
    example: ClassVar[dict[str, Any]] = {
        "substitution_id": SUBSTITUTION,
        "person": PERSON,
        "substitute": "https://identity.example/realms/mithaq#officer-2",
        "valid_from": "2024-08-01",
        "valid_until": "2024-08-31",
        "kinds": ["academy-association"],
        "academies": ["MA-06"],
        "agreements": [AGREEMENT],
    }

    substitution_id: UUID
    person: str
    substitute: str
    valid_from: date
    valid_until: date
    kinds: tuple[str, ...] = ()
    """Kinds of agreement for which it holds; all when none is named."""
    academies: tuple[str, ...] = ()
    """Academies for whose agreements it holds; all, and the national ones, when none is named."""
    agreements: tuple[UUID, ...] = ()
    """Agreements for which it holds; all when none is named."""


class SubstitutionRevoked(DomainEvent):
    """The person takes the substitution back."""

    type = "ma.mithaq.substitution.revoked.v1"
    topic = "agreements.substitution"
    example: ClassVar[dict[str, Any]] = {"substitution_id": SUBSTITUTION}

    substitution_id: UUID
