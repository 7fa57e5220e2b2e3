"""What the tests of centers are made of."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from services.centers.center import Center
from shared.actor import Actor, Role
from shared.clock import now
from shared.events.agreements import CenterToOpen
from shared.events.base import DomainEvent, Occurrence
from shared.ids import new_id

E = TypeVar("E", bound=DomainEvent)

AGREEMENT = UUID("01920000-0000-7000-8000-00000000000a")
OPERATOR = UUID("01920000-0000-7000-8000-000000000001")
DAY = date(2024, 10, 8)


def actor(*roles: Role, jurisdiction: str = "MA-06") -> Actor:
    """Somebody with these roles within this jurisdiction."""
    return Actor("https://identity.example", "somebody", frozenset(roles), jurisdiction)


MINISTRY = actor(Role.ministry_officer, jurisdiction="national")
DIRECTOR = actor(Role.academy_director)
OFFICER = actor(Role.academy_officer)
DIRECTORATE = actor(Role.directorate_officer, jurisdiction="DP-CAS-ANFA")
MANAGER = actor(Role.association_manager, jurisdiction=f"org:{OPERATOR}")
FOREIGN_DIRECTOR = actor(Role.academy_director, jurisdiction="MA-05")


def provided(**changes: Any) -> CenterToOpen:
    """A center as a signed agreement provides for it."""
    usual: dict[str, Any] = {
        "center_id": new_id(),
        "province": "MA-CAS",
        "operator_id": OPERATOR,
        "name_ar": "مركز الأمل (وهمي)",
        "name_fr": "Centre Amal (fictif)",
        "funded_seats": 60,
        "unfunded_seats": 20,
    }
    return CenterToOpen(**usual | changes)


PLANNED = provided()
"""The center that the tests' database has from the start."""


def planned() -> Center:
    """A planned center."""
    one = provided()
    return Center.fold(one.center_id, Center.plan(one, agreement_id=AGREEMENT, academy="MA-06"))


def center(*steps: str) -> Center:
    """A center that went through these steps."""
    built = planned()
    for step in steps:
        built.evolve(decisions(built)[step]())
    return built


def decisions(center: Center) -> dict[str, Callable[[], list[DomainEvent]]]:
    """Every deciding method of a center by its action, ready to be called."""
    return {
        "start_fitting_out": center.start_fitting_out,
        "grant_visa": lambda: center.grant_visa(visa_number="VISA-FICTIF-1", granted_on=DAY, today=DAY),
        "open_center": lambda: center.open(on=DAY),
        "suspend_center": lambda: center.suspend(reason="(fictif) travaux"),
        "resume_center": center.resume,
        "rest_with_agreement": center.rest_with_agreement,
        "resume_with_agreement": center.resume_with_agreement,
        "end_with_agreement": center.end_with_agreement,
        "report_enrolled": lambda: center.report_enrolled(
            funded_enrolled=30, unfunded_enrolled=5, counted_on=DAY, today=DAY
        ),
        "close_center": lambda: center.close(on=DAY, reason="(fictif) fin de bail"),
        "abandon_center": lambda: center.abandon(reason="(fictif) local perdu"),
    }


def occurrence(event: E, version: int = 1) -> Occurrence[E]:
    """The event as it reaches a reaction, about the agreement."""
    return Occurrence(
        event=event,
        id=new_id(),
        subject=AGREEMENT,
        version=version,
        audience=("MA-06",),
        actor="mithaq#system",
        time=now(),
        correlation=new_id(),
    )
