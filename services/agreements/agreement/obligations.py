"""Obligations: what is done about the entries of the ledger, by those who owe and are owed, by centers and by time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar, TypedDict
from uuid import UUID

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.ledger import Ledger
from services.agreements.agreement.obligation import OWED, Claim, Obligation, ObligationState
from services.agreements.agreement.timely import earliest
from services.agreements.bilingual import called
from services.agreements.errors.obligations import NothingOwed, ObligationNotAllowedNow
from services.agreements.terms import Duty, Fulfilling
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementObligationClaimed,
    AgreementObligationFailed,
    AgreementObligationFellDue,
    AgreementObligationFulfilled,
    AgreementObligationReminded,
    AgreementObligationReturned,
    AgreementObligationWaived,
    PartyRole,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

HEADING: frozenset[PartyRole] = frozenset({"granting_authority", "supervising_ministry"})
"""They speak for all where something is owed to all the others."""
_S, _O = AgreementState, ObligationState
COUNTING = frozenset({_S.in_force, _S.expired, _S.terminated, _S.closed})
"""Where the days of obligations count: after the end, of those that are left."""


class _One(TypedDict):
    agreement_id: UUID
    obligation_id: UUID
    occurrence: int
    debtor_id: UUID
    due_on: date


class Obligations(Ledger):
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

    def creditors(self, found: Obligation) -> frozenset[UUID]:
        """The organisations it is owed to."""
        if found.creditor_id is not None:
            return frozenset({found.creditor_id})
        return frozenset(party.organisation_id for party in self.parties) - {found.debtor_id}

    def may_waive(self, found: Obligation) -> frozenset[UUID]:
        """The organisations that may give it up: the creditor; of all the others, those that grant or supervise.

        If only the debtor does, each of the others may: else nobody could, and the file would never be closed.
        """
        owed_to = self.creditors(found)
        if found.creditor_id is not None:
            return owed_to
        heads = {party.organisation_id for party in self.parties if HEADING.intersection(party.roles)}
        return owed_to & heads or owed_to

    def guard(self, action: str) -> Refusal | None:
        """Something must be owed."""
        states = self.TAKEN_IN.get(action)
        if states and not any(each.state in states for each in self.obligations):
            return NothingOwed(kind="obligation", action=action, states=sorted(states))
        return super().guard(action)

    def owed(self, obligations: Iterable[UUID]) -> list[dict[str, str] | None]:
        """How refusals name these obligations: by what is owed."""
        return called(obligations, {duty.obligation_id: duty.what for duty in (*self.gone, *self.duties)})

    def unmet(self, blocked: str, *, since: date = date.min) -> list[UUID]:
        """The obligations that block this: they are due, or failed on a day from this one on.

        What is frozen counts as what it was.
        """
        unmet = {
            each.obligation_id
            for each in self.obligations
            if (each.frozen_from or each.state) in (_O.due, _O.claimed)
            or (each.state == _O.failed and each.due_on >= since)
        }
        return sorted(unmet & {duty.obligation_id for duty in self.duties if blocked in duty.blocks})

    def claim(
        self, obligation_id: UUID, occurrence: int, *, evidence: str | None, documents: Sequence[str], today: date
    ) -> list[DomainEvent]:
        """Say that it was met; what is met before its day falls due with that.

        Refuses NothingOwed, ObligationNotAllowedNow.
        """
        found = self._taken("claim_obligation", obligation_id, occurrence)
        return self._claimed(found, evidence=evidence, documents=documents, on=today)

    def return_claim(self, obligation_id: UUID, occurrence: int, *, reason: str) -> list[DomainEvent]:
        """Send the evidence back: it is due again, or rests until the agreement resumes.

        Refuses NothingOwed, ObligationNotAllowedNow.
        """
        found = self._taken("return_obligation", obligation_id, occurrence)
        returned = AgreementObligationReturned(**self._one(found), awaited=(found.debtor_id,))
        return [returned.keeping(reason=reason, rests=self.state == _S.suspended)]

    def return_changed(self, duties: Iterable[Duty]) -> list[DomainEvent]:
        """Send back what is claimed of duties that an amendment makes something else of: these are what it says."""
        after = {each.obligation_id: each.owed for each in duties}
        changed = {each.obligation_id for each in self.duties if after.get(each.obligation_id, each.owed) != each.owed}
        return [
            AgreementObligationReturned(**self._one(each), because="amended", awaited=(each.debtor_id,)).keeping(
                reason=None, rests=self.state == _S.suspended
            )
            for each in self.obligations
            if each.state == _O.claimed and each.obligation_id in changed
        ]

    def confirm(self, obligation_id: UUID, occurrence: int, *, today: date) -> list[DomainEvent]:
        """Take the evidence: it is met. Refuses NothingOwed, ObligationNotAllowedNow."""
        found = self._taken("confirm_obligation", obligation_id, occurrence)
        return [AgreementObligationFulfilled(**self._one(found), fulfilled_on=today)]

    def waive(self, obligation_id: UUID, occurrence: int, *, reason: str, today: date) -> list[DomainEvent]:
        """Give it up. Refuses NothingOwed, ObligationNotAllowedNow."""
        found = self._taken("waive_obligation", obligation_id, occurrence)
        return [AgreementObligationWaived(**self._one(found), waived_on=today).keeping(reason=reason)]

    def follow_center(
        self, center_id: UUID, happened: Mapping[Fulfilling, date], *, lasts: bool = True, today: date
    ) -> list[DomainEvent]:
        """What the center did, and when, fulfils what waited for that; nothing, if nothing did or while suspended.

        An opening and a visa last as long as the center does (`lasts`); its learners are counted anew in each edition.
        Nothing fulfils an occurrence before its own period.
        """
        if self.state not in COUNTING:
            return []
        waiting = {each.obligation_id: each.fulfilled_by for each in self.duties if each.center_id == center_id}
        events: list[DomainEvent] = []
        for each in self.obligations:
            what = waiting.get(each.obligation_id)
            on = happened.get(what) if what else None
            if on is None or each.state not in OWED | {_O.claimed}:
                continue
            first, last = self.period_of(each)
            stays = lasts and what != "center_filled"
            if not (first <= on <= last or (stays and first <= max(on, today))):
                continue
            day = max(on, first)
            if each.state in OWED:
                events += self._claimed(each, evidence=None, documents=(), on=day)
            events.append(AgreementObligationFulfilled(**self._one(each), fulfilled_on=day))
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
        due = (each.due_on for each in self.obligations if each.state == _O.pending and self.within_term(each))
        reminders = (each.due_on + timedelta(days=days) for each in self.obligations for days in self._reminders(each))
        return earliest(super().next_on(), *due, *reminders)

    def due_by(self, today: date) -> list[DomainEvent]:
        """What falls due; then reminders, of several that were missed only the latest."""
        if self.state not in COUNTING:
            return super().due_by(today)
        if fallen := self.fallen_due(today):
            return fallen
        reminded: list[DomainEvent] = []
        for each in self.obligations:
            passed = [days for days in self._reminders(each) if each.due_on + timedelta(days=days) <= today]
            if passed:
                days = max(passed)
                # What is late is told to all parties.
                awaited = (each.debtor_id,) if days <= 0 else ()
                reminded.append(AgreementObligationReminded(**self._one(each), days=days, awaited=awaited))
        return reminded or super().due_by(today)

    def fallen_due(self, until: date) -> list[DomainEvent]:
        """What falls due by this day; nothing while the days of obligations do not count."""
        if self.state not in COUNTING:
            return []
        waiting = (each for each in self.obligations if each.state == _O.pending and each.due_on <= until)
        return [self._fell_due(each) for each in waiting if self.within_term(each)]

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
        rests = {"state": _O.frozen, "frozen_from": _O.due} if event.detail.get("rests") else {"state": _O.due}
        self._replace(event, reason=event.detail["reason"], **rests)

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

    def obligation_refusal(self, action: str, found: Obligation) -> Refusal | None:
        """Why the action cannot be taken on this entry of the ledger now; None if it can."""
        if refusal := self.refusal_of(action):
            return refusal
        if found.state in self.TAKEN_IN[action]:
            return None
        return ObligationNotAllowedNow(
            kind="obligation",
            obligation=found.obligation_id,
            occurrence=found.occurrence,
            action=action,
            state=found.state,
            allowed=sorted(name for name, states in self.TAKEN_IN.items() if found.state in states),
        )

    def _taken(self, action: str, obligation_id: UUID, occurrence: int) -> Obligation:
        self.require(action)
        found = self.obligation(obligation_id, occurrence)
        if refusal := self.obligation_refusal(action, found):
            raise refusal
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
        if found.state in OWED and self.within_term(found):
            rule = self.rules.obligations
            for days in (*(-before for before in rule.remind_before), *rule.remind_after):
                if found.reminded is None or days > found.reminded:
                    yield days
