"""Circle: whom a subject concerns beside its academies, and by what agreement, as its events told it.

It says no more than the owner of the subject says of who may see it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.events.agreements import (
    AgreementAmended,
    AgreementDrafted,
    AgreementSigned,
    AgreementTermsRevised,
    AmendmentProposed,
    AmendmentRebased,
    AmendmentRevised,
    CeremonyAgreementStruck,
    CeremonyOrderChanged,
    CeremonyPlanned,
    CeremonyPrepared,
    ThreadAnswered,
    ThreadOpened,
    ThreadReopened,
    ThreadResolved,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.catalog import decode
from shared.events.centers import CenterOperatorChanged, CenterPlanned
from shared.events.network import AssociationRegistered, MandateRecorded
from shared.events.notifications import ReminderFellDue
from shared.messaging.retrying import TooEarly
from shared.territory import NETWORK_ID, codes_of, directorates_of


class AgreementNotKnown(TooEarly):
    """Whom an amendment concerns its agreement says, and that has not been heard of yet: it waits until then."""


@dataclass(frozen=True, slots=True)
class Circle:
    """The codes of those concerned, the provinces a subject lies in, and the type of the agreement it is about."""

    codes: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    agreement_type: str | None = None
    """None: about no single agreement, or about one whose type is not known."""

    def after(self, event: DomainEvent) -> "Circle":
        """The circle once the event has happened."""
        match event:
            case AgreementDrafted():
                codes = _orgs(party.organisation_id for party in event.parties)
                return replace(self, codes=codes, agreement_type=event.agreement_type)
            case AgreementTermsRevised():
                return replace(self, codes=_orgs(party.organisation_id for party in event.parties))
            case AgreementSigned():
                # A center's directorate sees the center, and the agreement only as a party.
                return replace(self, provinces=_provinces(event), agreement_type=event.agreement_type)
            case AgreementAmended():
                codes = _orgs(party.organisation_id for party in event.parties)
                return replace(self, codes=codes, provinces=_provinces(event))
            case AmendmentProposed() if event.parties:
                return replace(self, codes=_orgs(event.parties))
            case AmendmentRevised() | AmendmentRebased():
                # Whoever saw a branch sees what becomes of it.
                return replace(self, codes=tuple(sorted({*self.codes, *_orgs(event.parties)})))
            case ThreadOpened() | ThreadAnswered() | ThreadResolved() | ThreadReopened():
                return replace(self, codes=_orgs(event.parties), provinces=())
            case CenterPlanned() | CenterOperatorChanged():
                return replace(_in(event.province, _org(event.operator_id)), agreement_type=self.agreement_type)
            case AssociationRegistered():
                return _in(event.province, _org(event.association_id), _org(NETWORK_ID))
            case CeremonyPlanned() | CeremonyOrderChanged() | CeremonyAgreementStruck() | CeremonyPrepared() if (
                event.parties
            ):
                return replace(self, codes=_orgs(event.parties))
            case MandateRecorded():
                return Circle(_orgs([event.organisation_id]))
        return self

    def left_by(self, event: DomainEvent) -> frozenset[str]:
        """Whom the subject concerned until the event: that it does so no more is the last that they are told."""
        return frozenset(self.codes) - {*self.after(event).codes} if event.type in LEAVING else frozenset()


LEAVING = frozenset(
    each.type
    for each in (
        AgreementTermsRevised,
        AgreementAmended,
        CenterOperatorChanged,
        CeremonyAgreementStruck,
    )
)
"""The types of event with which a subject may concern somebody no more."""


def left_with(notice: Any) -> frozenset[str]:
    """Whom the subject of a notice's row concerned until then: the notice still reached them."""
    if notice.type not in LEAVING:
        return frozenset()
    reached = Circle(tuple({*notice.reach} - {"national", *notice.audience}))
    return reached.left_by(decode(notice.type, notice.data))


def said_by_nobody(event: DomainEvent, known: Circle) -> bool:
    """Whether neither the event, nor anything heard before it, says whom it concerns: so the first amendments began."""
    return isinstance(event, AmendmentProposed) and not event.parties and not known.codes


def concerned(occurrence: Occurrence[DomainEvent]) -> tuple[UUID, ...]:
    """Whose circle an event's is, the first that is known: a reminder concerns whom its subject does.

    Otherwise the event's subject itself. The first amendments did not say whom they concern: whom their agreement does.
    """
    event = occurrence.event
    if isinstance(event, ReminderFellDue):
        return (event.subject_id,)
    if event.topic == AmendmentProposed.topic:
        agreement: UUID = event.agreement_id  # type: ignore[attr-defined]
        return occurrence.subject, agreement
    return (occurrence.subject,)


def agreements_of(occurrence: Occurrence[DomainEvent]) -> tuple[UUID, ...]:
    """Whose agreement's type an event is about, the first that is known: what it names, or else its own subject.

    An event about several agreements (a ceremony, a substitution, a mandate) is about none of them alone.
    """
    event = occurrence.event
    named = getattr(event, "agreement_id", None)
    if isinstance(event, ReminderFellDue):
        return (named or event.subject_id,)
    return (named, occurrence.subject) if named else (occurrence.subject,)


def _in(province: str, *codes: str) -> Circle:
    return Circle(tuple(sorted([*(office.code for office in directorates_of(province)), *codes])), (province,))


def _org(id: object) -> str:
    return f"org:{id}"


def _orgs(ids: Iterable[UUID]) -> tuple[str, ...]:
    return tuple(sorted({code for each in ids for code in codes_of(each)}))


def _provinces(event: AgreementSigned | AgreementAmended) -> tuple[str, ...]:
    return tuple(sorted({center.province for center in event.centers}))
