"""Ceremonies under every order of actions that anybody could try."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from services.agreements.ceremony import Attendee, Ceremony, CeremonyState, Missing
from services.agreements.tests.builders import AT, CHAIR, planned
from services.agreements.tests.machines import MANY, Machine
from shared.ids import new_id


class CeremonyMachine(Machine):
    """A ceremony of two agreements."""

    aggregate: Ceremony

    @initialize()
    def start(self) -> None:
        """A plan."""
        first = planned()
        order = dict.fromkeys(first.agreements, ("MA-06",))
        about: dict[str, Any] = {"title": first.title, "place": first.title, "planned_for": AT, "academy": "MA-06"}
        self.events = Ceremony.plan(first.id, agreements=order, **about)
        self.others_kept_one = False
        self.aggregate = Ceremony.fold(first.id, self.events)

    @rule()
    def postpone(self) -> None:
        """Later."""
        self.attempt("postpone_ceremony", lambda: self.aggregate.postpone("r"))

    @rule(days=st.integers(0, 2))
    def reschedule(self, days: int) -> None:
        """A new date."""
        self.attempt("reschedule_ceremony", lambda: self.aggregate.reschedule(AT + timedelta(days=days)))

    @rule(missing=st.booleans())
    def prepare(self, missing: bool) -> None:
        """To the lobby."""
        lacks: Missing = {self.aggregate.agreements[0]: {"text": [new_id()]}} if missing else {}
        self.attempt("prepare_ceremony", lambda: self.aggregate.prepare(lacks))

    @rule()
    def name_chair(self) -> None:
        """Somebody presides."""
        self.attempt("name_chair", lambda: self.aggregate.name_chair(CHAIR))

    @rule(name=st.sampled_from(["a", "b"]))
    def admit(self, name: str) -> None:
        """Somebody sits down."""
        attendee = Attendee(organisation_id=CHAIR.organisation_id, name=name)
        self.attempt("admit_attendee", lambda: self.aggregate.admit(attendee))

    @rule(name=st.sampled_from(["a", "b"]))
    def release(self, name: str) -> None:
        """Somebody leaves."""
        attendee = Attendee(organisation_id=CHAIR.organisation_id, name=name)
        self.attempt("release_attendee", lambda: self.aggregate.release(attendee))

    @rule(more=st.booleans(), keeper=st.sampled_from(["MA-06", "MA-06", None]))
    def change_order(self, more: bool, keeper: str | None) -> None:
        """The other way round, perhaps with one more, which others may keep."""
        order = [
            *reversed(self.aggregate.agreements),
            *([new_id()] if more and len(self.aggregate.agreements) < 4 else []),
        ]
        codes = dict.fromkeys(order, ("MA-06",))
        before = self.aggregate.version
        self.attempt("change_order", lambda: self.aggregate.change_order(codes, academy=keeper))
        self.others_kept_one |= keeper is None and self.aggregate.version > before

    @rule()
    def strike(self) -> None:
        """One agreement less."""
        self.attempt("strike_agreement", lambda: self.aggregate.strike(self.aggregate.agreements[0], reason="r"))

    @rule()
    def call(self) -> None:
        """To the table."""
        self.attempt("call_agreement", lambda: self.aggregate.call(self.aggregate.agreements[0]))

    @rule()
    def open(self) -> None:
        """Begin."""
        self.attempt("open_ceremony", lambda: self.aggregate.open({}, AT, ahead=1))

    @rule()
    def interrupt(self) -> None:
        """Pause."""
        self.attempt("interrupt_ceremony", lambda: self.aggregate.interrupt("r"))

    @rule()
    def resume(self) -> None:
        """Go on."""
        self.attempt("resume_ceremony", self.aggregate.resume)

    @rule(signed=st.integers(0, 15))
    def close(self, signed: int) -> None:
        """End."""
        done = [each for bit, each in enumerate(self.aggregate.agreements) if signed >> bit & 1]
        minutes = {"ar": "a" * 64, "fr": "b" * 64}
        self.attempt("close_ceremony", lambda: self.aggregate.close(signed=done, minutes=minutes, at=AT))

    @rule()
    def adopt(self) -> None:
        """The minutes."""
        self.attempt("adopt_minutes", lambda: self.aggregate.adopt_minutes("c" * 64))

    @rule()
    def cancel(self) -> None:
        """Give up."""
        self.attempt("cancel_ceremony", lambda: self.aggregate.cancel("r"))

    @invariant()
    def the_rules_hold(self) -> None:
        """What is always true of a ceremony."""
        if not hasattr(self, "aggregate"):
            return
        it = self.aggregate
        assert it.agreements, "an order of business is never empty"
        assert it.called is None or it.called in it.agreements
        assert it.codes.keys() >= {*it.agreements}, "it is known who may see what is in the order"
        assert len({(each.organisation_id, each.name) for each in it.attendees}) == len(it.attendees)
        if it.state == CeremonyState.open:
            assert it.chair is not None
        if it.opened_at and it.planned_for:
            assert it.planned_for - it.opened_at <= timedelta(days=1), "nothing opens long before its day"
        assert it.academy == (None if self.others_kept_one else "MA-06")
        over = it.state in (CeremonyState.closed, CeremonyState.minutes_adopted)
        assert over == bool(it.minutes) == (it.closed_at is not None)
        if over:
            assert {*it.signed, *it.unsigned} == {*it.agreements}
            assert not {*it.signed} & {*it.unsigned}


CeremonyMachine.TestCase.settings = MANY
TestCeremonyMachine = CeremonyMachine.TestCase
