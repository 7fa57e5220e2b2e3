"""The approval ladder: different people approve, step after step, as the file's kind asked when its review began."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from services.agreements.errors.approval import ApprovedAlready, AuthorDoesNotApprove, StepNotTheirs
from services.agreements.kinds import Tier
from services.agreements.surroundings import Surrounded
from shared.actor import Role
from shared.clock import business_date
from shared.refusals import Refusal


class StepApproval(BaseModel):
    """One person's approval of one step."""

    model_config = ConfigDict(frozen=True)

    tier: str
    person: str
    """Whose approval it is."""
    substitute: str | None = None
    """Who gave it in that person's place."""
    at: datetime

    @property
    def in_place_of(self) -> str | None:
        """The person, if another gave it in their place."""
        return self.person if self.substitute else None


class Overdue(BaseModel):
    """A step whose time has passed: at level 1 once, at level 2 twice, and so on."""

    model_config = ConfigDict(frozen=True)

    tier: str
    roles: tuple[Role, ...]
    """Who holds the file."""
    since: datetime
    due: datetime
    level: int


class Ladder(BaseModel):
    """The steps of one file and what was approved on it; it does not follow later changes of its kind."""

    model_config = ConfigDict(frozen=True)

    tiers: tuple[Tier, ...]
    since: datetime
    """Since when the current step waits; once complete, when it was completed."""
    approvals: tuple[StepApproval, ...] = ()
    level: int = 0
    """How often the current step has escalated."""

    @property
    def current(self) -> Tier | None:
        """The step that is waited for; None once all are approved."""
        return next((tier for tier in self.tiers if len(self._given(tier)) < tier.needed), None)

    @property
    def complete(self) -> bool:
        """Whether every step has the approvals it needs."""
        return self.current is None

    @property
    def lacking(self) -> int:
        """How many approvals the current step still needs."""
        return self.current.needed - len(self._given(self.current)) if self.current else 0

    @property
    def nearly_complete(self) -> bool:
        """Whether one approval more completes it."""
        return self.lacking == 1 and self.current == self.tiers[-1]

    @property
    def due_on(self) -> date | None:
        """The last day of the current step, however often it has escalated since; None if its time is not limited."""
        if self.current is None or self.current.days is None:
            return None
        return business_date(self.since + timedelta(days=self.current.days))

    def step_refusal(self, roles: Collection[Role]) -> Refusal | None:
        """Why the current step is not held by somebody of these roles; None if it is."""
        if self.current is None or not set(self.current.roles).isdisjoint(roles):
            return None
        return StepNotTheirs(step=self.current.name.model_dump(), roles=list(self.current.roles))

    def refusal_of(self, person: str, roles: Collection[Role], *, substitute: str | None = None) -> Refusal | None:
        """Why this person (or the substitute in their place) cannot approve the current step; None if they can.

        Nobody approves twice on one ladder, neither a step again nor the one after it, in whatever place.
        """
        acting = {person, substitute} - {None}
        for approval in self.approvals:
            if self.current and not acting.isdisjoint({approval.person, approval.substitute}):
                return ApprovedAlready(step=self._tier(approval.tier).name.model_dump())
        return self.step_refusal(roles)

    def approve(
        self, person: str, roles: Collection[Role], at: datetime, *, substitute: str | None = None
    ) -> StepApproval:
        """A person's approval of the current step, to be put on the ladder by `having`.

        Refuses StepNotTheirs, ApprovedAlready.
        """
        assert self.current is not None, "nothing is left to approve"
        if refusal := self.refusal_of(person, roles, substitute=substitute):
            raise refusal
        return StepApproval(tier=self.current.id, person=person, substitute=substitute, at=at)

    def having(self, approval: StepApproval) -> Self:
        """The ladder with one more approval; the one that completes a step starts the next one's time."""
        more = self.model_copy(update={"approvals": (*self.approvals, approval)})
        return more if more.current == self.current else more.model_copy(update={"since": approval.at, "level": 0})

    def restarted(self, at: datetime) -> Self:
        """The same steps from the first one on, with nothing approved."""
        return self.model_copy(update={"since": at, "approvals": (), "level": 0})

    def overdue(self, at: datetime) -> tuple[Overdue, ...]:
        """The levels of the current step's lateness that are reached at this instant and not yet escalated."""
        step = self.current
        if step is None or step.days is None:
            return ()
        reached = (
            Overdue(
                tier=step.id,
                roles=step.roles,
                since=self.since,
                due=self.since + timedelta(days=step.days * level),
                level=level,
            )
            for level in range(self.level + 1, step.levels + 1)
        )
        return tuple(each for each in reached if each.due < at)

    def escalated(self, level: int) -> Self:
        """The ladder whose current step's lateness is known up to this level."""
        return self.model_copy(update={"level": level})

    def _given(self, tier: Tier) -> tuple[StepApproval, ...]:
        return tuple(approval for approval in self.approvals if approval.tier == tier.id)

    def _tier(self, id: str) -> Tier:
        return next(tier for tier in self.tiers if tier.id == id)


