"""A mandate: a person may sign for an organisation, between two dates."""

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from services.network.errors import MandateDatesReversed, MandateEndsOutsideItself
from shared.aggregate import Aggregate
from shared.events.agreements import AgreementType
from shared.events.base import DomainEvent
from shared.events.network import MandateEnded, MandateRecorded
from shared.territory import codes_of


class MandateState(StrEnum):
    """`active` and `ended` follow from the dates and are never stored."""

    elected = "elected"
    active = "active"
    ended = "ended"
    resigned = "resigned"
    revoked = "revoked"


class Mandate(Aggregate):
    """The right of a person, known by issuer and subject, to sign for an organisation or association."""

    kind = "mandate"
    ALLOWED: ClassVar = {"end_mandate": frozenset({MandateState.elected})}

    state: MandateState = MandateState.elected
    organisation_id: UUID = UUID(int=0)
    academy: str | None = None
    """The academy that watches over it; none for a national institution's."""
    person: str = ""
    holder: str = ""
    """The person's name as minutes print it; it stays in this service."""
    valid_from: date = date.min
    valid_until: date = date.max
    """Both days included."""
    agreement_types: tuple[AgreementType, ...] = ()
    academies: tuple[str, ...] = ()
    agreements: tuple[UUID, ...] = ()
    """Its scope: agreements of these types, of these academies, these agreements; all where none is named."""

    @staticmethod
    def record(
        id: UUID,
        *,
        organisation_id: UUID,
        academy: str | None,
        person: str,
        holder: str,
        valid_from: date,
        valid_until: date,
        agreement_types: Collection[AgreementType] = (),
        academies: Collection[str] = (),
        agreements: Collection[UUID] = (),
    ) -> list[DomainEvent]:
        """Write down whom the organisation chose, for all agreements or some. Refuses dates in the wrong order."""
        if valid_until < valid_from:
            raise MandateDatesReversed(valid_from=valid_from, valid_until=valid_until)
        recorded = MandateRecorded(
            mandate_id=id,
            organisation_id=organisation_id,
            person=person,
            valid_from=valid_from,
            valid_until=valid_until,
            agreement_types=tuple(agreement_types),
            academies=tuple(academies),
            agreements=tuple(agreements),
        )
        return [recorded.keeping(academy=academy, holder=holder)]

    def end(self, *, on: date, how: Literal["resigned", "revoked"], today: date) -> list[DomainEvent]:
        """End the mandate early: from `on` the person signs no more.

        It never ends in the past: what was signed under it stands.
        """
        self.require("end_mandate")
        if not max(today, self.valid_from) <= on <= self.valid_until:
            raise MandateEndsOutsideItself(earliest=max(today, self.valid_from), latest=self.valid_until)
        return [MandateEnded(mandate_id=self.id, organisation_id=self.organisation_id, ended_on=on, how=how)]

    def apply(self, event: DomainEvent) -> None:
        match event:
            case MandateRecorded():
                self.organisation_id = event.organisation_id
                self.person = event.person
                self.valid_from = event.valid_from
                self.valid_until = event.valid_until
                self.agreement_types, self.academies = event.agreement_types, event.academies
                self.agreements = event.agreements
                self.academy = event.detail["academy"]
                self.holder = event.detail["holder"]
            case MandateEnded():
                self.state = MandateState(event.how)
                self.valid_until = event.ended_on - timedelta(days=1)
            case _:
                raise TypeError(f"not a mandate's event: {event.type}")

    def state_on(self, day: date) -> MandateState:
        """Where the mandate stands on a day; `active` is when its person may sign."""
        if day < self.valid_from:
            return MandateState.elected
        if day <= self.valid_until:
            return MandateState.active
        return MandateState.ended if self.state is MandateState.elected else self.state

    def audience(self) -> tuple[str, ...]:
        return (self.academy,) if self.academy else ()

    def visible_to(self) -> tuple[str, ...]:
        return (*self.audience(), *codes_of(self.organisation_id))
