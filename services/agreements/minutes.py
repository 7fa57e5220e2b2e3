"""The minutes of a ceremony: what happened in it, told by the journals, and said in Arabic and French.

They name organisations, never people.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import BaseModel, ConfigDict

from services.agreements.agreement import SIGNED_BY_ALL, Agreement
from services.agreements.bilingual import Bilingual
from services.agreements.ceremony import Ceremony
from services.agreements.terms import must_sign
from shared.aggregate import Recorded
from shared.bidi import in_order
from shared.clock import CASABLANCA, business_date
from shared.events.agreements import (
    AgreementPartyDeclined,
    AgreementPartySigned,
    CeremonyAgreementStruck,
    CeremonyAttendeeAdmitted,
    CeremonyAttendeeReleased,
    CeremonyChairNamed,
    CeremonyInterrupted,
    CeremonyOpened,
    CeremonyOrderChanged,
    CeremonyPostponed,
    CeremonyResumed,
)

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.filters["in_order"] = in_order
TOLD_OF_SIGNING = (AgreementPartySigned.type, AgreementPartyDeclined.type)
"""What minutes are told of an agreement's journal."""

Outcome = Literal[
    "here",
    "here_on_paper",
    "before",
    "to_be_checked",
    "declined",
    "contested",
    "voided",
    "not_needed",
    "witness",
    "not_signed",
]
"""What became of a party's signature."""


class Told(BaseModel):
    """A part of the minutes, as it is kept."""

    model_config = ConfigDict(frozen=True)


class PartyEntry(Told):
    """A party of an agreement of the order, and what it did."""

    organisation_id: UUID
    name: Bilingual
    outcome: Outcome
    at: datetime | None = None
    """When it signed or declined in the sitting; of `contested` and `voided`, when it had signed."""
    on: date | None = None
    """The day on the paper."""


class Entry(Told):
    """An agreement of the order of business."""

    agreement_id: UUID
    reference: str | None
    title: Bilingual
    signed: bool
    """Whether all who were needed have signed."""
    parties: tuple[PartyEntry, ...]


class Strike(Told):
    """An agreement that was taken off the order of business."""

    agreement_id: UUID
    reference: str | None
    title: Bilingual
    at: datetime
    reason: str


class Pause(Told):
    """An interruption."""

    since: datetime
    until: datetime
    reason: str | None
    """None in an extract."""


class Minutes(Told):
    """What the minutes of a ceremony tell."""

    title: Bilingual
    place: Bilingual | None
    planned_for: datetime | None = None
    opened_at: datetime
    closed_at: datetime
    chairs: tuple[Bilingual, ...]
    """The organisations of those who presided, one after the other."""
    present: Mapping[UUID, Bilingual]
    """The organisations that sat."""
    pauses: tuple[Pause, ...]
    entries: tuple[Entry, ...]
    struck: tuple[Strike, ...]
    whole: bool = True
    """Whether they tell of every agreement."""

    @property
    def another_day(self) -> bool:
        """Whether it was held on another day than it was planned for."""
        return self.planned_for is not None and business_date(self.planned_for) != business_date(self.opened_at)

    @property
    def seated(self) -> Sequence[Bilingual]:
        """The organisations that sat, as the order of business names them; those of none of its agreements last."""
        named = (party.organisation_id for each in self.entries for party in each.parties)
        return [self.present[id] for id in dict.fromkeys([*named, *self.present]) if id in self.present]

    def about(self, agreements: frozenset[UUID]) -> "Minutes":
        """An extract: what they tell of these agreements and of the organisations that are parties of those."""
        entries = tuple(each for each in self.entries if each.agreement_id in agreements)
        parties = {party.organisation_id for each in entries for party in each.parties}
        return self.model_copy(
            update={
                "present": {id: name for id, name in self.present.items() if id in parties},
                "entries": entries,
                "struck": tuple(each for each in self.struck if each.agreement_id in agreements),
                # Why a sitting was interrupted may be about another agreement.
                "pauses": tuple(each.model_copy(update={"reason": None}) for each in self.pauses),
                "whole": False,
            }
        )


class Course(BaseModel):
    """Who sat in a ceremony and what interrupted it, by its journal."""

    chairs: list[UUID] = []
    present: list[UUID] = []
    pauses: list[Pause] = []
    struck: dict[UUID, tuple[datetime, str]] = {}