class Climbing(Surrounded):
    """A file and its ladder: agreements and amendments alike."""

    ladder: Ladder | None = None
    """From its review on; it does not follow later changes of the file's kind."""

    if TYPE_CHECKING:  # each keeps these in its own way

        @property
        def authors(self) -> Collection[str]: ...

    @property
    def under_review(self) -> bool:
        """Whether it waits for an approval."""
        raise NotImplementedError

    @property
    def climbing(self) -> Ladder:
        """The ladder of a file that was submitted."""
        assert self.ladder is not None, "not submitted yet"
        return self.ladder

    @property
    def nearly_frozen(self) -> bool:
        """Whether the next approval freezes it."""
        return self.under_review and self.ladder is not None and self.ladder.nearly_complete

    @property
    def frozen_on(self) -> date | None:
        """The day of the approval that froze it; None before that."""
        return business_date(self.ladder.since) if self.ladder and self.ladder.complete else None

    @property
    def approval_due_on(self) -> date | None:
        """The last day of the step that is waited for, in the time it was given first; none if that is not limited."""
        return self.ladder.due_on if self.ladder and self.under_review else None

    def approver_refusal(
        self, person: str, roles: Collection[Role], *, substitute: str | None = None
    ) -> Refusal | None:
        """Why this person (or the substitute in their place) may not approve the current step; None if they may.

        Segregation of duties: neither an author, nor who has approved on this ladder before.
        """
        if not {person, substitute}.isdisjoint(self.authors):
            return AuthorDoesNotApprove()
        return self.ladder.refusal_of(person, roles, substitute=substitute) if self.ladder else None

    def holder_refusal(self, roles: Collection[Role], *, substitute: str | None = None) -> Refusal | None:
        """Why somebody of these roles (or the substitute in their place) does not hold the current step; None if so.

        Who holds it sends the file back or refuses it. What one wrote oneself one does not judge in another's place.
        """
        if substitute in self.authors:
            return AuthorDoesNotApprove()
        return self.ladder.step_refusal(roles) if self.ladder else None

    def require_step(self, roles: Collection[Role], *, substitute: str | None = None) -> None:
        """Refuse what holder_refusal gives: StepNotTheirs, AuthorDoesNotApprove."""
        if refusal := self.holder_refusal(roles, substitute=substitute):
            raise refusal

    def give_approval(
        self, person: str, roles: Collection[Role], at: datetime, *, substitute: str | None = None
    ) -> StepApproval:
        """An approval of the current step. Refuses AuthorDoesNotApprove, StepNotTheirs, ApprovedAlready."""
        if refusal := self.approver_refusal(person, roles, substitute=substitute):
            raise refusal
        return self.climbing.approve(person, roles, at, substitute=substitute)
