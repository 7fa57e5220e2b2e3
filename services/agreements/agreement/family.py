"""Family: a framework agreement and those that follow it. A child never outruns or outlives its parent."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar, NamedTuple

from services.agreements.agreement.core import AgreementState, Core
from services.agreements.agreement.force import Force
from services.agreements.agreement.timely import latest
from services.agreements.errors.families import (
    ChildNotOfKind,
    ParentAtRest,
    ParentNotFollowed,
    ParentNotInForce,
    ParentNotSigned,
    ParentOver,
    TermBeyondParent,
)
from services.agreements.kinds import KINDS
from shared.aggregate import Recorded
from shared.clock import business_date, start_of
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementResumed,
    AgreementTerminated,
)
from shared.events.base import DomainEvent

_S = AgreementState
OVER = frozenset({_S.expired, _S.terminated, _S.closed, _S.cancelled})
ENDED_EARLY = frozenset({_S.terminated, _S.closed})


class Family(Force):
    """What a parent asks of its children."""

    ALLOWED: ClassVar = {"end_with_parent": Force.ALLOWED["terminate_agreement"]}

    def require_child(self, child: Core) -> None:
        """Refuse a draft that cannot follow this one.

        Refuses ParentNotFollowed, ChildNotOfKind, and what require_within refuses.
        Which kinds may follow it is its kind's of today: so a new one can.
        """
        followed_by, title = self.todays_kind.children, self.title.model_dump()
        if not followed_by:
            raise ParentNotFollowed(parent=self.id, title=title)
        if child.agreement_kind not in followed_by:
            raise ChildNotOfKind(
                parent=self.id,
                title=title,
                agreement_kind=child.agreement_kind,
                name=child.todays_kind.name.model_dump(),
                children=list(followed_by),
                names=[KINDS[each].name.model_dump() for each in followed_by],
            )
        self.require_within(child)

    def require_within(self, child: Core) -> None:
        """Refuse what follows this one and cannot any more: ParentOver, TermBeyondParent."""
        self._require_alive()
        if child.effective_from < self.effective_from or child.effective_until > self.effective_until:
            raise TermBeyondParent(
                parent=self.id, effective_from=self.effective_from, effective_until=self.effective_until
            )

    def require_signed(self, child: Core) -> None:
        """Refuse to let a child be signed before this one is, while it rests, or if it cannot follow it any more.

        Refuses ParentNotSigned, ParentAtRest, and what require_within refuses.
        """
        self.require_within(child)
        if self.suspension is not None:
            raise ParentAtRest(parent=self.id, reference=self.reference, since=self.suspension.effective_on)
        if self.state not in (_S.signed, _S.in_force):
            raise ParentNotSigned(parent=self.id, reference=self.reference)

    def require_in_force(self) -> None:
        """Refuse to let a child bind while this one does not: ParentNotInForce, ParentOver."""
        self._require_alive()
        if self.state != _S.in_force:
            raise ParentNotInForce(parent=self.id, reference=self.reference)

    def bring_into_force_with(self, parent: "Parent", today: date) -> list[DomainEvent]:
        """Bind from the first day on which both stand as they do, though nobody looked by then.

        Refuses as require_in_force does.
        """
        day = self.binds_from(today, self.stood_since)
        found = parent.in_force(since=self.ready_at(day), until=today) if day else None
        if found is None:
            parent.now.require_in_force()
            return []
        return self.bring_into_force(
            business_date(found.since), since=latest(self.stood_since, found.parent.stood_since)
        )

    def ready_by(self, today: date) -> date | None:
        """The day from which on it binds as soon as what it follows does; none if that is none of today's matter."""
        return None if self.refusal_of("bring_into_force") else self.binds_from(today, self.stood_since)

    def catch_up(self, today: date, parent: "Parent | None" = None) -> list[DomainEvent]:
        """All that the days have brought about up to this one, in their order, though nobody looked meanwhile.

        It binds, and ends with its term or with its parent: on the parent's day and papers.
        """
        ended = parent.ended_early(until=today) if parent else None
        events = self._begun(today, parent)
        ahead = self.model_copy().evolve(events)
        while step := ahead._comes_next(today, ended):
            ahead.evolve(step)
            events += step
        return events

    def _begun(self, today: date, parent: "Parent | None") -> list[DomainEvent]:
        if self.refusal_of("bring_into_force"):
            return []
        if self.parent_id is None:
            return self.bring_into_force(today)
        try:
            return self.bring_into_force_with(parent, today) if parent else []
        except (ParentNotInForce, ParentOver):
            return []

    def _comes_next(self, today: date, ended: "Standing | None") -> list[DomainEvent]:
        if self.refusal_of("end_with_parent"):
            return self.due_by(today)
        until = business_date(ended.since) if ended else today
        if until > self.effective_until:
            return self.due_by(self.effective_until) or self.expire(until)
        if ended is None:
            return self.due_by(until)
        # Of the day of an end, what came before it: nothing if that had been announced.
        return self.due_by(business_date(ended.since - timedelta(microseconds=1))) or self._end_with(ended.parent)

    def _end_with(self, parent: "Family") -> list[DomainEvent]:
        assert parent.ending is not None, "it has been terminated"
        day = max(each for each in (parent.ending.effective_on, self.stood_since) if each)
        terminated = AgreementTerminated(
            agreement_id=self.id, academy=self.academy, effective_on=day, because="parent_ended"
        )
        return [terminated.keeping(**parent.ending.model_dump(exclude={"effective_on"}))]

    def _require_alive(self) -> None:
        if self.state in OVER:
            raise ParentOver(parent=self.id, reference=self.reference)


