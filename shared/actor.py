"""Who acts, in which roles, within which jurisdiction."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

Scope = frozenset[str]
"""Jurisdiction codes that a transaction may see: academies, directorates, `org:<uuid>`, or `national`."""

EVERYONE = "everyone"
"""The code on rows that any signed-in person may see (an academy's own entry in the register, say)."""
NATIONAL: Scope = frozenset({"national"})
JURISDICTION = re.compile(
    r"national|MA-(0[1-9]|1[0-2])|DP-[A-Z]{3}(-[A-Z]+)?|org:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""What a person's jurisdiction may be: the nation, an academy, a directorate or an organisation."""


def scope_of(jurisdiction: str) -> Scope:
    """The rows that transactions for this jurisdiction may see."""
    return NATIONAL if jurisdiction == "national" else frozenset({jurisdiction, EVERYONE})


class Role(StrEnum):
    """What a person or a system may be asked to do (domain: actors and what each may do)."""

    ministry_officer = "ministry_officer"
    academy_director = "academy_director"
    academy_officer = "academy_officer"
    directorate_officer = "directorate_officer"
    association_manager = "association_manager"
    network_coordinator = "network_coordinator"
    auditor = "auditor"
    operator = "operator"
    academy_system = "academy_system"
    system = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or system as its access token describes it; a person is (issuer, subject)."""

    issuer: str
    subject: str
    roles: frozenset[Role]
    jurisdiction: str
    name: str | None = field(default=None, compare=False)
    """What the token says that people call them; none if it does not. Nothing is decided by it."""

    @property
    def person(self) -> str:
        """The stable name of this person in events and mandates."""
        return f"{self.issuer}#{self.subject}"

    @property
    def scope(self) -> Scope:
        """The rows this actor's transactions may see."""
        return scope_of(self.jurisdiction)

    def has(self, *roles: Role) -> bool:
        """Whether the actor holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def within(self, codes: Iterable[str]) -> bool:
        """Whether the actor may see what carries these codes: national, or one of them."""
        return self.jurisdiction == "national" or not self.scope.isdisjoint(codes)


SYSTEM = Actor("mithaq", "system", frozenset({Role.system}), "national")
"""What reactions and the schedule act as."""
