"""The ceremony: a sitting in which agreements are signed in their order of business, with minutes."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.bilingual import Bilingual
from services.agreements.errors.ceremonies import (
    AgreementsMissing,
    BeforeItsDay,
    LobbyNotReady,
    NoChair,
    NoSeatLeft,
    NotInTheCeremony,
    NotSeated,
    OrderLeavesOut,
    SeatsNotQuorate,
)
from shared.actor import Actor
from shared.aggregate import Aggregate
from shared.clock import business_date
from shared.events.agreements import (
    CeremonyAgreementCalled,
    CeremonyAgreementStruck,
    CeremonyAttendeeAdmitted,
    CeremonyAttendeeReleased,
    CeremonyCancelled,
    CeremonyChairNamed,
    CeremonyClosed,
    CeremonyInterrupted,
    CeremonyMinutesAdopted,
    CeremonyOpened,
    CeremonyOrderChanged,
    CeremonyPlanned,
    CeremonyPostponed,
    CeremonyPrepared,
    CeremonyRescheduled,
    CeremonyResumed,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal
from shared.territory import ACADEMY_CODES


class CeremonyState(StrEnum):
    """Where a ceremony stands."""

    planned = "planned"
    postponed = "postponed"
    lobby = "lobby"
    open = "open"
    interrupted = "interrupted"
    closed = "closed"
    minutes_adopted = "minutes_adopted"
    cancelled = "cancelled"


_S = CeremonyState
RUNNING = frozenset({_S.lobby, _S.open, _S.interrupted})
"""Under way: its agreements are signed in it, and nowhere else."""
AHEAD = frozenset({_S.planned, _S.postponed}) | RUNNING
"""Not over: its agreements are in no other order of business."""

SEATS_EACH = 12
"""How many may sit for one organisation."""

Codes = Mapping[UUID, Iterable[str]]
"""Agreement -> the codes of those who may see it."""
Missing = dict[UUID, dict[str, list[UUID]]]
"""What agreements lack -> whose, by organisation.

