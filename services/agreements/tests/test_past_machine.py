"""The past of agreements of which much is told late."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from services.agreements.agreement import AgreementState
from services.agreements.past import as_of, counting_from
from services.agreements.tests.lives import fold_of, told, told_day
from services.agreements.tests.machines import MANY, BoundAgreementMachine
from shared.aggregate import Recorded
from shared.clock import start_of


class LateMachine(BoundAgreementMachine):
    """The same agreement, of which much is told late: whatever is left out of its life, the rest folds."""

    life: list[Recorded]

    @initialize(wait=st.just(0))
    def start(self, wait: int) -> None:
        """In force, its first edition running."""
        super().start(wait)
        self.life = []

    @rule(days=st.integers(0, 40))
    def resume_from(self, days: int) -> None:
        """Go on, from a day that is past."""
        day = self.today - timedelta(days)
        self.attempt(
            "resume_agreement", lambda: self.aggregate.resume(reason="(fictif)", effective_on=day, today=self.today)
        )

    @invariant()
    def every_event_has_its_moment(self) -> None:
        """It is recorded when the machine is there."""
        if hasattr(self, "life"):
            new = enumerate(self.events[len(self.life) :], len(self.life) + 1)
            self.life += [Recorded(version, self.at, event) for version, event in new]

    def teardown(self) -> None:
        """At every instant the past is the fold of what counted by then, holds together, and ends in the present."""
        try:
            if hasattr(self, "life"):
                self._look_back()
        finally:
            super().teardown()

    def _look_back(self) -> None:
        assert as_of(self.aggregate.id, self.life, None).model_dump() == self.aggregate.model_dump()
        assert as_of(self.aggregate.id, self.life, self.at).model_dump() == self.aggregate.model_dump()
        counting = list(counting_from(self.life))
        assert all(since <= each.at for since, each in counting)
        days = {start_of(day) for each in self.life if (day := told_day(each.event))}
        for instant in sorted({each for each in days if each <= self.at} | {since for since, _ in counting}):
            if fold_of(self.aggregate, self.life, instant) is None:
                continue
            found = as_of(self.aggregate.id, self.life, instant)
            assert told(found) == fold_of(self.aggregate, self.life, instant)
            assert (found.state == AgreementState.suspended) == (found.suspension is not None)
            assert bool(found.obligations) <= (found.in_force_on is not None)


LateMachine.TestCase.settings = settings(MANY, max_examples=20)
TestLateMachine = LateMachine.TestCase
