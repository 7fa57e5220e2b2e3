"""Threads of comments under every order of actions that anybody could try."""

from hypothesis.stateful import initialize, invariant, rule

from services.agreements.tests.builders import remark
from services.agreements.tests.machines import MANY, Machine
from services.agreements.thread import Point, Thread
from shared.ids import new_id
from shared.territory import MINISTRY_ID


class ThreadMachine(Machine):
    """Comments on a point."""

    aggregate: Thread

    @initialize()
    def start(self) -> None:
        """The first one."""
        self.aggregate = Thread(id=new_id())
        self.events = []
        opening = Thread.open(
            self.aggregate.id,
            remark(),
            point=Point(agreement_id=new_id(), clause="budget"),
            academies=("MA-06",),
            parties=(),
            text_hash=None,
        )
        self.aggregate.evolve(opening)
        self.events += opening

    @rule()
    def answer(self) -> None:
        """Another."""
        self.attempt("answer_thread", lambda: self.aggregate.answer(remark(), parties=()))

    @rule()
    def resolve(self) -> None:
        """Settled."""
        self.attempt("resolve_thread", lambda: self.aggregate.resolve(MINISTRY_ID, parties=()))

    @rule()
    def reopen(self) -> None:
        """Or not."""
        self.attempt("reopen_thread", lambda: self.aggregate.reopen(MINISTRY_ID, parties=()))

    @invariant()
    def the_rules_hold(self) -> None:
        """Nothing that was said is lost, and none of it is published."""
        if hasattr(self, "aggregate"):
            said = [event for event in self.events if "body" in event.detail]
            assert [each.body for each in self.aggregate.comments] == [event.detail["body"] for event in said]
            assert not any("fictif" in event.model_dump_json() for event in self.events)


ThreadMachine.TestCase.settings = MANY
TestThreadMachine = ThreadMachine.TestCase
