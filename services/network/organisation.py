"""An organisation: an institution that can be a party of agreements."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.actor import EVERYONE
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.network import OrganisationKind, OrganisationRegistered
from shared.territory import ACADEMIES, ACADEMY_CODES, DIRECTORATES, MINISTRY_ID, NETWORK_ID


class OrganisationState(StrEnum):
    """An institution is in the register for good."""

    registered = "registered"


class Organisation(Aggregate):
    """The ministry, an academy, a directorate, the network, or a funder, host of premises or partner."""

    kind = "organisation"
    ALLOWED: ClassVar = {}

    state: OrganisationState = OrganisationState.registered
    category: OrganisationKind = "partner"
    academy: str | None = None
    """The academy whose region it belongs to; none for a national institution."""
    name_ar: str = ""
    name_fr: str = ""

    @staticmethod
    def register(
        id: UUID, *, category: OrganisationKind, academy: str | None, name_ar: str, name_fr: str
    ) -> list[DomainEvent]:
        """Enter the register."""
        return [
            OrganisationRegistered(organisation_id=id, kind=category, academy=academy, name_ar=name_ar, name_fr=name_fr)
        ]

    def apply(self, event: DomainEvent) -> None:
        match event:
            case OrganisationRegistered():
                self.category = event.kind
                self.academy = event.academy
                self.name_ar = event.name_ar
                self.name_fr = event.name_fr
            case _:
                raise TypeError(f"not an organisation's event: {event.type}")

    def audience(self) -> tuple[str, ...]:
        return (self.academy,) if self.academy else ACADEMY_CODES

    def visible_to(self) -> tuple[str, ...]:
        return (EVERYONE, *((self.academy,) if self.academy else ()))


def institutions() -> list[OrganisationRegistered]:
    """The organisations every installation has: the ministry, the network, the academies and directorates."""
    return [
        OrganisationRegistered(
            organisation_id=MINISTRY_ID,
            kind="ministry",
            academy=None,
            name_ar="وزارة التربية الوطنية والتعليم الأولي والرياضة",
            name_fr="Ministère de l'Éducation nationale, du Préscolaire et des Sports",
        ),
        OrganisationRegistered(
            organisation_id=NETWORK_ID,
            kind="network",
            academy=None,
            name_ar="شبكة جمعيات مدارس الفرصة الثانية بالمغرب",
            name_fr="Réseau des associations des écoles de la deuxième chance au Maroc (RAE2C-Maroc)",
        ),
        *(
            OrganisationRegistered(
                organisation_id=academy.organisation_id,
                kind="academy",
                academy=academy.code,
                name_ar=academy.name_ar,
                name_fr=academy.name_fr,
            )
            for academy in ACADEMIES.values()
        ),
        *(
            OrganisationRegistered(
                organisation_id=directorate.organisation_id,
                kind="directorate",
                academy=directorate.academy,
                name_ar=f"المديرية الإقليمية: {directorate.name_ar}",
                name_fr=f"Direction provinciale : {directorate.name_fr}",
            )
            for directorate in DIRECTORATES.values()
        ),
    ]
