"""Kinds: what each type of event means to people, as data (kinds.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from shared.actor import Role

Importance = Literal["information", "attention", "urgent"]
IMPORTANCE: tuple[Importance, ...] = get_args(Importance)
"""From the least to the most."""
Queue = Literal[
    "to_sign",
    "to_approve",
    "obligations",
    "visas",
    "to_acknowledge",
    "ceremonies",
    "reminders",
    "mentions",
    "information",
]
QUEUES: tuple[Queue, ...] = get_args(Queue)
"""The workqueues of an inbox, in the order in which people are shown them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an event of one type means to people."""

    importance: Importance = "information"
    statutory: bool = False
    """Always told and at once, whatever anybody prefers."""
    receipt: int = 0
    """Days within which each academy of the audience acknowledges it; 0: it need not."""
    national: bool = False
    """It is addressed to the nation too, whichever region it concerns."""
    letters: bool = True
    """It is told by e-mail too, not in inboxes and to webhooks alone."""
    private: bool = False
    """Of all endpoints only its subject is told."""
    queue: Queue = "information"
    settles: tuple[Queue, ...] = ()
    """The workqueues in which nothing about the same subject is left to do."""
    settles_own: tuple[Queue, ...] = ()
    """Those in which nothing is left to do for the people of the organisation that the event names."""
    same: tuple[str, ...] = ()
    """The fields in which settled work is like the event; none: all of the subject's is."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """All of kinds.toml."""

    events: Mapping[str, Kind]
    work: Mapping[Queue, frozenset[Role]]
    """Workqueue -> the roles that find its work in their inbox without asking for it."""
    paths: Mapping[str, str]
    """Aggregate -> where people see it."""
    higher: Mapping[Role, Role]
    """Role -> who is told too when what waits for it is overdue."""

    def of(self, type: str) -> Kind:
        """The kind of an event type; one we do not know of informs."""
        return self.events.get(type, INFORMS)

    def up_to(self, roles: frozenset[Role], levels: int) -> frozenset[Role]:
        """These roles, and those that are up to so many levels higher."""
        for _ in range(levels):
            roles |= {self.higher[role] for role in roles if role in self.higher}
        return roles

    @property
    def asking(self) -> frozenset[Queue]:
        """The workqueues that ask for something until it is settled."""
        return frozenset(queue for kind in self.events.values() for queue in kind.settles)

    def path(self, type: str, subject: object, data: Mapping[str, object]) -> str | None:
        """Where people see what an event is about; None where there is nothing to see."""
        folder = self.paths.get(str(data.get("subject_type", type.split(".")[2])))
        return folder and f"{folder}/{data.get('subject_id', subject)}"


INFORMS = Kind()


@cache
def kinds() -> Kinds:
    """The kinds of this installation."""
    told = tomllib.loads(Path(__file__).with_name("kinds.toml").read_text("utf-8"))
    events = {type: _kind(facts) for type, facts in told["events"].items()}
    work = {queue: frozenset(map(Role, roles)) for queue, roles in told["work"].items()}
    higher = {Role(role): Role(above) for role, above in told["higher"].items()}
    return Kinds(events, work, told["paths"], higher)


def _kind(facts: dict[str, Any]) -> Kind:
    lists: dict[str, Any] = {name: tuple(fact) for name, fact in facts.items() if isinstance(fact, list)}
    return Kind(**facts | lists)
