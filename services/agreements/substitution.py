"""The substitution: somebody approves in a person's place between two days."""

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.agreements.errors.substitutions import SubstituteIsOneself, SubstitutionReversed
from services.agreements.kinds import KINDS
from services.agreements.terms import unknown_kind
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
    kinds: tuple[str, ...] = ()
    academies: tuple[str, ...] = ()
    agreements: tuple[UUID, ...] = ()
    """Its scope: files of these kinds, academies and agreements; of all where none is named."""

    def covers(self, *, agreement_kind: str, academy: str | None, agreement_id: UUID) -> bool:
        """Whether a file of this agreement lies in its scope."""
        asked = ((self.kinds, agreement_kind), (self.academies, academy), (self.agreements, agreement_id))
        return all(not named or one in named for named, one in asked)

    def audience(self) -> tuple[str, ...]:
        """The person's academy, or the ministry only."""
        return (self.jurisdiction,) if self.jurisdiction in ACADEMIES else ()

    def visible_to(self) -> tuple[str, ...]:
        """The person's jurisdiction."""
        return (self.jurisdiction,)

    @staticmethod
    def grant(
        id: UUID,
        by: Actor,
        *,
        substitute: str,
        valid_from: date,
        valid_until: date,
        reason: str,
        kinds: Collection[str] = (),
        academies: Collection[str] = (),
        agreements: Collection[UUID] = (),
        today: date,
    ) -> list[DomainEvent]:
        """Name a substitute for days that are not over, for all files or those in a scope.

        Refuses SubstituteIsOneself, SubstitutionReversed, KindUnknown.
        """
        if substitute == by.person:
            raise SubstituteIsOneself()
        if valid_until < max(valid_from, today):
            raise SubstitutionReversed(valid_from=valid_from, valid_until=valid_until)
        if unknown := sorted({*kinds} - KINDS.keys()):
            raise unknown_kind(unknown[0])
        granted = SubstitutionGranted(
            substitution_id=id,
            person=by.person,
            substitute=substitute,
            valid_from=max(valid_from, today),
            valid_until=valid_until,
            kinds=tuple(kinds),
            academies=tuple(academies),
            agreements=tuple(agreements),
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
                self.kinds, self.academies, self.agreements = event.kinds, event.academies, event.agreements
                self.roles = tuple(Role(role) for role in event.detail["roles"])
                self.jurisdiction = event.detail["jurisdiction"]
                self.reason = event.detail["reason"]
            case SubstitutionRevoked():
                self.state = SubstitutionState.revoked
            case _:
                raise TypeError(f"not a substitution's event: {event.type}")