`cancelled`, `text`, `tampered`, `offer`, `parent`, `mandate`, `scope`, `accreditation`, `seat`.
"""


class Attendee(BaseModel):
    """Somebody who sits at the ceremony for a party."""

    model_config = ConfigDict(frozen=True)

    organisation_id: UUID
    name: str
    function: str | None = None

    def same_as(self, other: "Attendee") -> bool:
        """Whether it is the same person, whatever function is said of them."""
        return (self.organisation_id, self.name) == (other.organisation_id, other.name)


class Ceremony(Aggregate):
    """A signing ceremony, its order of business and its minutes."""

    kind: ClassVar[str] = "ceremony"
    ALLOWED: ClassVar = {
        "name_chair": AHEAD,
        "admit_attendee": RUNNING,
        "release_attendee": RUNNING,
        "change_order": frozenset({_S.planned, _S.postponed, _S.lobby}),
        "strike_agreement": AHEAD,
        "call_agreement": frozenset({_S.open}),
        "open_screen": AHEAD,
        "close_screens": frozenset(_S),
        "postpone_ceremony": frozenset({_S.planned, _S.lobby}),
        "reschedule_ceremony": frozenset({_S.postponed}),
        "prepare_ceremony": frozenset({_S.planned}),
        "open_ceremony": frozenset({_S.lobby}),
        "interrupt_ceremony": frozenset({_S.open}),
        "resume_ceremony": frozenset({_S.interrupted}),
        "close_ceremony": frozenset({_S.open}),
        "adopt_minutes": frozenset({_S.closed}),
        "cancel_ceremony": frozenset({_S.planned, _S.lobby, _S.postponed}),
    }

    state: CeremonyState = CeremonyState.planned
    title: Bilingual = Bilingual(ar="-", fr="-")
    place: Bilingual | None = None
    planned_for: datetime | None = None
    agreements: tuple[UUID, ...] = ()
    """The order of business."""
    codes: dict[UUID, tuple[str, ...]] = {}
    """Agreement -> who may see it: as at the planning, and again when the lobby opens, and the sitting, and it closes.

    From the closing on those that were struck are among them, as the minutes tell of them.
    """
    chair: Attendee | None = None
    attendees: tuple[Attendee, ...] = ()
    academy: str | None = None
    """The academy that keeps every agreement that it tells of, and may hold it; none while others keep one."""
    called: UUID | None = None
    """The agreement on the table."""
    reason: str | None = None
    """Why it was postponed, interrupted or cancelled."""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    signed: tuple[UUID, ...] = ()
    unsigned: tuple[UUID, ...] = ()
    minutes: dict[str, str] = {}
    """Language -> the hash of the minutes in it, drawn up at the closing."""
    record: str | None = None
    """The hash of what the minutes tell, from which extracts are drawn; none of minutes from before there were any."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (CeremonyState.minutes_adopted, CeremonyState.cancelled)

    def audience(self) -> tuple[str, ...]:
        """The academies of its agreements; all twelve if one of them is national."""
        concerned = self.visible_to()
        return tuple(code for code in ACADEMY_CODES if code in concerned)

    def visible_to(self) -> tuple[str, ...]:
        """Everyone who may see one of its agreements."""
        return tuple(sorted({code for codes in self.codes.values() for code in codes}))

    def seen_by(self, actor: Actor) -> frozenset[UUID]:
        """The agreements of the order of business that the actor may see: the others are not theirs to know of."""
        return frozenset(id for id, codes in self.codes.items() if actor.within(codes))

    def wholly_seen_by(self, actor: Actor) -> bool:
        """Whether the actor may see every agreement that the ceremony tells of."""
        return self.seen_by(actor) == self.codes.keys()

    @staticmethod
    def plan(
        id: UUID,
        *,
        title: Bilingual,
        place: Bilingual | None,
        planned_for: datetime,
        agreements: Codes,
        parties: Iterable[UUID] = (),
        academy: str | None = None,
    ) -> list[DomainEvent]:
        """A ceremony with its order of business: the agreements, each with the codes of those who may see it.

        `parties` are the organisations of all of them, `academy` keeps all of them.
        """
        planned = CeremonyPlanned(
            ceremony_id=id, planned_for=planned_for, agreements=len(agreements), parties=tuple(parties)
        )
        # Which agreements is not published: every academy concerned would learn the others' ids.
        kept = {"agreements": list(agreements), "codes": agreements, "academy": academy}
        return [planned.keeping(title=title, place=place, **kept)]

    def postpone(self, reason: str) -> list[DomainEvent]:
        """Put the ceremony off until it has a new date."""
        self.require("postpone_ceremony")
        return [CeremonyPostponed(ceremony_id=self.id, planned_for=self.planned_for).keeping(reason=reason)]

    def reschedule(self, planned_for: datetime) -> list[DomainEvent]:
        """Give the postponed ceremony its new date."""
        self.require("reschedule_ceremony")
        return [CeremonyRescheduled(ceremony_id=self.id, planned_for=planned_for, instead_of=self.planned_for)]

    def name_chair(self, chair: Attendee) -> list[DomainEvent]:
        """Say who presides; another one may take over while the ceremony is not over."""
        self.require("name_chair")
        if chair == self.chair:
            return []
        return [CeremonyChairNamed(ceremony_id=self.id).keeping(chair=chair)]

    def admit(self, attendee: Attendee) -> list[DomainEvent]:
        """Give somebody a seat; who sits already keeps it, in the function that is said last. Refuses NoSeatLeft."""
        self.require("admit_attendee")
        if attendee in self.attendees:
            return []
        others = [each for each in self.attendees if not each.same_as(attendee)]
        released = self.release(attendee) if len(others) < len(self.attendees) else []
        if sum(each.organisation_id == attendee.organisation_id for each in others) >= SEATS_EACH:
            raise NoSeatLeft(organisation=attendee.organisation_id, most=SEATS_EACH)
        admitted = CeremonyAttendeeAdmitted(ceremony_id=self.id, attendees=len(others) + 1)
        return [*released, admitted.keeping(attendee=attendee)]

    def release(self, attendee: Attendee) -> list[DomainEvent]:
        """Take back the seat of somebody who left, or was seated by mistake. Refuses NotSeated."""
        self.require("release_attendee")
        left = [each for each in self.attendees if not each.same_as(attendee)]
        if len(left) == len(self.attendees):
            raise NotSeated(organisation=attendee.organisation_id)
        return [CeremonyAttendeeReleased(ceremony_id=self.id, attendees=len(left)).keeping(attendee=attendee)]

    def change_order(
        self, agreements: Codes, *, parties: Iterable[UUID] = (), academy: str | None = None
    ) -> list[DomainEvent]:
        """Put agreements into another order of business, with others added: each with who may see it.

        `academy` keeps all of them. A ceremony of which others kept one stays theirs too: its minutes tell of it.
        Refuses OrderLeavesOut: what is not to be signed is struck, with its reason.
        """
        self.require("change_order")
        if left_out := [each for each in self.agreements if each not in agreements]:
            raise OrderLeavesOut(agreements=left_out)
        order = list(agreements)
        if order == list(self.agreements):
            return []
        changed = CeremonyOrderChanged(
            ceremony_id=self.id, agreements=len(order), planned_for=self.planned_for, parties=tuple(parties)
        )
        academy = academy if academy == self.academy else None
        return [changed.keeping(agreements=order, codes=agreements, academy=academy)]

    def strike(
        self, agreement: UUID, *, reason: str, organisations: Iterable[UUID] = (), parties: Iterable[UUID] = ()
    ) -> list[DomainEvent]:
        """Take an agreement off the order of business; `organisations` are its parties, `parties` those of the others.

        Refuses NotInTheCeremony, AgreementsMissing for the last one.
        """
        self.require("strike_agreement")
        self._position(agreement)
        if len(self.agreements) == 1:
            raise AgreementsMissing(ceremony=self.id)
        left = len(self.agreements) - 1
        struck = CeremonyAgreementStruck(
            ceremony_id=self.id,
            agreements=left,
            planned_for=self.planned_for,
            organisations=tuple(organisations),
            parties=tuple(parties),
            struck_id=agreement,
        )
        return [struck.keeping(agreement=agreement, reason=reason)]

    def call(self, agreement: UUID) -> list[DomainEvent]:
        """Put an agreement of the order on the table. Refuses NotInTheCeremony."""
        self.require("call_agreement")
        if agreement == self.called:
            return []
        called = CeremonyAgreementCalled(ceremony_id=self.id, position=self._position(agreement))
        return [called.keeping(agreement=agreement)]

    def prepare(
        self, missing: Missing, *, codes: Codes | None = None, parties: Iterable[UUID] = ()
    ) -> list[DomainEvent]:
        """Open the lobby if every agreement's text is frozen and every party still to sign may sign.

        `missing` says what agreements lack, `codes` and `parties` who may see them and whose they are by now. Refuses
        LobbyNotReady if anything but seats is missing, which are taken in the lobby.
        """
        self.require("prepare_ceremony")
        if lacking := [item for item in _listed(missing) if item["what"] != "seat"]:
            raise LobbyNotReady(missing=lacking)
        return [CeremonyPrepared(ceremony_id=self.id, parties=tuple(parties)).keeping(codes=codes or {})]

    def open(self, missing: Missing, at: datetime, *, codes: Codes | None = None, ahead: int = 0) -> list[DomainEvent]:
        """Begin, with a chair and enough parties seated for every agreement; `codes` are who may see them by now.

        `ahead` is how many days before the day it was planned for it may begin. Refuses NoChair; BeforeItsDay;
        LobbyNotReady if an agreement is no longer ready; SeatsNotQuorate.
        """
        self.require("open_ceremony")
        assert self.planned_for is not None, "opened without having been planned"
        if (first := business_date(self.planned_for) - timedelta(days=ahead)) > business_date(at):
            raise BeforeItsDay(planned_for=self.planned_for, first=first)
        lacking = _listed(missing)
        if unready := [item for item in lacking if item["what"] != "seat"]:
            raise LobbyNotReady(missing=unready)
        if lacking:
            raise SeatsNotQuorate(missing=lacking)
        return [CeremonyOpened(ceremony_id=self.id, opened_at=at).keeping(codes=codes or {})]

    def interrupt(self, reason: str) -> list[DomainEvent]:
        """Pause: nothing is signed until it resumes."""
        self.require("interrupt_ceremony")
        return [CeremonyInterrupted(ceremony_id=self.id).keeping(reason=reason)]

    def resume(self) -> list[DomainEvent]:
        """Go on."""
        self.require("resume_ceremony")
        return [CeremonyResumed(ceremony_id=self.id)]

    def close(
        self,
        *,
        signed: Iterable[UUID],
        minutes: dict[str, str],
        record: str | None = None,
        codes: Codes | None = None,
        at: datetime,
    ) -> list[DomainEvent]:
        """End the sitting: say which agreements all parties have signed, and keep the minutes for adoption.

        `record` is the hash of what they tell, `codes` who may see the agreements that they tell of.
        """
        self.require("close_ceremony")
        given = frozenset(signed)
        done = [agreement for agreement in self.agreements if agreement in given]
        left = len(self.agreements) - len(done)
        closed = CeremonyClosed(ceremony_id=self.id, closed_at=at, signed=len(done), unsigned=left)
        return [closed.keeping(signed=done, minutes=minutes, record=record, codes=codes or {})]

    def adopt_minutes(self, minutes_hash: str) -> list[DomainEvent]:
        """Adopt the minutes drawn up at the closing; the hash is over both languages."""
        self.require("adopt_minutes")
        return [CeremonyMinutesAdopted(ceremony_id=self.id, minutes_hash=minutes_hash)]

    def cancel(self, reason: str) -> list[DomainEvent]:
        """Give the ceremony up."""
        self.require("cancel_ceremony")
        return [CeremonyCancelled(ceremony_id=self.id, planned_for=self.planned_for).keeping(reason=reason)]

    def guard(self, action: str) -> Refusal | None:
        """Nobody opens a ceremony without a chair."""
        return NoChair() if action == "open_ceremony" and self.chair is None else None

    def _position(self, agreement: UUID) -> int:
        if agreement not in self.agreements:
            raise NotInTheCeremony(ceremony=self.id)
        return self.agreements.index(agreement) + 1

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        detail: dict[str, Any] = event.detail
        match event:
            case CeremonyPlanned():
                self.planned_for = event.planned_for
                self.agreements = tuple(map(UUID, detail["agreements"]))
                self.title = Bilingual.model_validate(detail["title"])
                self.place = Bilingual.model_validate(detail["place"]) if detail["place"] else None
                self.codes = _codes(detail)
                self.academy = detail.get("academy")
            case CeremonyPostponed():
                self.state = CeremonyState.postponed
                self.attendees = ()
                self.reason = detail["reason"]
            case CeremonyRescheduled():
                self.state = CeremonyState.planned
                self.planned_for = event.planned_for
                self.reason = None
            case CeremonyChairNamed():
                self.chair = Attendee.model_validate(detail["chair"])
            case CeremonyAttendeeAdmitted():
                self.attendees = (*self.attendees, Attendee.model_validate(detail["attendee"]))
            case CeremonyAttendeeReleased():
                gone = Attendee.model_validate(detail["attendee"])
                self.attendees = tuple(each for each in self.attendees if not each.same_as(gone))
            case CeremonyOrderChanged():
                self.agreements = tuple(map(UUID, detail["agreements"]))
                self.codes = self.codes | _codes(detail)
                self.academy = detail.get("academy")
            case CeremonyAgreementStruck():
                struck = UUID(detail["agreement"])
                self.agreements = tuple(each for each in self.agreements if each != struck)
                self.called = None if self.called == struck else self.called
            case CeremonyAgreementCalled():
                self.called = UUID(detail["agreement"])
            case CeremonyPrepared():
                self.state = CeremonyState.lobby
                self.codes = _codes(detail) or self.codes
            case CeremonyOpened():
                self.state = CeremonyState.open
                self.opened_at = event.opened_at
                self.codes = _codes(detail) or self.codes
            case CeremonyInterrupted():
                self.state = CeremonyState.interrupted
                self.reason = detail["reason"]
            case CeremonyResumed():
                self.state = CeremonyState.open
                self.reason = None
            case CeremonyClosed():
                self.state = CeremonyState.closed
                self.closed_at = event.closed_at
                self.signed = tuple(map(UUID, detail["signed"]))
                self.unsigned = tuple(each for each in self.agreements if each not in self.signed)
                self.minutes = detail["minutes"]
                self.record = detail.get("record")
                self.codes = _codes(detail) or self.codes
            case CeremonyMinutesAdopted():
                self.state = CeremonyState.minutes_adopted
            case CeremonyCancelled():
                self.state = CeremonyState.cancelled
                self.reason = detail["reason"]
            case _:
                raise TypeError(f"not a ceremony's event: {event.type}")


def _codes(detail: dict[str, Any]) -> dict[UUID, tuple[str, ...]]:
    return {UUID(id): tuple(codes) for id, codes in detail.get("codes", {}).items()}


def _listed(missing: Missing) -> list[dict[str, Any]]:
    return [
        {"agreement": agreement, "what": what, "organisations": organisations}
        for agreement, lacks in missing.items()
        for what, organisations in lacks.items()
    ]
