"""Permissions: who may do what, as one table per service that tests walk whole."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.actor import Actor, Role
from shared.aggregate import Aggregate
from shared.language import Wording
from shared.refusals import Forbidden, NotAllowedNow, NotFound, Refusal
from shared.web.problems import answered_in, refusal_detail

ANYONE = frozenset(Role)
"""Every signed-in person or system."""
Condition = Callable[[Actor, Any], bool | Refusal]
"""Whether the actor may, or the refusal that says why not."""


class Permissions(Mapping[str, frozenset[Role]]):
    """Action -> the roles that may take it, within their jurisdiction. What is not listed nobody may do.

    `only` narrows an action to the aggregates for which the condition holds (an academy's own agreements, say).
    """

    def __init__(self, roles: Mapping[str, Collection[Role]], *, only: Mapping[str, Condition] | None = None) -> None:
        self._roles = {action: frozenset(allowed) for action, allowed in roles.items()}
        self._only = dict(only or {})
        self._open: dict[frozenset[Role], frozenset[str]] = {}
        assert self._only.keys() <= self._roles.keys()

    def __getitem__(self, action: str) -> frozenset[Role]:
        return self._roles[action]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    def allow(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> None:
        """Pass, or raise NotFound outside the jurisdiction, Forbidden for another role."""
        if refusal := self.refusal_of(actor, action, aggregate):
            raise refusal

    def refusal_of(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> Refusal | None:
        """What `allow` would raise."""
        if aggregate is not None and not actor.within(aggregate.visible_to()):
            return NotFound()
        return self.refusal_within(actor, action, aggregate)

    def refusal_within(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> Refusal | None:
        """What `allow` would raise about something within the actor's jurisdiction."""
        if actor.roles.isdisjoint(self._roles[action]):
            return Forbidden(action=action)
        return None if aggregate is None else self._narrowed(actor, action, aggregate)

    def _narrowed(self, actor: Actor, action: str, aggregate: Aggregate) -> Refusal | None:
        verdict = self.verdict(actor, action, aggregate)
        if isinstance(verdict, Refusal):
            return verdict
        return None if verdict else Forbidden(action=action)

    def verdict(self, actor: Actor, action: str, aggregate: Aggregate) -> bool | Refusal:
        """What the action is narrowed by says of the aggregate; True if it is not narrowed."""
        condition = self._only.get(action)
        return True if condition is None else condition(actor, aggregate)

    def open_to(self, roles: frozenset[Role]) -> frozenset[str]:
        """The actions that one of the roles may take, of whatever it may be; none may take what is not listed."""
        found = self._open.get(roles)
        if found is None:
            found = frozenset(action for action, allowed in self._roles.items() if not roles.isdisjoint(allowed))
            self._open[roles] = found
        return found

    def may_ever(self, actor: Actor, action: str) -> bool:
        """Whether one of the actor's roles may take the action, of whatever it may be."""
        return action in self.open_to(actor.roles)

    def may(self, actor: Actor, action: str, aggregate: Aggregate | None = None) -> bool:
        """Whether `allow` would pass."""
        return self.refusal_of(actor, action, aggregate) is None


class UnavailableAction(BaseModel):
    """An action that the reader's role may take, but not now, and why."""

    model_config = ConfigDict(frozen=True)

    action: str
    type: str = Field(description="stable reference of the reason, as a problem's type")
    detail: str = Field(description="the reason, in the language of the answer")

    @staticmethod
    def of(action: str, refusal: Refusal) -> "UnavailableAction":
        """What a refusal says of the action."""
        return _unavailable(action, refusal, *answered_in())


def _unavailable(action: str, refusal: Refusal, wording: Wording, language: str) -> UnavailableAction:
    if isinstance(refusal, NotAllowedNow):
        return _unavailable_now(action, refusal.values["kind"], refusal.values["state"], wording, language)
    return _worded(action, refusal, wording, language)


@lru_cache(2_000)
def _unavailable_now(action: str, kind: str, state: str, wording: Wording, language: str) -> UnavailableAction:
    """Made once: most of what an answer tells is the same for all that are in the state."""
    return _worded(action, NotAllowedNow(action=action, kind=kind, state=state), wording, language)


def _worded(action: str, refusal: Refusal, wording: Wording, language: str) -> UnavailableAction:
    detail = refusal_detail(refusal, wording, language)
    return UnavailableAction(action=action, type=f"/problems/{refusal.slug}", detail=detail)


def available_actions(actor: Actor, aggregate: Aggregate, permissions: Permissions) -> list[str]:
    """What this actor may do with the aggregate now, by the same two rules that commands apply."""
    allowed = aggregate.allowed_in(aggregate.status)
    return [action for action, refusal in _verdicts(actor, aggregate, permissions, allowed) if refusal is None]


def actions_of(
    actor: Actor, aggregate: Aggregate, permissions: Permissions, *, reasons: bool
) -> tuple[list[str], list[UnavailableAction]]:
    """What the actor may do now, and what in general but not now, with the reasons: none unless they are wanted."""
    if not reasons:
        return available_actions(actor, aggregate, permissions), []
    return told_apart(_verdicts(actor, aggregate, permissions, aggregate.ALLOWED))


def told_apart(verdicts: Iterable[tuple[str, Refusal | None]]) -> tuple[list[str], list[UnavailableAction]]:
    """Of actions with what refuses each: those that nothing does, and the others with the reasons that are told."""
    free: list[str] = []
    others: list[UnavailableAction] = []
    asked = answered_in()
    for action, refusal in verdicts:
        if refusal is None:
            free.append(action)
        elif not isinstance(refusal, Forbidden | NotFound):
            others.append(_unavailable(action, refusal, *asked))
    return free, others


def _verdicts(
    actor: Actor, aggregate: Aggregate, permissions: Permissions, actions: Iterable[str]
) -> Iterator[tuple[str, Refusal | None]]:
    """What refuses each of the actions that are open to the actor."""
    if not actor.within(aggregate.visible_to()):
        return
    ever = permissions.open_to(actor.roles)
    for action in actions:
        if action in ever and (verdict := permissions.verdict(actor, action, aggregate)):
            yield action, verdict if isinstance(verdict, Refusal) else aggregate.refusal_of(action)
