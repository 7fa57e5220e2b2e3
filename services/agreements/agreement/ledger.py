"""The ledger: which entries the agreed duties open, on which days, and what freezes, moves and cancels them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import count, islice
from typing import Any
from uuid import UUID

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.obligation import OWED, SETTLED, UNSETTLED, Former, Obligation, ObligationState
from services.agreements.agreement.timely import Timely
from services.agreements.terms import Duty
from shared.aggregate import follows
from shared.clock import months_after
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementExpired,
    AgreementObligationClaimed,
    AgreementObligationFailed,
    AgreementObligationFellDue,
    AgreementObligationFulfilled,
    AgreementObligationReminded,
    AgreementObligationReturned,
    AgreementObligationWaived,
    AgreementRenewed,
    AgreementResumed,
    AgreementSuspended,
    AgreementTerminated,
)
from shared.refusals import NotFound

_S, _O = AgreementState, ObligationState
_CANCELLED: dict[str, Any] = {"state": _O.cancelled, "frozen_from": None}
OfOne = (
    AgreementObligationFellDue
    | AgreementObligationReminded
    | AgreementObligationClaimed
    | AgreementObligationReturned
    | AgreementObligationFulfilled
    | AgreementObligationWaived
    | AgreementObligationFailed
)
"""An event of one entry of the ledger."""


class Ledger(Timely):
    """What is owed, occurrence after occurrence, from the coming into force on."""

    obligations: tuple[Obligation, ...] = ()
    """The ledger; empty until the agreement is in force."""
    gone: tuple[Duty, ...] = ()
    """Duties that an amendment took back; the ledger still tells of them."""
    former: tuple[Former, ...] = ()
    """What settled entries were settled as; a field of its own, which no older version forgets for good (0060)."""
    in_force_on: date | None = None

    def duty(self, obligation_id: UUID) -> Duty:
        """What is or was agreed under this id. Raises NotFound."""
        for duty in (*self.duties, *self.gone):
            if duty.obligation_id == obligation_id:
                return duty
        raise NotFound()

    def agreed(self, found: Obligation) -> Duty:
        """What is owed by this entry; what was settled before an amendment made something else of it stays as it was.

        What it blocks, and whether it survives, is told by the duty as it is now.
        """
        return self._settled_as(found) or self.duty(found.obligation_id)

    def obligation(self, obligation_id: UUID, occurrence: int) -> Obligation:
        """The entry of the ledger. Raises NotFound."""
        for each in self.obligations:
            if (each.obligation_id, each.occurrence) == (obligation_id, occurrence):
                return each
        raise NotFound()

    def owed_until(self, duty: Duty) -> date:
        """The last day on which an occurrence of the duty may be due."""
        return self.effective_until if duty.recurrence else next(self.days_of(duty))

    def owed_within(self, day: date) -> tuple[date, date]:  # noqa: ARG002 - editions say it of each day
        """The first and the last day on which what is counted counts for an occurrence of this day."""
        return self.effective_from, self.effective_until

    def period_of(self, found: Obligation) -> tuple[date, date]:
        """The days of its own: of those of `owed_within`, the ones after the occurrence before."""
        first, last = self.owed_within(found.due_on)
        there = (each for each in self._all_of(self.duty(found.obligation_id)) if each.state != _O.cancelled)
        before = (each.due_on + timedelta(days=1) for each in there if each.occurrence < found.occurrence)
        return max([first, *before]), last

    def within_term(self, found: Obligation) -> bool:
        """Whether its day lies within the term, which a decision or an amendment may have shortened; or it survives."""
        return found.due_on <= self.effective_until or self.duty(found.obligation_id).survives

    def follow(self, duties: Sequence[Duty], *, since: date, by_day: bool = True, anew: bool = True) -> None:
        """Take over amended duties: new ones are owed, changed ones get their new dates, what is gone is cancelled.

        Called while an event is applied, after the parties are what they are now. What is settled stays as it was
        agreed then; what is owed once and was settled as something else is owed anew as amended.
        Not `by_day` and not `anew` is how it was done once, and is told so for good: occurrences kept their place in
        the schedule, and what was settled took the words of what it became.
        """
        before = {duty.obligation_id: duty for duty in self.duties}
        after = {duty.obligation_id: duty for duty in duties}
        if anew:
            self._keep_settled(after)
        self.gone = (*self.gone, *(duty for duty in self.duties if duty.obligation_id not in after))
        self.duties = tuple(duties)

        def followed(each: Obligation) -> dict[str, Any]:
            if (duty := after.get(each.obligation_id)) is None:
                return _CANCELLED
            was = before.get(each.obligation_id, duty)
            changes = {} if duty == was else {"reminded": None, **self._between(duty)}
            if anew and duty.owed != was.owed:
                # What was shown, and why it was returned, was of something else.
                changes |= {"claim": None, "reason": None}
            if by_day:
                return changes | self._placed(each, was, duty, since=since)
            return changes and changes | {"due_on": next(islice(self.days_of(duty), each.occurrence - 1, None))}

        self._change(followed, UNSETTLED)
        if self.in_force_on is not None:
            start = self.owed_within(since)[0] if anew else self.effective_from
            for duty in duties:
                was = before.get(duty.obligation_id)
                if was is None or (by_day and duty.recurrence):
                    self.owe(duty, since=since)
                elif (by_day and was.recurrence) or (self._settled_otherwise(duty) and not self._entries(duty)):
                    self.owe(duty, since=start)

    @follows
    def _owe_first(self, event: AgreementCameIntoForce) -> None:
        self.in_force_on = event.in_force_on
        for duty in self.duties:
            self.owe(duty, since=event.in_force_on)

    @follows
    def _owe_next(self, event: AgreementRenewed) -> None:
        for duty in self.duties:
            self.owe(duty, since=event.starts_on)

    @follows
    def _stop_owing(self, _: AgreementSuspended) -> None:
        self._change(lambda each: {"state": _O.frozen, "frozen_from": each.state}, OWED)

    @follows
    def _thaw(self, _: AgreementResumed | AgreementExpired | AgreementTerminated) -> None:
        self._change(lambda each: {"state": each.frozen_from, "frozen_from": None}, {_O.frozen})

    @follows
    def _owe_what_survives(self, _: AgreementTerminated) -> None:
        surviving = {duty.obligation_id for duty in self.duties if duty.survives}
        self._change(lambda each: {} if each.obligation_id in surviving else {"state": _O.cancelled}, UNSETTLED)

    @follows
    def _owe_nothing_later(self, event: AgreementExpired) -> None:
        """What is due after the end is owed no more. An end from before that was so is folded as it was."""
        if event.detail.get("cancels"):
            self._change(lambda each: {} if self.within_term(each) else {"state": _O.cancelled}, UNSETTLED)

    def days_of(self, duty: Duty) -> Iterator[date]:
        """Its days, without end. What does not come back within an edition may come back with the next one."""
        assert self.in_force_on is not None, "nothing is owed before"
        months = duty.recurrence.every_months if duty.recurrence else 12
        first = duty.first_due_on(self.in_force_on)
        return (months_after(first, number * months) for number in count())

    def _is_over(self, duty: Duty, day: date) -> bool:
        """Whether the duty is owed no longer on one of its days; its first day is agreed, whatever the edition."""
        return day > self.owed_until(duty) and day != next(self.days_of(duty))

    def _placed(self, each: Obligation, was: Duty, duty: Duty, *, since: date) -> dict[str, Any]:
        """The entry's day by an amended duty, and its state by that day; what is owed no longer is cancelled."""
        earlier = [other.due_on for other in self._entries(duty) if other.occurrence < each.occurrence]
        due_on, start = each.due_on, self.owed_within(each.due_on)[0]
        if self._comes_forward(duty, earlier, start, since):
            due_on = next(day for day in self.days_of(duty) if day >= since)
        elif duty.when != was.when and self._moves(each, was, duty, since=since):
            if duty.recurrence:
                start = max([since, *(day + timedelta(days=1) for day in earlier)])
            due_on = next(day for day in self.days_of(duty) if day >= start)
        held = "frozen_from" if each.state == _O.frozen else "state"
        state = getattr(each, held)
        if state == _O.due and due_on > max(since, each.due_on):
            state = _O.pending
        if state == _O.pending and (any(due_on <= day for day in earlier) or self._is_over(duty, due_on)):
            return _CANCELLED
        return {"due_on": due_on, held: state}

    def _moves(self, each: Obligation, was: Duty, duty: Duty, *, since: date) -> bool:
        """Whether another schedule moves the entry: the last one, and of what came back only if its day is to come."""
        if each != self._entries(duty)[-1]:
            return False
        if was.recurrence is None:
            return True
        return _O.pending in (each.state, each.frozen_from) and (duty.recurrence is None or each.due_on >= since)

    def _comes_forward(self, duty: Duty, earlier: Sequence[date], start: date, since: date) -> bool:
        """Whether what waits for the next edition is owed in this one, in which it was settled as something else."""
        if duty.recurrence or earlier or start <= since:
            return False
        now = self.owed_within(since)
        return any(self._settled_as(each) and self.owed_within(each.due_on) == now for each in self._all_of(duty))

    def _keep_settled(self, after: Mapping[UUID, Duty]) -> None:
        """Keep what settled entries were settled as, where their duty becomes something else."""
        for each in self.obligations:
            duty = after.get(each.obligation_id)
            if duty and each.state in SETTLED and not self._settled_as(each) and duty.owed != self.agreed(each).owed:
                kept = Former(obligation_id=each.obligation_id, occurrence=each.occurrence, duty=self.agreed(each))
                self.former = (*self.former, kept)

    def _settled_as(self, found: Obligation) -> Duty | None:
        key = (found.obligation_id, found.occurrence)
        return next((each.duty for each in self.former if (each.obligation_id, each.occurrence) == key), None)

    def _entries(self, duty: Duty) -> list[Obligation]:
        """What is or was owed by the duty, in the order of its days.

        What was settled as something else counts only if it came back and still does: its days are not owed again.
        """
        mine = (each for each in self._all_of(duty) if each.state != _O.cancelled)
        return [each for each in mine if not (was := self._settled_as(each)) or (was.recurrence and duty.recurrence)]

    def _settled_otherwise(self, duty: Duty) -> bool:
        return any(self._settled_as(each) for each in self._all_of(duty))

    def _all_of(self, duty: Duty) -> list[Obligation]:
        return [each for each in self.obligations if each.obligation_id == duty.obligation_id]

    def _between(self, duty: Duty) -> dict[str, Any]:
        creditor = self.party(duty.creditor).organisation_id if duty.creditor else None
        return {"debtor_id": self.party(duty.debtor).organisation_id, "creditor_id": creditor}

    def owe(self, duty: Duty, *, since: date) -> None:
        """Open the duty's next occurrence from this day on, unless one is open or it is owed no longer."""
        mine = self._entries(duty)
        if any(_O.pending in (each.state, each.frozen_from) for each in mine):
            return
        numbers = [each.occurrence for each in self._all_of(duty)]
        after = mine[-1].due_on if mine else date.min
        # Of what is owed once and was not owed yet, the day may be past.
        first = since if mine or duty.recurrence or self._settled_otherwise(duty) else date.min
        number, due_on = next(it for it in enumerate(self.days_of(duty), 1) if it[1] > after and it[1] >= first)
        if numbers and self._is_over(duty, due_on):
            return
        opened = Obligation(
            obligation_id=duty.obligation_id,
            # As its day is counted in the schedule; an amended one may begin with a number that was given already.
            occurrence=max([number, *(each + 1 for each in numbers)]),
            due_on=due_on,
            **self._between(duty),
        )
        if self.state == _S.suspended:
            opened = opened.model_copy(update={"state": _O.frozen, "frozen_from": _O.pending})
        self.obligations = (*self.obligations, opened)

    def _open_next(self, obligation_id: UUID) -> None:
        duty = self.duty(obligation_id)
        if duty.recurrence is not None:
            self.owe(duty, since=duty.recurrence.first_due_on)

    def _change(self, change: Callable[[Obligation], dict[str, Any]], states: Collection[ObligationState]) -> None:
        self.obligations = tuple(
            each.model_copy(update=change(each)) if each.state in states else each for each in self.obligations
        )

    def _replace(self, event: OfOne, **changes: Any) -> None:
        self.obligations = tuple(
            each.model_copy(update=changes)
            if (each.obligation_id, each.occurrence) == (event.obligation_id, event.occurrence)
            else each
            for each in self.obligations
        )
