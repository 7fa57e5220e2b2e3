"""Readership: how many people of a jurisdiction are known, for services that tell beforehand how many will be told."""

from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.notifications import ReadershipCounted

READERSHIPS_OF = uuid5(NAMESPACE_URL, "urn:mithaq:readership")


class Readership(Aggregate):
    """The known people of one jurisdiction: a number, and never who they are."""

    kind: ClassVar[str] = "readership"

    jurisdiction: str = ""
    people: int = 0

    @staticmethod
    def id_of(jurisdiction: str) -> UUID:
        """The id of a jurisdiction's: there is one."""
        return uuid5(READERSHIPS_OF, jurisdiction)

    def count(self, jurisdiction: str, people: int) -> list[DomainEvent]:
        """Say how many there are, if it is another number."""
        if people == self.people:
            return []
        return [ReadershipCounted(readership_id=self.id, jurisdiction=jurisdiction, people=people)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        if isinstance(event, ReadershipCounted):
            self.jurisdiction, self.people = event.jurisdiction, event.people

    def audience(self) -> tuple[str, ...]:
        """No academy: nobody need do anything about it."""
        return ()

    def visible_to(self) -> tuple[str, ...]:
        """Those who are counted."""
        return (self.jurisdiction,)
