"""Permissions: who may do what, as one table per service that tests walk whole."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.refusals import Forbidden, NotFound

ANYONE = frozenset(Role)
"""Every signed-in person or system."""
Condition = Callable[[Actor, Any], bool]


class Permissions(Mapping[str, frozenset[Role]]):
    """Action -> the roles that may take it, within their jurisdiction. What is not listed nobody may do.

    `only` narrows an action to the aggregates for which the condition holds (an academy's own agreements, say).
    """

    def __init__(self, roles: Mapping[str, Collection[Role]], *, only: Mapping[str, Condition] | None = None) -> None:
        self._roles = {action: frozenset(allowed) for action, allowed in roles.items()}
        self._only = dict(only or {})
        assert self._only.keys() <= self._roles.keys()

    def __getitem__(self, action: str) -> frozenset[Role]:
        return self._roles[action]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    def allow(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> None:
        """Pass, or raise NotFound outside the jurisdiction, Forbidden for another role."""
        if aggregate is not None and not actor.within(aggregate.visible_to()):
            raise NotFound()
        if not actor.has(*self._roles[action]):
            raise Forbidden(action=action)
        if aggregate is not None and action in self._only and not self._only[action](actor, aggregate):
            raise Forbidden(action=action)

    def may(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> bool:
        """Whether `allow` would pass."""
        try:
            self.allow(actor, action, aggregate)
        except (NotFound, Forbidden):
            return False
        return True


def available_actions(actor: Actor, aggregate: Aggregate, permissions: Permissions) -> list[str]:
    """What this actor may do with the aggregate now, by the same two rules that commands apply."""
    return [
        action
        for action in aggregate.ALLOWED
        if action in permissions and aggregate.refusal_of(action) is None and permissions.may(actor, action, aggregate)
    ]
