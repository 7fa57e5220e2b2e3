"""Circle: whom a subject concerns beside its academies, as its events told it: directorates and organisations.

It says no more than the owner of the subject says of who may see it.
"""

from dataclasses import dataclass
from uuid import UUID

from shared.events.agreements import (
    AgreementDrafted,
    AgreementSigned,
    AgreementTermsRevised,
    AmendmentProposed,
    ThreadAnswered,
    ThreadOpened,
    ThreadReopened,
    ThreadResolved,
)
from shared.events.base import DomainEvent, Occurrence
from shared.events.centers import CenterOperatorChanged, CenterPlanned
from shared.events.network import AssociationRegistered, MandateRecorded
from shared.events.notifications import ReminderFellDue
from shared.territory import NETWORK_ID, directorates_of


@dataclass(frozen=True, slots=True)
class Circle:
    """The codes of those concerned, and the provinces a subject lies in."""

    codes: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()

    def after(self, event: DomainEvent) -> "Circle":
        """The circle once the event has happened."""
        match event:
            case AgreementDrafted() | AgreementTermsRevised():
                return Circle(tuple(_org(party.organisation_id) for party in event.parties), self.provinces)
            case AgreementSigned():
                # A center's directorate sees the center, not the agreement.
                return Circle(self.codes, tuple(sorted({center.province for center in event.centers})))
            case ThreadOpened() | ThreadAnswered() | ThreadResolved() | ThreadReopened():
                return Circle(tuple(_org(party) for party in event.parties))
            case CenterPlanned() | CenterOperatorChanged():
                return _in(event.province, _org(event.operator_id))
            case AssociationRegistered():
                return _in(event.province, _org(event.association_id), _org(NETWORK_ID))
            case MandateRecorded():
                return Circle((_org(event.organisation_id),))
        return self


def concerned(occurrence: Occurrence[DomainEvent]) -> UUID:
    """Whose circle an event's is: an amendment concerns whom its agreement does, a reminder whom its subject does.

    Otherwise the event's subject itself.
    """
    event = occurrence.event
    if isinstance(event, ReminderFellDue):
        return event.subject_id
    if event.topic == AmendmentProposed.topic:
        agreement: UUID = event.agreement_id  # type: ignore[attr-defined]
        return agreement
    return occurrence.subject


def _in(province: str, *codes: str) -> Circle:
    return Circle((*(office.code for office in directorates_of(province)), *codes), (province,))


def _org(id: object) -> str:
    return f"org:{id}"
