"""The substitution: somebody approves in a person's place between two days."""

from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.agreements.errors.substitutions import SubstituteIsOneself, SubstitutionReversed
from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.events.agreements import SubstitutionGranted, SubstitutionRevoked
from shared.events.base import DomainEvent
from shared.territory import ACADEMIES


class SubstitutionState(StrEnum):
    """Whether it was taken back; that its days are over is derived, never stored."""

    granted = "granted"
    revoked = "revoked"


_S = SubstitutionState


class Substitution(Aggregate):
    """A person's word that another approves in their place, for a time, with the roles they hold themselves."""

    kind: ClassVar[str] = "substitution"
    ALLOWED: ClassVar = {"revoke_substitution": frozenset({_S.granted})}

    state: SubstitutionState = SubstitutionState.granted
    person: str = ""
    roles: tuple[Role, ...] = ()
    jurisdiction: str = ""
    substitute: str = ""
    valid_from: date = date.min
    valid_until: date = date.min
    """The last day, included."""
    reason: str = ""

    def audience(self) -> tuple[str, ...]:
        """The person's academy, or the ministry only."""
        return (self.jurisdiction,) if self.jurisdiction in ACADEMIES else ()

    def visible_to(self) -> tuple[str, ...]:
        """The person's jurisdiction."""
        return (self.jurisdiction,)

    @staticmethod
    def grant(
        id: UUID, by: Actor, *, substitute: str, valid_from: date, valid_until: date, reason: str, today: date
    ) -> list[DomainEvent]:
        """Name a substitute for days that are not over. Refuses SubstituteIsOneself, SubstitutionReversed."""
        if substitute == by.person:
            raise SubstituteIsOneself()
        if valid_until < max(valid_from, today):
            raise SubstitutionReversed(valid_from=valid_from, valid_until=valid_until)
        granted = SubstitutionGranted(
            substitution_id=id,
            person=by.person,
            substitute=substitute,
            valid_from=max(valid_from, today),
            valid_until=valid_until,
        )
        return [granted.keeping(roles=sorted(by.roles), jurisdiction=by.jurisdiction, reason=reason)]

    def revoke(self) -> list[DomainEvent]:
        """Take it back: what was approved meanwhile stands."""
        self.require("revoke_substitution")
        return [SubstitutionRevoked(substitution_id=self.id)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case SubstitutionGranted():
                self.person = event.person
                self.substitute = event.substitute
                self.valid_from = event.valid_from
                self.valid_until = event.valid_until
                self.roles = tuple(Role(role) for role in event.detail["roles"])
                self.jurisdiction = event.detail["jurisdiction"]
                self.reason = event.detail["reason"]
            case SubstitutionRevoked():
                self.state = SubstitutionState.revoked
            case _:
                raise TypeError(f"not a substitution's event: {event.type}")