class Parent(NamedTuple):
    """What a child follows: as it stands, and its life, which tells what it was before.

    It is looked at as it was known at an instant, with what time had made of that by then. So it makes no difference
    when anybody looks, and what was decided later of days before changes nothing that had come about.
    """

    now: Family
    life: Sequence[Recorded] = ()
    """All that was recorded of it; nothing where it makes no difference what it was before."""

    def in_force(self, *, since: datetime, until: date) -> "Standing | None":
        """When it first was in force from an instant on, up to a day; None if it was not."""
        told = self._told(AgreementCameIntoForce, AgreementResumed)
        turns = {since, *told, *_beginning(self._led_to(self.now, until).in_force_on)}
        return self._first({_S.in_force}, {each for each in turns if each >= since}, until)

    def ended_early(self, *, until: date) -> "Standing | None":
        """When it was terminated, up to a day; None if it was not."""
        ending = self._led_to(self.now, until).ending
        turns = {*self._told(AgreementTerminated), *_beginning(ending.effective_on if ending else None)}
        return self._first(ENDED_EARLY, turns, until)

    def _first(self, states: Collection[AgreementState], turns: Iterable[datetime], until: date) -> "Standing | None":
        for turn in sorted(turns):
            day = business_date(turn)
            it = self._led_to(self._known_at(turn), day)
            if day <= until and it.state in states:
                return Standing(turn, it)
        return None

    def _known_at(self, instant: datetime) -> Family:
        if not self.life:
            return self.now
        return type(self.now).fold(self.now.id, (each.event for each in self.life if each.at <= instant))

    def _told(self, *turns: type[DomainEvent]) -> Iterator[datetime]:
        for each in self.life:
            match each.event:
                case (
                    AgreementCameIntoForce(in_force_on=day)
                    | AgreementResumed(effective_on=day)
                    | AgreementTerminated(effective_on=day)
                ) if isinstance(each.event, turns):
                    yield max(each.at, start_of(day))

    @staticmethod
    def _led_to(it: Family, day: date) -> Family:
        return it.model_copy().evolve(it.catch_up(day))


def _beginning(day: date | None) -> list[datetime]:
    return [start_of(day)] if day else []


class Standing(NamedTuple):
    """Since when a parent stood somehow, and all that it was then."""

    since: datetime
    parent: Family
