"""Subscribership: how many people of a jurisdiction subscribe to the same, so that others can tell whom they will tell.

Who is among those to whom a statutory notice is addressed is told of it in any case (`readership`); this is about who
asked for what is not addressed to them.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from services.notifications.kinds import Importance
from services.notifications.preferences import Preferences
from services.notifications.telling import LISTS, Happening, PersonTold, Rule, told
from shared.aggregate import Aggregate
from shared.audit import canonical
from shared.events.base import DomainEvent
from shared.events.notifications import SubscribershipCounted, Wanted
from shared.subscribing import FORETOLD

SUBSCRIBERSHIPS_OF = uuid5(NAMESPACE_URL, "urn:mithaq:subscribership")
WHERE = tuple(name for name in LISTS if name != "types")
"""The conditions that say what an event is about, not what it is."""
NOBODY = UUID(int=0)
SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)

Asked = tuple[Wanted, ...]


class Subscribership(Aggregate):
    """The people of one jurisdiction who asked for the same: a number, and never who they are."""

    kind: ClassVar[str] = "subscribership"

    jurisdiction: str = ""
    wanted: Asked = ()
    people: int = 0

    @staticmethod
    def id_of(jurisdiction: str, wanted: Asked) -> UUID:
        """The id of those of a jurisdiction who asked for this: there is one."""
        asked = canonical([each.model_dump(mode="json") for each in wanted]).decode()
        return uuid5(SUBSCRIBERSHIPS_OF, f"{jurisdiction} {asked}")

    def count(self, jurisdiction: str, wanted: Asked, people: int) -> list[DomainEvent]:
        """Say how many there are, if it is another number."""
        if people == self.people:
            return []
        said = {"jurisdiction": jurisdiction, "wanted": wanted, "people": people}
        return [SubscribershipCounted(subscribership_id=self.id, **said)]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        if isinstance(event, SubscribershipCounted):
            self.jurisdiction, self.wanted, self.people = event.jurisdiction, event.wanted, event.people

    def audience(self) -> tuple[str, ...]:
        """No academy: nobody need do anything about it."""
        return ()

    def visible_to(self) -> tuple[str, ...]:
        """Those who are counted."""
        return (self.jurisdiction,)


def asked_by(one: PersonTold) -> Asked:
    """What somebody asked for of what is foretold, and is told of, on whichever channel and however late."""
    wanted: dict[tuple[tuple[str, ...], ...], set[str]] = defaultdict(set)
    for rule in one.rules:
        if types := _brought(rule.types, rule.importance, one.preferences, one.suspended):
            wanted[tuple(tuple(sorted({*getattr(rule, name)})) for name in WHERE)].update(types)
    return tuple(
        Wanted(types=tuple(sorted(types)), **dict(zip(WHERE, where, strict=True)))
        for where, types in sorted(wanted.items())
    )


# All people are asked about every minute, and most ask and prefer alike.
@lru_cache(4096)
def _brought(
    patterns: tuple[str, ...], importance: Importance, preferences: Preferences, suspended: bool
) -> tuple[str, ...]:
    """The types of which the decision that tells would tell anybody by such a rule, whatever the event is about."""
    anybody = PersonTold(NOBODY, "anybody", "anywhere", frozenset(), preferences, suspended)
    one = replace(anybody, rules=[Rule(NOBODY, types=patterns, importance=importance)])
    here = frozenset({one.jurisdiction})
    events = [Happening(type, NOBODY, frozenset(), here, frozenset(), actor="") for type in FORETOLD]
    return tuple(each.type for each in events if any(by.told and by.rule for by in told(each, one, SOME_DAY)))
