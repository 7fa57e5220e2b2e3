"""Obligations: the ledger of who owes what, from the coming into force on."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import count, islice
from typing import Any, ClassVar, TypedDict
from uuid import UUID

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.obligation import OWED, UNSETTLED, Claim, Obligation, ObligationState
from services.agreements.agreement.timely import Timely, earliest
from services.agreements.errors.obligations import NothingOwed, ObligationNotAllowedNow
from services.agreements.terms import Duty, Fulfilling
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
    PartyRole,
)
from shared.events.base import DomainEvent
from shared.refusals import NotFound, Refusal

HEADING: frozenset[PartyRole] = frozenset({"granting_authority", "supervising_ministry"})
"""They speak for all where something is owed to all the others."""
_S, _O = AgreementState, ObligationState
_CANCELLED: dict[str, Any] = {"state": _O.cancelled, "frozen_from": None}
COUNTING = frozenset({_S.in_force, _S.expired, _S.terminated, _S.closed})
"""Where the days of obligations count: after the end, of those that are left."""
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


class _One(TypedDict):
    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date


class Obligations(Timely):
    """Who owes what, to whom, by when, on what evidence; and how far it is met."""

    ALLOWED: ClassVar = {
        "claim_obligation": COUNTING,
        "return_obligation": COUNTING | {_S.suspended},
        "confirm_obligation": COUNTING | {_S.suspended},
        "waive_obligation": COUNTING,
    }
    TAKEN_IN: ClassVar = {
        "claim_obligation": OWED,
        "return_obligation": frozenset({_O.claimed}),
        "confirm_obligation": frozenset({_O.claimed}),
        "waive_obligation": OWED,
    }
    """Action -> the states of the one obligation in which it may be taken."""

    obligations: tuple[Obligation, ...] = ()
    """The ledger; empty until the agreement is in force."""
    gone: tuple[Duty, ...] = ()
    """Duties that an amendment took back; the ledger still tells of them."""
    in_force_on: date | None = None

    def duty(self, obligation_id: UUID) -> Duty:
        """What is or was agreed under this id. Raises NotFound."""
        for duty in (*self.duties, *self.gone):
            if duty.obligation_id == obligation_id:
                return duty
        raise NotFound()

    def obligation(self, obligation_id: UUID, occurrence: int) -> Obligation:
        """The entry of the ledger. Raises NotFound."""
        for each in self.obligations:
            if (each.obligation_id, each.occurrence) == (obligation_id, occurrence):
                return each
        raise NotFound()

    def creditors(self, found: Obligation) -> frozenset[UUID]:
        """The organisations it is owed to."""
        if found.creditor_id is not None:
            return frozenset({found.creditor_id})
        return frozenset(party.organisation_id for party in self.parties) - {found.debtor_id}

    def may_waive(self, found: Obligation) -> frozenset[UUID]:
        """The organisations that may give it up: the creditor; of all the others, those that grant or supervise."""
        if found.creditor_id is not None:
            return frozenset({found.creditor_id})
        heads = {party.organisation_id for party in self.parties if HEADING.intersection(party.roles)}
        return frozenset(heads) - {found.debtor_id}

    def owed_until(self, duty: Duty) -> date:
        """The last day on which an occurrence of the duty may be due."""
        return self.effective_until if duty.recurrence else next(self._days(duty))

    def owed_within(self, found: Obligation) -> tuple[date, date]:  # noqa: ARG002 - editions say it per occurrence
        """The first and the last day on which what is counted counts for this occurrence."""
        return self.effective_from, self.effective_until

    def guard(self, action: str) -> Refusal | None:
        """Something must be owed."""
        states = self.TAKEN_IN.get(action)
        if states and not any(each.state in states for each in self.obligations):
            return NothingOwed(action=action, states=sorted(states))
        return super().guard(action)

    def unmet(self, blocked: str) -> list[UUID]:
        """The obligations that are due or failed, and block this."""
        states = UNSETTLED - {_O.pending} | {_O.failed}
        blocking = {duty.obligation_id for duty in self.duties if blocked in duty.blocks}
        return sorted({each.obligation_id for each in self.obligations if each.state in states} & blocking)

    def claim(
        self, obligation_id: UUID, occurrence: int, *, evidence: str | None, documents: Sequence[str], today: date
    ) -> list[DomainEvent]:
        """Say that it was met; what is met before its day falls due with that.

        Refuses NothingOwed, ObligationNotAllowedNow.
        """
        found = self._taken("claim_obligation", obligation_id, occurrence)
        return self._claimed(found, evidence=evidence, documents=documents, on=today)

    def return_claim(self, obligation_id: UUID, occurrence: int, *, reason: str) -> list[DomainEvent]:
        """Send the evidence back: it is due again. Refuses NothingOwed, ObligationNotAllowedNow."""
        found = self._taken("return_obligation", obligation_id, occurrence)
        return [AgreementObligationReturned(**self._one(found), awaited=(found.debtor_id,)).keeping(reason=reason)]

    def confirm(self, obligation_id: UUID, occurrence: int, *, today: date) -> list[DomainEvent]:
        """Take the evidence: it is met. Refuses NothingOwed, ObligationNotAllowedNow."""
        found = self._taken("confirm_obligation", obligation_id, occurrence)
        return [AgreementObligationFulfilled(**self._one(found), fulfilled_on=today)]

    def waive(self, obligation_id: UUID, occurrence: int, *, reason: str, today: date) -> list[DomainEvent]:
        """Give it up. Refuses NothingOwed, ObligationNotAllowedNow."""
        found = self._taken("waive_obligation", obligation_id, occurrence)
        return [AgreementObligationWaived(**self._one(found), waived_on=today).keeping(reason=reason)]

    def follow_center(self, center_id: UUID, happened: Mapping[Fulfilling, date]) -> list[DomainEvent]:
        """What the center did, and when, fulfils what waited for that; nothing, if nothing did or while suspended."""
        if self.state not in COUNTING:
            return []
        waiting = {each.obligation_id: each.fulfilled_by for each in self.duties if each.center_id == center_id}
        events: list[DomainEvent] = []
        for each in self.obligations:
            what = waiting.get(each.obligation_id)
            on = happened.get(what) if what else None
            if on is None or each.state not in OWED | {_O.claimed}:
                continue
            # A center stays open, and keeps its visa; its learners are counted anew with each edition.
            first, last = self.owed_within(each)
            if what == "center_filled" and not first <= on <= last:
                continue
            if each.state in OWED:
                events += self._claimed(each, evidence=None, documents=(), on=on)
            events.append(AgreementObligationFulfilled(**self._one(each), fulfilled_on=on))
        return events

    def fail_unmet(self, until: date, *, today: date) -> list[DomainEvent]:
        """What was due by this day and not met has failed."""
        return [
            AgreementObligationFailed(**self._one(each), failed_on=today)
            for each in self.obligations
            if each.state == _O.due and each.due_on <= until
        ]

    def next_on(self) -> date | None:
        """The next due date or reminder."""
        if self.state not in COUNTING:
            return super().next_on()
        due = (each.due_on for each in self.obligations if each.state == _O.pending)
        reminders = (each.due_on + timedelta(days=days) for each in self.obligations for days in self._reminders(each))
        return earliest(super().next_on(), *due, *reminders)

    def due_by(self, today: date) -> list[DomainEvent]:
        """What falls due; then reminders, of several that were missed only the latest."""
        if self.state not in COUNTING:
            return super().due_by(today)
        fallen = [each for each in self.obligations if each.state == _O.pending and each.due_on <= today]
        if fallen:
            return [self._fell_due(each) for each in fallen]
        reminded: list[DomainEvent] = []
        for each in self.obligations:
            passed = [days for days in self._reminders(each) if each.due_on + timedelta(days=days) <= today]
            if passed:
                days = max(passed)
                # What is late is told to all parties.
                awaited = (each.debtor_id,) if days <= 0 else ()
                reminded.append(AgreementObligationReminded(**self._one(each), days=days, awaited=awaited))
        return reminded or super().due_by(today)

    def follow(self, duties: Sequence[Duty], *, since: date, by_day: bool = True) -> None:
        """Take over amended duties: new ones are owed, changed ones get their new dates, what is gone is cancelled.

        Called while an event is applied, after the parties are what they are now; what is settled stays as it is.
        Not `by_day` is how it was done once, and is told so for good: occurrences keep their place in the schedule.
        """
        before = {duty.obligation_id: duty for duty in self.duties}
        after = {duty.obligation_id: duty for duty in duties}
        self.gone = (*self.gone, *(duty for duty in self.duties if duty.obligation_id not in after))
        self.duties = tuple(duties)

        def followed(each: Obligation) -> dict[str, Any]:
            if (duty := after.get(each.obligation_id)) is None:
                return _CANCELLED
            was = before.get(each.obligation_id, duty)
            changes = {} if duty == was else {"reminded": None, **self._between(duty)}
            if by_day:
                return changes | self._placed(each, was, duty, since=since)
            return changes and changes | {"due_on": next(islice(self._days(duty), each.occurrence - 1, None))}

        self._change(followed, UNSETTLED)
        if self.in_force_on is not None:
            for duty in duties:
                was = before.get(duty.obligation_id)
                if was is None or (by_day and duty.recurrence):
                    self._owe(duty, since=since)
                elif by_day and was.recurrence:
                    self._owe(duty, since=self.effective_from)

    @follows
    def _owe_first(self, event: AgreementCameIntoForce) -> None:
        self.in_force_on = event.in_force_on
        for duty in self.duties:
            self._owe(duty, since=event.in_force_on)

    @follows
    def _owe_next(self, event: AgreementRenewed) -> None:
        for duty in self.duties:
            self._owe(duty, since=event.starts_on)

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
    def _fall_due(self, event: AgreementObligationFellDue) -> None:
        self._replace(event, state=_O.due)
        self._open_next(event.obligation_id)

    @follows
    def _note_reminder(self, event: AgreementObligationReminded) -> None:
        self._replace(event, reminded=event.days)

    @follows
    def _take_claim(self, event: AgreementObligationClaimed) -> None:
        claim = Claim(**event.detail, claimed_on=event.claimed_on)
        self._replace(event, state=_O.claimed, claim=claim, reason=None)

    @follows
    def _give_claim_back(self, event: AgreementObligationReturned) -> None:
        self._replace(event, state=_O.due, **event.detail)

    @follows
    def _settle(self, event: AgreementObligationFulfilled) -> None:
        self._replace(event, state=_O.fulfilled, settled_on=event.fulfilled_on)

    @follows
    def _let_off(self, event: AgreementObligationWaived) -> None:
        self._replace(event, state=_O.waived, settled_on=event.waived_on, **event.detail)
        self._open_next(event.obligation_id)

    @follows
    def _fail(self, event: AgreementObligationFailed) -> None:
        self._replace(event, state=_O.failed, settled_on=event.failed_on)

    def _taken(self, action: str, obligation_id: UUID, occurrence: int) -> Obligation:
        self.require(action)
        found = self.obligation(obligation_id, occurrence)
        if found.state not in self.TAKEN_IN[action]:
            allowed = sorted(name for name, states in self.TAKEN_IN.items() if found.state in states)
            raise ObligationNotAllowedNow(
                obligation=obligation_id, occurrence=occurrence, action=action, state=found.state, allowed=allowed
            )
        return found

    def _claimed(
        self, found: Obligation, *, evidence: str | None, documents: Sequence[str], on: date
    ) -> list[DomainEvent]:
        awaited = tuple(sorted(self.creditors(found)))
        claimed = AgreementObligationClaimed(**self._one(found), claimed_on=on, awaited=awaited)
        claimed = claimed.keeping(evidence=evidence, documents=documents)
        return [claimed] if found.state == _O.due else [self._fell_due(found), claimed]

    def _fell_due(self, found: Obligation) -> AgreementObligationFellDue:
        return AgreementObligationFellDue(**self._one(found), awaited=(found.debtor_id,))

    def _one(self, found: Obligation) -> _One:
        return _One(
            agreement_id=self.id,
            obligation_id=found.obligation_id,
            occurrence=found.occurrence,
            debtor_id=found.debtor_id,
            due_on=found.due_on,
        )

    def _reminders(self, found: Obligation) -> Iterator[int]:
        """The reminders that are still to come, as days after the due date."""
        if found.state in OWED:
            rule = self.rules.obligations
            for days in (*(-before for before in rule.remind_before), *rule.remind_after):
                if found.reminded is None or days > found.reminded:
                    yield days

    def _days(self, duty: Duty) -> Iterator[date]:
        """Its days, without end. What does not come back within an edition may come back with the next one."""
        assert self.in_force_on is not None, "nothing is owed before"
        months = duty.recurrence.every_months if duty.recurrence else 12
        first = duty.first_due_on(self.in_force_on)
        return (months_after(first, number * months) for number in count())

    def _is_over(self, duty: Duty, day: date) -> bool:
        """Whether the duty is owed no longer on one of its days; its first day is agreed, whatever the edition."""
        return day > self.owed_until(duty) and day != next(self._days(duty))

    def _placed(self, each: Obligation, was: Duty, duty: Duty, *, since: date) -> dict[str, Any]:
        """The entry's day by an amended duty, and its state by that day; what is owed no longer is cancelled."""
        earlier = [other.due_on for other in self._entries(duty) if other.occurrence < each.occurrence]
        due_on = each.due_on
        if duty.when != was.when and self._moves(each, was, duty, since=since):
            start = self.owed_within(each)[0]
            if duty.recurrence:
                start = max([since, *(day + timedelta(days=1) for day in earlier)])
            due_on = next(day for day in self._days(duty) if day >= start)
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

    def _entries(self, duty: Duty) -> list[Obligation]:
        """What is or was owed by the duty, in the order of its days."""
        mine = (each for each in self.obligations if each.obligation_id == duty.obligation_id)
        return [each for each in mine if each.state != _O.cancelled]

    def _between(self, duty: Duty) -> dict[str, Any]:
        creditor = self.party(duty.creditor).organisation_id if duty.creditor else None
        return {"debtor_id": self.party(duty.debtor).organisation_id, "creditor_id": creditor}

    def _owe(self, duty: Duty, *, since: date) -> None:
        """Open the duty's next occurrence from this day on, unless one is open or it is owed no longer."""
        mine = self._entries(duty)
        if any(_O.pending in (each.state, each.frozen_from) for each in mine):
            return
        numbers = [each.occurrence for each in self.obligations if each.obligation_id == duty.obligation_id]
        after = mine[-1].due_on if mine else date.min
        # Of what is owed once and was not owed yet, the day may be past.
        first = since if mine or duty.recurrence else date.min
        number, due_on = next(it for it in enumerate(self._days(duty), 1) if it[1] > after and it[1] >= first)
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
            self._owe(duty, since=duty.recurrence.first_due_on)

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
