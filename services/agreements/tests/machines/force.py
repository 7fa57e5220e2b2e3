"""An agreement binds, rests, is amended and ends."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from services.agreements.agreement import DocumentState, ObligationState, Signature
from services.agreements.agreement.documents import LIVING
from services.agreements.agreement.obligation import UNSETTLED
from services.agreements.bilingual import Bilingual
from services.agreements.merge import touched_by
from services.agreements.terms import Duty, Recurrence
from services.agreements.tests.branches import owed
from services.agreements.tests.builders import DECISION
from services.agreements.tests.machines.life import Life
from shared.events.agreements import AgreementObligationFellDue, AgreementObligationReminded, PartyRole
from shared.ids import new_id

BACK = st.sampled_from([None, 0, 30, 300])
"""Days before today on which a decision shall have taken effect."""
NOTICED = st.sampled_from([None, 0, 400])
"""Days before today on which notice was given; none: on the day on which all had signed."""

OTHERS: list[dict[str, Any]] = [
    {"due_on": None, "due_days": 90, "recurrence": None},
    {"due_on": date(2025, 12, 1), "due_days": None, "recurrence": None},
    {"due_on": None, "due_days": None, "recurrence": Recurrence(first_due_on=date(2024, 10, 31), every_months=2)},
    *({"what": Bilingual(ar=f"{word} (وهمي)", fr=f"{word} (fictif)")} for word in ("a", "b")),
]
"""Other days for what is owed, or other words."""


class Force(Life):
    """From the day on which it binds."""

    @rule()
    def bring_into_force(self) -> None:
        """If it is time."""
        self.attempt("bring_into_force", lambda: self.aggregate.bring_into_force(self.today))

    @rule(back=st.sampled_from([-1, 0, 30]))
    def record_visa(self, back: int) -> None:
        """What the kind may wait for."""
        day = self.today - timedelta(days=back)
        recorded: dict[str, Any] = {"visa_number": "v", "granted_on": day, "today": self.today}
        self.attempt("record_visa", lambda: self.aggregate.record_visa(**recorded))

    @rule()
    def withdraw_visa(self) -> None:
        """Recorded by mistake."""
        self.attempt("withdraw_visa", lambda: self.aggregate.withdraw_visa(reason="r", today=self.today))

    @rule(scope=st.sampled_from(["money", "centers"]), on_paper=st.booleans(), noticed=NOTICED, back=BACK)
    def suspend(self, scope: Any, on_paper: bool, noticed: int | None, back: int | None) -> None:
        """Rest."""
        if on_paper:
            self.attach("suspension_decision", 60, False)
        decision = self._decision(noticed, back)
        self.attempt("suspend_agreement", lambda: self.aggregate.suspend(scope=scope, centers=(), **decision))

    @rule()
    def resume(self) -> None:
        """Go on."""
        day = self.today
        self.attempt("resume_agreement", lambda: self.aggregate.resume(reason="(fictif)", effective_on=day, today=day))

    @rule(on_paper=st.booleans(), noticed=NOTICED, back=BACK)
    def terminate(self, on_paper: bool, noticed: int | None, back: int | None) -> None:
        """End early."""
        if on_paper:
            self.attach("termination_decision", 60, False)
        self.attempt("terminate_agreement", lambda: self.aggregate.terminate(**self._decision(noticed, back)))

    @rule()
    def withdraw_announcement(self) -> None:
        """Not after all."""
        self.attempt(
            "withdraw_announcement", lambda: self.aggregate.withdraw_announcement(reason="r", today=self.today)
        )

    @rule(
        kept=st.integers(0, 3),
        more=st.booleans(),
        other=st.sampled_from([None, *OTHERS]),
        days=st.sampled_from([-300, 0, 300]),
        seats=st.integers(0, 99),
        role=st.sampled_from(["witness", "funder"]),
    )
    def amend(
        self, kept: int, more: bool, other: dict[str, Any] | None, days: int, seats: int, role: PartyRole
    ) -> None:
        """Duties go, come or get other days or words, the end moves, the center has other seats.

        What is settled stays, in its own words; what is made something else of is owed, and nothing shown of it counts.
        The last of the parties witnesses or funds from then on; whoever signs before or after it signs it.
        """
        it = self.aggregate
        content = it.content(())
        duties = [each.model_copy(update=other) for each in content.obligations[:kept]]
        amended = content.model_copy(
            update={
                "obligations": (*duties, *((owed(content),) if more else ())),
                "effective_until": content.effective_until + timedelta(days=days),
                "centers": (content.centers[0].model_copy(update={"funded_seats": seats}),),
                "parties": (*content.parties[:-1], content.parties[-1].model_copy(update={"roles": (role,)})),
            }
        )
        settled, before = self._settled(), {each.obligation_id: each.owed for each in it.duties}
        if self.attempt(
            "amend_agreement",
            lambda: it.amend(
                amended,
                text_hash="cd" * 32,
                amendment_id=new_id(),
                number=len(it.amendments) + 1,
                amendment_type="scope",
                names=it.names,
                signatures=[self._signature(each) for each in touched_by(content, amended)],
                today=self.today,
            ),
        ):
            assert it.content(()) == amended
            assert not it.missing_signatures, "whoever signs has signed the agreement, or what made it sign"
            assert self._settled() == settled
            for duty in (each for each in it.duties if before.get(each.obligation_id, each.owed) != each.owed):
                self._is_owed_anew(duty)

    @rule()
    def expire(self) -> None:
        """End in time."""
        self.attempt("expire_agreement", lambda: self.aggregate.expire(self.today))

    @rule()
    def let_time_pass(self) -> None:
        """What the days brought about; asked again at once, nothing more."""
        events = self.aggregate.pass_time(self.today)
        self.aggregate.evolve(events)
        self.events += events
        assert self.aggregate.pass_time(self.today) == []
        next_on = self.aggregate.next_on()
        assert next_on is None or next_on > self.today
        told = [each for each in events if isinstance(each, AgreementObligationFellDue | AgreementObligationReminded)]
        surviving = {each.obligation_id for each in self.aggregate.duties if each.survives}
        until = self.aggregate.effective_until
        assert all(each.due_on <= until or each.obligation_id in surviving for each in told), "not beyond the end"
        if self.aggregate.state in LIVING:
            holding = [each for each in self.aggregate.documents if each.state == DocumentState.current]
            assert all(each.expires_on is None or each.expires_on >= self.today for each in holding)

    def _signature(self, party_id: UUID) -> Signature:
        """What a party gives under an amendment."""
        given: dict[str, Any] = {"person": "x", "mandate_id": new_id(), "level": "simple", "signed_at": self.at}
        return Signature(party_id=party_id, text_hash="cd" * 32, ceremony_id=None, **given)

    def _settled(self) -> list[tuple[Any, ...]]:
        it = self.aggregate
        settled = (each for each in it.obligations if each.settled_on)
        return [(each.model_dump(), it.agreed(each).owed) for each in settled]

    def _is_owed_anew(self, duty: Duty) -> None:
        it = self.aggregate
        mine = [each for each in it.obligations if each.obligation_id == duty.obligation_id]
        assert all(each.state != ObligationState.claimed for each in mine)
        if duty.recurrence is None and not any(each.state in UNSETTLED for each in mine):
            start = it.owed_within(self.today)[0]
            assert next(day for day in it.days_of(duty) if day >= start) > it.owed_until(duty), "its edition is over"

    def _decision(self, noticed: int | None, back: int | None) -> dict[str, Any]:
        notified_on = self.aggregate.signed_on if noticed is None else self.today - timedelta(noticed)
        day = {} if back is None else {"effective_on": self.today - timedelta(back)}
        return DECISION | day | {"notified_on": notified_on, "today": self.today}
