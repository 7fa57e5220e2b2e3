"""What tries decisions on aggregates, whatever the order."""

from collections.abc import Callable, Sequence

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant

from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.refusals import NotAllowedNow, Refusal

MANY = settings(max_examples=60, stateful_step_count=40, deadline=None, database=None)


class Machine(RuleBasedStateMachine):
    """Tries decisions on an aggregate: refused ones change nothing, the others are journalled."""

    aggregate: Aggregate
    events: list[DomainEvent]

    def attempt(self, action: str, decide: Callable[[], Sequence[DomainEvent]]) -> bool:
        """Decide and evolve; whether it was not refused. A refusal by the state is the one that ALLOWED tells."""
        before = self.aggregate.model_dump()
        allowed = self.aggregate.refusal_of(action) is None
        try:
            events = decide()
        except NotAllowedNow:
            assert not allowed
            events = None
        except Refusal:
            events = None
        else:
            assert allowed
        assert self.aggregate.model_dump() == before, "deciding changes nothing"
        if events is None:
            return False
        self.aggregate.evolve(events)
        self.events += events
        return True

    @invariant()
    def the_state_is_the_fold_of_the_events(self) -> None:
        """Whatever happened, and after a trip through JSON."""
        if hasattr(self, "aggregate"):
            kind = type(self.aggregate)
            assert kind.fold(self.aggregate.id, self.events).model_dump() == self.aggregate.model_dump()
            assert self.aggregate.version == len(self.events)
            stored = self.aggregate.model_dump(mode="json")
            assert kind.model_validate(stored).model_dump() == self.aggregate.model_dump()