def course_of(journal: Sequence[Recorded]) -> Course:
    """The course of the sitting: whoever sat at its opening or later was present, also if they left."""
    course, chair, seated, opened = Course(), None, dict[tuple[str, str], UUID](), False
    paused: tuple[datetime, str] | None = None
    for _, at, event in journal:
        match event:
            case CeremonyChairNamed():
                chair = UUID(event.detail["chair"]["organisation_id"])
            case CeremonyAttendeeAdmitted():
                seated[_seat(event.detail)] = UUID(event.detail["attendee"]["organisation_id"])
            case CeremonyAttendeeReleased():
                seated.pop(_seat(event.detail), None)
            case CeremonyPostponed():
                seated.clear()
            case CeremonyAgreementStruck():
                course.struck[UUID(event.detail["agreement"])] = at, event.detail["reason"]
            case CeremonyOrderChanged():
                for each in event.detail["agreements"]:
                    course.struck.pop(UUID(each), None)
            case CeremonyOpened():
                opened = True
            case CeremonyInterrupted():
                paused = at, event.detail["reason"]
            case CeremonyResumed() if paused:
                course.pauses.append(Pause(since=paused[0], until=at, reason=paused[1]))
        if opened:
            course.present = [*dict.fromkeys([*course.present, *seated.values()])]
            if chair and course.chairs[-1:] != [chair]:
                course.chairs.append(chair)
    return course


def _seat(detail: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    attendee = detail["attendee"]
    return attendee["organisation_id"], attendee["name"]


def entry_of(ceremony: Ceremony, agreement: Agreement, journal: Sequence[Recorded]) -> Entry:
    """What became of an agreement in the sitting; `journal` are its events of the types TOLD_OF_SIGNING."""
    return Entry(
        agreement_id=agreement.id,
        reference=agreement.reference,
        title=agreement.title,
        signed=agreement.state in SIGNED_BY_ALL,
        parties=tuple(_parties(ceremony, agreement, journal)),
    )


def taken_up(ceremony: Ceremony, agreement: Agreement, journal: Sequence[Recorded]) -> bool:
    """Whether a party has signed or declined the agreement in the sitting; `journal` as of `entry_of`."""
    declined, gave = _given(ceremony, journal)
    return bool(declined or gave) or any(scan.ceremony_id == ceremony.id for scan in agreement.scans.values())


def _given(ceremony: Ceremony, journal: Sequence[Recorded]) -> tuple[Mapping[UUID, datetime], Mapping[UUID, datetime]]:
    """When which parties declined in the sitting, and signed in it."""
    declined, gave = dict[UUID, datetime](), dict[UUID, datetime]()
    for _, at, event in journal:
        if isinstance(event, AgreementPartyDeclined) and ceremony.opened_at and at >= ceremony.opened_at:
            declined[event.party_id] = at
        if isinstance(event, AgreementPartySigned) and event.ceremony_id == ceremony.id:
            gave[event.party_id] = at
    return declined, gave


def _parties(ceremony: Ceremony, agreement: Agreement, journal: Sequence[Recorded]) -> Iterator[PartyEntry]:
    declined, gave = _given(ceremony, journal)
    signatures = {each.party_id: each for each in agreement.signatures}
    for party in agreement.parties:
        id, on, at = party.party_id, None, None
        outcome: Outcome = "not_signed"
        signature = signatures.get(id)
        if signature and id in agreement.counted:
            here = signature.ceremony_id == ceremony.id
            on, at = signature.signed_on, signature.signed_at
            outcome = ("here_on_paper" if on else "here") if here else "before"
        elif scan := agreement.scans.get(id):
            outcome, on = "to_be_checked", scan.signed_on
        elif id in declined:
            outcome, at = "declined", declined[id]
        elif signature:
            outcome, at = "contested", signature.signed_at
        elif id in gave:
            outcome, at = "voided", gave[id]
        elif not must_sign(party):
            outcome = "witness"
        elif party not in agreement.missing_signatures:
            outcome = "not_needed"
        name = agreement.names.get(party.organisation_id) or unnamed(party.organisation_id)
        yield PartyEntry(organisation_id=party.organisation_id, name=name, outcome=outcome, at=at, on=on)


def unnamed(organisation: UUID) -> Bilingual:
    """What an organisation is called of which we know no name."""
    return Bilingual(ar=str(organisation), fr=str(organisation))


def draw_up(minutes: Minutes, language: str) -> str:
    """The minutes as Markdown, of titles, points and plain lines: what people wrote begins none of them."""
    return TEMPLATES.get_template(f"minutes.{language}.md").render(
        minutes=minutes,
        said=lambda text: _line(getattr(text, language)),
        line=_line,
        local=lambda at: at.astimezone(CASABLANCA),
    )


def _line(text: str) -> str:
    return " ".join(text.split())
