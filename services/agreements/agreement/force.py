"""Force: an agreement binds, rests, and ends; what is decided of it takes effect after due notice."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import BEING_SIGNED, SIGNED_BY_ALL, AgreementState
from services.agreements.agreement.editions import Editions
from services.agreements.agreement.signing import Signing
from services.agreements.agreement.timely import earliest, latest
from services.agreements.errors import CenterNotInAgreement, EffectiveDateAhead
from services.agreements.errors.editions import EndAnnounced
from services.agreements.errors.force import (
    AlreadyAnnounced,
    AnnouncementDue,
    DecisionWithoutDocument,
    EffectiveAfterTerm,
    EffectiveBeforeSuspension,
    EffectiveOutOfOrder,
    NothingAnnounced,
    NoticeAhead,
    NoticeTooEarly,
    NoticeTooShort,
    ResumptionWithoutReason,
)
from shared.aggregate import follows
from shared.clock import business_date, start_of
from shared.events.agreements import (
    AgreementAmended,
    AgreementAnnouncementWithdrawn,
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementExpired,
    AgreementResumed,
    AgreementSigned,
    AgreementSuspended,
    AgreementSuspensionAnnounced,
    AgreementTerminated,
    AgreementTerminationAnnounced,
    CenterToOpen,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AgreementState
Scope = Literal["money", "centers"]
ANNOUNCED = {"suspend_agreement": "suspension", "terminate_agreement": "termination"}
"""Action -> what it announces when its day is ahead."""


class Grounds(BaseModel):
    """What a decision stands on."""

    model_config = ConfigDict(frozen=True)

    effective_on: date
    reason: str
    document: str | None = None
    """The reference of the legal document."""
    document_hash: str | None = None
    """SHA-256 of the document itself, in hex."""
    notified_on: date | None = None
    """The day on which the parties were given notice."""


class Suspension(Grounds):
    """Why and how far the agreement rests."""

    scope: Scope
    centers: tuple[UUID, ...]


class Ending(Grounds):
    """Why the agreement was terminated or cancelled."""


class Announcement(Grounds):
    """A suspension or termination whose day has not come."""

    announced: Literal["suspension", "termination"]
    scope: Scope | None = None
    """How far it will rest; none for a termination."""
    centers: tuple[UUID, ...] = ()


class Force(Signing, Editions):
    """From when to when the agreement binds, and while it rests."""

    ALLOWED: ClassVar = {
        "bring_into_force": frozenset({_S.signed}),
        "suspend_agreement": frozenset({_S.in_force}),
        "resume_agreement": frozenset({_S.suspended}),
        "terminate_agreement": frozenset({_S.signed, _S.in_force, _S.suspended}),
        "withdraw_announcement": frozenset({_S.signed, _S.in_force, _S.suspended}),
        "expire_agreement": frozenset({_S.signed, _S.in_force, _S.suspended}),
        "cancel_agreement": frozenset({_S.draft, _S.negotiation, _S.legal_review}) | BEING_SIGNED,
    }

    suspension: Suspension | None = None
    announcement: Announcement | None = None
    ending: Ending | None = None
    stands_since: date | None = None
    """The day from which on it stands as it does: signed by all, in force, at rest, or in force again."""

    @property
    def stood_since(self) -> date | None:
        """`stands_since`, derived where it came about before that was kept; a rest lifted by then left no day."""
        if self.stands_since or self.state not in SIGNED_BY_ALL:
            return self.stands_since
        if self.suspension:
            return self.suspension.effective_on
        signed_on = max((business_date(each.signed_at) for each in self.signatures), default=None)
        return self.in_force_on or signed_on

    @property
    def settled_since(self) -> date | None:
        """The day before which nothing takes effect any more."""
        return self.stood_since

    @property
    def notice_since(self) -> date | None:
        """The first day on which notice could be given: all had signed, whoever an amendment brought in among them."""
        return latest(self.signed_on, *(business_date(each.signed_at) for each in self.signatures))

    def guard(self, action: str) -> Refusal | None:
        """One thing is announced at a time, and only what is announced is withdrawn."""
        if action in ANNOUNCED and self.announcement is not None:
            told = self.announcement
            return AlreadyAnnounced(announced=told.announced, effective_on=told.effective_on)
        if action == "withdraw_announcement" and self.announcement is None:
            return NothingAnnounced()
        return super().guard(action) or self._end_refusal(action)

    def bring_into_force(self, today: date, *, since: date | None = None) -> list[DomainEvent]:
        """Let the agreement bind from its start date on; before it, or if it is to end by then, nothing happens.

        It binds nobody before `since`, the day on which the last thing came about that it waited for otherwise.
        """
        self.require("bring_into_force")
        if (in_force_on := self.binds_from(today, since)) is None:
            return []
        return [AgreementCameIntoForce(agreement_id=self.id, academy=self.academy, in_force_on=in_force_on)]

    def suspend(
        self,
        *,
        scope: Scope,
        centers: Sequence[UUID],
        reason: str,
        document: str | None = None,
        document_hash: str | None = None,
        notified_on: date | None = None,
        effective_on: date | None = None,
        today: date,
    ) -> list[DomainEvent]:
        """Let the agreement rest: its money only, or the named centers too (all of them when none is named).

        It takes effect on its day, the first that the notice allows unless told otherwise; until then it is announced.
        Refuses AlreadyAnnounced, DecisionWithoutDocument, NoticeAhead, NoticeTooEarly, NoticeTooShort,
        EffectiveOutOfOrder, EffectiveAfterTerm, CenterNotInAgreement.
        """
        self.require("suspend_agreement")
        grounds = _grounds(reason, document, document_hash, notified_on or today)
        suspended = self.suspension_on(
            scope=scope, centers=centers, notified_on=notified_on, effective_on=effective_on, today=today
        )
        return [suspended.keeping(**grounds)]

    def suspension_on(
        self,
        *,
        scope: Scope,
        centers: Sequence[UUID],
        notified_on: date | None,
        effective_on: date | None,
        today: date,
    ) -> AgreementSuspended | AgreementSuspensionAnnounced:
        """What a suspension would say, with its day; refused as `suspend` refuses it, but for its grounds."""
        own = [center.center_id for center in self.centers]
        if foreign := [center for center in centers if center not in own]:
            raise CenterNotInAgreement(centers=foreign)
        day = self._day("suspend_agreement", effective_on, notified_on or today, today)
        named = tuple(centers or own) if scope == "centers" else ()
        event = AgreementSuspended if day <= today else AgreementSuspensionAnnounced
        return event(agreement_id=self.id, effective_on=day, scope=scope, centers=named)

    def resume(
        self, *, effective_on: date, reason: str | None, document: str | None = None, today: date
    ) -> list[DomainEvent]:
        """Lift the suspension, unless the term is over by then.

        Refuses ResumptionWithoutReason, EffectiveDateAhead, EffectiveBeforeSuspension, TermOver.
        """
        self.require("resume_agreement")
        if reason is None:
            raise ResumptionWithoutReason()
        self.model_copy().evolve(self.pass_time(today))._require_term(today)
        if effective_on > today:
            raise EffectiveDateAhead(effective_on=effective_on)
        rest = self.suspension
        assert rest is not None, "suspended by a suspension"
        if effective_on < rest.effective_on:
            raise EffectiveBeforeSuspension(effective_on=effective_on, suspended_on=rest.effective_on)
        resumed = AgreementResumed(agreement_id=self.id, effective_on=effective_on, centers=rest.centers)
        return [resumed.keeping(reason=reason, document=document)]

    def terminate(
        self,
        *,
        reason: str,
        document: str | None = None,
        document_hash: str | None = None,
        notified_on: date | None = None,
        effective_on: date | None = None,
        today: date,
    ) -> list[DomainEvent]:
        """End the agreement before its time, on its day; until then it is announced.

        Refuses AlreadyAnnounced, DecisionWithoutDocument, NoticeAhead, NoticeTooEarly, NoticeTooShort,
        EffectiveOutOfOrder, EffectiveAfterTerm.
        """
        self.require("terminate_agreement")
        grounds = _grounds(reason, document, document_hash, notified_on or today)
        terminated = self.termination_on(notified_on=notified_on, effective_on=effective_on, today=today)
        return [terminated.keeping(**grounds)]

    def termination_on(
        self, *, notified_on: date | None, effective_on: date | None, today: date
    ) -> AgreementTerminated | AgreementTerminationAnnounced:
        """What a termination would say, with its day; refused as `terminate` refuses it, but for its grounds."""
        day = self._day("terminate_agreement", effective_on, notified_on or today, today)
        event = AgreementTerminated if day <= today else AgreementTerminationAnnounced
        return event(agreement_id=self.id, academy=self.academy, effective_on=day)

    def withdraw_announcement(self, *, reason: str, today: date) -> list[DomainEvent]:
        """Take back what is announced, before its day. Refuses NothingAnnounced, AnnouncementDue."""
        self.require("withdraw_announcement")
        told = self.announcement
        assert told is not None, "the guard lets nothing through without one"
        if told.effective_on <= today:
            raise AnnouncementDue(announced=told.announced, effective_on=told.effective_on)
        withdrawn = AgreementAnnouncementWithdrawn(
            agreement_id=self.id, announced=told.announced, effective_on=told.effective_on
        )
        return [withdrawn.keeping(reason=reason)]

    def expire(self, today: date) -> list[DomainEvent]:
        """End the agreement after its end date, also if it never bound; until then, nothing happens.

        What was announced before comes first.
        """
        self.require("expire_agreement")
        if today <= self.effective_until:
            return []
        if self.announcement and self.announcement.effective_on <= self.effective_until:
            return self.pass_time(self.effective_until)
        expired_on = self.effective_until + timedelta(days=1)
        because: Literal["term_over", "never_bound"] = "never_bound" if self.state == _S.signed else "term_over"
        expired = AgreementExpired(agreement_id=self.id, academy=self.academy, expired_on=expired_on, because=because)
        return [expired.keeping(cancels=True)]

    def cancel(self, *, reason: str, today: date) -> list[DomainEvent]:
        """Give the agreement up before all have signed."""
        self.require("cancel_agreement")
        return [AgreementCancelled(agreement_id=self.id).keeping(reason=reason, effective_on=today)]

    def next_on(self) -> date | None:
        """The day of what is announced."""
        return earliest(super().next_on(), self.announcement.effective_on if self.announcement else None)

    def due_by(self, today: date) -> list[DomainEvent]:
        """What is announced takes effect on its day, after all that came before it."""
        told = self.announcement
        if told is None or today < told.effective_on:
            return super().due_by(today)
        return super().due_by(told.effective_on - timedelta(days=1)) or [self._takes_effect(told)]

    @follows
    def _stand(self, event: AgreementSigned) -> None:
        self.stands_since = event.signed_on

    @follows
    def _bind(self, event: AgreementCameIntoForce) -> None:
        self.state = AgreementState.in_force
        self.stands_since = event.in_force_on

    @follows
    def _announce_suspension(self, event: AgreementSuspensionAnnounced) -> None:
        what = event.model_dump(include={"effective_on", "scope", "centers"})
        self.announcement = Announcement(announced="suspension", **what, **event.detail)

    @follows
    def _announce_termination(self, event: AgreementTerminationAnnounced) -> None:
        self.announcement = Announcement(announced="termination", effective_on=event.effective_on, **event.detail)

    @follows
    def _announce_nothing(self, _: AgreementAnnouncementWithdrawn) -> None:
        self.announcement = None

    @follows
    def _rest(self, event: AgreementSuspended) -> None:
        self.state = AgreementState.suspended
        self.announcement = None
        self.stands_since = event.effective_on
        what = event.model_dump(include={"effective_on", "scope", "centers"})
        self.suspension = Suspension(**what, **event.detail)

    @follows
    def _bind_again(self, event: AgreementResumed) -> None:
        self.state = AgreementState.in_force
        self.stands_since = event.effective_on
        self.suspension = None

    @follows
    def _rest_as_well(self, event: AgreementAmended) -> None:
        # Before the detail told them, centers rested at once where a suspension was only announced.
        more = [UUID(each) for each in event.detail.get("to_rest", map(str, event.resting))]
        for name in ("suspension", "announcement"):
            if more and (rest := getattr(self, name)) and rest.scope == "centers":
                setattr(self, name, rest.model_copy(update={"centers": (*rest.centers, *more)}))

    @follows
    def _end_early(self, event: AgreementTerminated) -> None:
        self.state = AgreementState.terminated
        self.announcement = self.suspension = None
        self.ending = Ending(effective_on=event.effective_on, **event.detail)

    @follows
    def _run_out(self, _: AgreementExpired) -> None:
        self.state = AgreementState.expired
        self.announcement = self.suspension = None

    @follows
    def _come_to_nothing(self, event: AgreementCancelled) -> None:
        self.state = AgreementState.cancelled
        self.ending = Ending.model_validate(event.detail)

    def _resting_as_well(self, centers: Sequence[CenterToOpen]) -> tuple[UUID, ...]:
        """Which of these centers are new, if all that there are rest or are to: then so do they."""
        own, rest = {center.center_id for center in self.centers}, self.suspension or self.announcement
        if rest is None or rest.scope != "centers" or not own.issubset(rest.centers):
            return ()
        return tuple(center.center_id for center in centers if center.center_id not in own)

    def _end_refusal(self, action: str) -> EndAnnounced | None:
        """No edition is planned that an announced termination would not let begin."""
        told = self.announcement
        if action != "renew_agreement" or told is None or told.announced != "termination":
            return None
        return EndAnnounced(effective_on=told.effective_on) if told.effective_on <= self.next_start else None

    def binds_from(self, today: date, since: date | None = None) -> date | None:
        """The day from which it binds; none before its start, or if it is to end by then or its term is over."""
        day = max(self.effective_from, since or self.effective_from)
        announced = self.announcement is not None and self.announcement.effective_on <= day
        ends_first = announced or day > self.effective_until
        return None if today < self.effective_from or ends_first else day

    def ready_at(self, day: date) -> datetime:
        """From when on, within the day from which it binds by itself, nothing of its own was missing."""
        return max([start_of(day), *(each.signed_at for each in self.signatures)])

    def _notice_days(self, action: str) -> int:
        return self.rules.notice_days if action == "terminate_agreement" else self.rules.suspension_notice_days

    def _day(self, action: str, effective_on: date | None, notified_on: date, today: date) -> date:
        if notified_on > today:
            raise NoticeAhead(notified_on=notified_on)
        if (first := self.notice_since) and notified_on < first:
            raise NoticeTooEarly(notified_on=notified_on, earliest=first)
        days = self._notice_days(action)
        earliest_on = notified_on + timedelta(days=days)
        day = effective_on or max(today, earliest_on)
        if day < earliest_on:
            raise NoticeTooShort(days=days, notified_on=notified_on, earliest=earliest_on)
        if effective_on and (since := self.settled_since) and day < since:
            raise EffectiveOutOfOrder(effective_on=day, since=since)
        if day > self.effective_until:
            raise EffectiveAfterTerm(effective_on=day, effective_until=self.effective_until)
        return day

    def _takes_effect(self, told: Announcement) -> DomainEvent:
        grounds = told.model_dump(include={"reason", "document", "document_hash", "notified_on"})
        if told.announced == "termination":
            terminated = AgreementTerminated(agreement_id=self.id, academy=self.academy, effective_on=told.effective_on)
            return terminated.keeping(**grounds)
        assert told.scope is not None, "a suspension says how far"
        own = {center.center_id for center in self.centers}
        suspended = AgreementSuspended(
            agreement_id=self.id,
            effective_on=told.effective_on,
            scope=told.scope,
            centers=tuple(each for each in told.centers if each in own),
        )
        return suspended.keeping(**grounds)


def _grounds(reason: str, document: str | None, document_hash: str | None, notified_on: date) -> dict[str, Any]:
    if document is None and document_hash is None:
        raise DecisionWithoutDocument()
    return {"reason": reason, "document": document, "document_hash": document_hash, "notified_on": notified_on}
