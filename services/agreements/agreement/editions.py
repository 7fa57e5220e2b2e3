"""Editions: one agreement, year after year."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Self

from services.agreements.agreement.core import AgreementState
from services.agreements.agreement.edition import Edition, EditionState, granting
from services.agreements.agreement.obligation import ObligationState
from services.agreements.agreement.obligations import Obligations
from services.agreements.agreement.timely import earliest
from services.agreements.errors.editions import EditionNotUnderReview, EditionUnsettled, NoEditions
from services.agreements.terms import Duty, year_from
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementEditionClosed,
    AgreementEditionEnded,
    AgreementEditionOpened,
    AgreementExpired,
    AgreementSigned,
    AgreementTerminated,
    CenterToOpen,
)
from shared.events.base import DomainEvent
from shared.money import Money
from shared.refusals import NotFound, Refusal

_S, _E = AgreementState, EditionState
LASTING = frozenset({_S.in_force, _S.suspended})
"""While the agreement lasts, at work or at rest."""


class Editions(Obligations):
    """The years of an agreement, within its horizon."""

    ALLOWED: ClassVar = {**Obligations.ALLOWED, "close_edition": LASTING | {_S.expired, _S.terminated}}

    editions: tuple[Edition, ...] = ()
    """None until all have signed, or if the kind has none."""

    def edition(self, number: int) -> Edition:
        """The edition of this number. Raises NotFound."""
        for edition in self.editions:
            if edition.number == number:
                return edition
        raise NotFound()

    @property
    def last_edition(self) -> Edition:
        """The last that was not given up, once there are any."""
        return [each for each in self.editions if each.state != _E.cancelled][-1]

    @property
    def edition_under_way(self) -> Edition | None:
        """The last that has begun; none before the first."""
        begun = [each for each in self.editions if each.state not in (_E.planned, _E.cancelled)]
        return begun[-1] if begun else None

    @property
    def next_start(self) -> date:
        """The first day after the last edition."""
        return self.last_edition.ends_on + timedelta(days=1)

    def owed_until(self, duty: Duty) -> date:
        """The last day of the last edition in which the duty is owed."""
        ends = [each.ends_on for each in self.editions if duty.obligation_id in each.obligations]
        return max(ends) if ends else super().owed_until(duty)

    def owed_within(self, day: date) -> tuple[date, date]:
        """The first and the last day of the edition to which the day belongs."""
        started = [(each.starts_on, each.ends_on) for each in self.editions if each.starts_on <= day]
        return max(started, default=super().owed_within(day))

    def guard(self, action: str) -> Refusal | None:
        """An edition is closed after its end, once nothing in it waits for a decision or for the end of a rest."""
        if action == "close_edition":
            reviewed = [self._unsettled(each) for each in self.editions if each.state == _E.under_review]
            if not reviewed:
                last = self.edition_under_way
                return self._not_under_review(last) if last else NoEditions()
            if None not in reviewed:
                return reviewed[0]
        return super().guard(action)

    def close_edition(self, number: int, *, today: date) -> list[DomainEvent]:
        """End an edition's review: what was due in it and is not met has failed.

        Refuses NoEditions, EditionNotUnderReview, EditionUnsettled.
        """
        self.require("close_edition")
        edition = self.edition(number)
        if edition.state != _E.under_review:
            raise self._not_under_review(edition)
        if refusal := self._unsettled(edition):
            raise refusal
        fallen = self.fallen_due(min(edition.ends_on, today))
        failed = self.model_copy().evolve(fallen).fail_unmet(edition.ends_on, today=today)
        closed = AgreementEditionClosed(agreement_id=self.id, edition=number, closed_on=today, failed=len(failed))
        return [*fallen, *failed, closed]

    def reckon(self, budget_year: int) -> tuple[int, int, int]:
        """What is agreed, as editions count it: funded and unfunded seats, and centimes in cash in one budget year."""
        cash = (line.amount for line in self.budget if (line.kind, line.budget_year) == ("cash", budget_year))
        return (*sums(self.centers), Money.total(cash).centimes)

    def amend_editions(self, before: Self, duties: Sequence[Duty]) -> None:
        """Let the editions that are not over follow what was amended; `before` is the agreement as it was.

        New duties are owed in them too, and those gone no more. What is amended of a center's seats or of the cash of
        a year holds for them, though a renewal set something else; what is not stays as the renewal set it. One that
        ended with the agreement, or would outlast it, ends by the rule of the first.
        """
        left = {each.party_id for each in before.parties} - {each.party_id for each in self.parties}
        joined = [each.party_id for each in self.parties if each not in before.parties]
        known, wanted = ([each.obligation_id for each in some] for some in (before.duties, duties))
        added = [id for id in wanted if id not in known]

        def amended(each: Edition) -> dict[str, Any]:
            moved = each.ends_on == before.effective_until or each.ends_on > self.effective_until
            return {
                **self._granting(each, before),
                "parties": tuple(dict.fromkeys([*(id for id in each.parties if id not in left), *joined])),
                "obligations": (*(id for id in each.obligations if id in wanted), *added),
                "ends_on": self._latest_end(each.starts_on) if moved else each.ends_on,
                "state": _E.cancelled if each.starts_on > self.effective_until else each.state,
            }

        self._change_editions({_E.planned, _E.running}, amended)

    def _granting(self, each: Edition, before: Self) -> dict[str, Any]:
        was, now = before.reckon(each.budget_year), self.reckon(each.budget_year)
        if each.seats is None:  # planned when no center's seats were told: it goes up and down with what is agreed
            told = (each.funded_seats, each.unfunded_seats, each.amount.centimes)
            funded, unfunded, centimes = (max(0, own + b - a) for own, a, b in zip(told, was, now, strict=True))
            return {"funded_seats": funded, "unfunded_seats": unfunded, "amount": Money(centimes=centimes)}
        seats = each.still_set(before.centers, self.centers)
        funded, unfunded = sums(granting(self.centers, seats))
        amount = each.amount if was[2] == now[2] else Money(centimes=now[2])
        return {"seats": seats, "funded_seats": funded, "unfunded_seats": unfunded, "amount": amount}

    def next_on(self) -> date | None:
        """The next start or end of an edition."""
        if self.state not in LASTING:
            return super().next_on()
        starts = (each.starts_on for each in self.editions if each.state == _E.planned and self.state == _S.in_force)
        ends = (each.ends_on + timedelta(days=1) for each in self.editions if each.state == _E.running)
        return earliest(super().next_on(), *starts, *ends)

    def due_by(self, today: date) -> list[DomainEvent]:
        """What falls due in an edition, its end, and the start of the next first."""
        if self.state not in LASTING:
            return super().due_by(today)
        return self._turn_of_editions(today) or super().due_by(today)

    @follows
    def _plan_first(self, _: AgreementSigned) -> None:
        self.editions = (self._first(),) if self.rules.editions else ()

    @follows
    def _open_edition(self, event: AgreementEditionOpened) -> None:
        self._change_edition(event.edition, state=_E.running)
        # At the renewal what was yet to fall due in the edition before could not be owed in this one. What was opened
        # before that was so says nothing of it, and is folded as it was.
        if event.detail.get("owes"):
            listed = {id for each in self.editions if each.number == event.edition for id in each.obligations}
            for duty in self.duties:
                if duty.obligation_id in listed:
                    self.owe(duty, since=event.starts_on)

    @follows
    def _review_edition(self, event: AgreementEditionEnded) -> None:
        self._change_edition(event.edition, state=_E.under_review)

    @follows
    def _close_edition(self, event: AgreementEditionClosed) -> None:
        self._change_edition(event.edition, state=_E.closed)

    @follows
    def _end_editions(self, _: AgreementTerminated | AgreementExpired) -> None:
        self._change_editions({_E.running}, lambda _: {"state": _E.under_review})
        self._change_editions({_E.planned}, lambda _: {"state": _E.cancelled})

    @staticmethod
    def _not_under_review(edition: Edition) -> EditionNotUnderReview:
        return EditionNotUnderReview(kind="edition", edition=edition.number, state=edition.state)

    def _unsettled(self, edition: Edition) -> Refusal | None:
        left = {
            each.obligation_id
            for each in self.obligations
            if each.state in (ObligationState.claimed, ObligationState.frozen) and each.due_on <= edition.ends_on
        }
        return EditionUnsettled(obligations=sorted(left), names=self.owed(sorted(left))) if left else None

    def _turn_of_editions(self, today: date) -> list[DomainEvent]:
        for each in self.editions:
            if each.state == _E.running and today > each.ends_on:
                ended = AgreementEditionEnded(agreement_id=self.id, edition=each.number, ended_on=each.ends_on)
                return self.fallen_due(each.ends_on) or [ended]
            if each.state == _E.planned and today >= each.starts_on and self.state == _S.in_force:
                opened = AgreementEditionOpened(
                    agreement_id=self.id, academy=self.academy, **told(each), centers=each.granted(self.centers)
                )
                return self.fallen_due(each.starts_on - timedelta(days=1)) or [opened.keeping(owes=True)]
        return []

    def _first(self) -> Edition:
        """What was drafted, as the first year's edition."""
        year = min((line.budget_year for line in self.budget), default=self.effective_from.year)
        funded, unfunded, centimes = self.reckon(year)
        return Edition(
            number=1,
            school_year=self.school_year,
            budget_year=year,
            starts_on=self.effective_from,
            ends_on=self._latest_end(self.effective_from),
            funded_seats=funded,
            unfunded_seats=unfunded,
            amount=Money(centimes=centimes),
            parties=tuple(each.party_id for each in self.parties),
            obligations=tuple(each.obligation_id for each in self.duties),
            seats=(),
        )

    def _latest_end(self, starts_on: date) -> date:
        return min(year_from(starts_on), self.effective_until)

    def _change_edition(self, number: int, **changes: Any) -> None:
        self.editions = tuple(
            each.model_copy(update=changes) if each.number == number else each for each in self.editions
        )

    def _change_editions(self, states: Collection[EditionState], change: Callable[[Edition], dict[str, Any]]) -> None:
        self.editions = tuple(
            each.model_copy(update=change(each)) if each.state in states else each for each in self.editions
        )


def sums(centers: Iterable[CenterToOpen]) -> tuple[int, int]:
    """Funded and unfunded seats."""
    there = [(each.funded_seats, each.unfunded_seats) for each in centers]
    return sum(funded for funded, _ in there), sum(unfunded for _, unfunded in there)


def told(edition: Edition) -> dict[str, Any]:
    """What events tell of an edition."""
    own = {"number", "parties", "obligations", "state", "seats"}
    return edition.model_dump(exclude=own) | {"edition": edition.number}
