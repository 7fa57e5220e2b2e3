"""Family: a framework agreement and those that follow it. A child never outruns or outlives its parent."""

from datetime import date, timedelta
from typing import ClassVar

from services.agreements.agreement.core import AgreementState, Core
from services.agreements.agreement.force import Force
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
from shared.events.agreements import AgreementTerminated
from shared.events.base import DomainEvent

_S = AgreementState
OVER = frozenset({_S.expired, _S.terminated, _S.closed, _S.cancelled})


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

    def bring_into_force_with(self, parent: "Family", today: date) -> list[DomainEvent]:
        """Bind while the parent does, from the day on which both stand as they do. Refuses as require_in_force does."""
        parent.require_in_force()
        days = [each for each in (self.stood_since, parent.stood_since) if each]
        return self.bring_into_force(today, since=max(days, default=None))

    def end_with(self, parent: "Family") -> list[DomainEvent]:
        """End early because the parent did: on its day and its papers, whenever that is looked at.

        What came before comes first, be it the end of this one's own. Nothing happens while the parent has not been
        terminated.
        """
        self.require("end_with_parent")
        if parent.ending is None or parent.state not in (_S.terminated, _S.closed):
            return []
        day = max(each for each in (parent.ending.effective_on, self.stood_since) if each)
        before = self.pass_time(day - timedelta(days=1))
        ahead = self.model_copy().evolve(before)
        if ahead.refusal_of("end_with_parent"):
            return before
        if day > ahead.effective_until:
            return [*before, *ahead.expire(day)]
        terminated = AgreementTerminated(
            agreement_id=self.id, academy=self.academy, effective_on=day, because="parent_ended"
        )
        return [*before, terminated.keeping(**parent.ending.model_dump(exclude={"effective_on"}))]

    def run_out(self, today: date, *, parent: "Family | None" = None) -> list[DomainEvent]:
        """End with the term, unless its parent ended first; until the term is over, nothing happens.

        What was to bind within its term binds first, though nobody looked by then; what never was just ends.
        """
        if today <= self.effective_until:
            return []
        if parent is not None and (ended := self.end_with(parent)):
            return ended
        begun: list[DomainEvent] = []
        if self.refusal_of("bring_into_force") is None:
            if parent is None:
                begun = self.bring_into_force(today)
            elif parent.state == _S.in_force:
                begun = self.bring_into_force_with(parent, today)
        return [*begun, *self.model_copy().evolve(begun).expire(today)]

    def _require_alive(self) -> None:
        if self.state in OVER:
            raise ParentOver(parent=self.id, reference=self.reference)
