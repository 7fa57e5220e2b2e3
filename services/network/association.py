"""An association: its legal identity and its standing."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from services.network.errors import ProvinceOutsideAcademy
from shared.aggregate import Aggregate
from shared.events.base import DomainEvent
from shared.events.network import (
    AssociationAccredited,
    AssociationRefused,
    AssociationRegistered,
    AssociationReinstated,
    AssociationSuspended,
    AssociationVerificationStarted,
)
from shared.territory import NETWORK_ID, belongs, directorates_of

Ice = Annotated[str, StringConstraints(pattern=r"^[0-9]{15}$")]
"""The common company identifier: 15 digits, kept as text because it may begin with zeros."""


class AssociationState(StrEnum):
    """Where an association stands in the register."""

    registered = "registered"
    under_verification = "under_verification"
    accredited = "accredited"
    refused = "refused"
    suspended = "suspended"


class LegalIdentity(BaseModel):
    """Who an association is in law, as its legal file says."""

    model_config = ConfigDict(frozen=True)

    name_ar: str
    name_fr: str
    receipt_number: str
    """Of the final receipt for its declaration."""
    ice: Ice
    academy: str
    province: str
    """Of its seat."""


class Association(Aggregate):
    """An association of the register; only an accredited one may sign agreements."""

    kind = "association"
    ALLOWED: ClassVar = {
        "start_verification": frozenset({AssociationState.registered}),
        "accredit_association": frozenset({AssociationState.under_verification}),
        "refuse_association": frozenset({AssociationState.under_verification}),
        "suspend_association": frozenset({AssociationState.accredited}),
        "reinstate_association": frozenset({AssociationState.suspended}),
    }

    state: AssociationState = AssociationState.registered
    identity: LegalIdentity | None = None
    accredited_on: date | None = None
    reason: str | None = None
    """Why it was refused or is suspended."""

    @staticmethod
    def register(id: UUID, identity: LegalIdentity) -> list[DomainEvent]:
        """Enter the register. Refuses a province outside the academy's region."""
        if not belongs(identity.province, identity.academy):
            raise ProvinceOutsideAcademy(province=identity.province, academy=identity.academy)
        registered = AssociationRegistered(
            association_id=id,
            academy=identity.academy,
            province=identity.province,
            name_ar=identity.name_ar,
            name_fr=identity.name_fr,
        )
        return [registered.keeping(receipt_number=identity.receipt_number, ice=identity.ice)]

    def start_verification(self) -> list[DomainEvent]:
        """Begin to verify the legal file."""
        self.require("start_verification")
        return [AssociationVerificationStarted(association_id=self.id)]

    def accredit(self, *, on: date) -> list[DomainEvent]:
        """The legal file holds."""
        self.require("accredit_association")
        return [AssociationAccredited(association_id=self.id, accredited_on=on)]

    def refuse(self, *, reason: str) -> list[DomainEvent]:
        """The legal file does not hold; the reason stays in the register."""
        self.require("refuse_association")
        return [AssociationRefused(association_id=self.id).keeping(reason=reason)]

    def suspend(self, *, on: date, reason: str) -> list[DomainEvent]:
        """Take the right to sign away for a time; the reason stays in the register."""
        self.require("suspend_association")
        return [AssociationSuspended(association_id=self.id, suspended_on=on).keeping(reason=reason)]

    def reinstate(self, *, on: date) -> list[DomainEvent]:
        """Give the right to sign back."""
        self.require("reinstate_association")
        return [AssociationReinstated(association_id=self.id, reinstated_on=on)]

    def apply(self, event: DomainEvent) -> None:
        match event:
            case AssociationRegistered():
                self.identity = LegalIdentity.model_validate(event.model_dump() | event.detail)
            case AssociationVerificationStarted():
                self.state = AssociationState.under_verification
            case AssociationAccredited():
                self.state = AssociationState.accredited
                self.accredited_on = event.accredited_on
            case AssociationRefused():
                self.state = AssociationState.refused
                self.reason = event.detail["reason"]
            case AssociationSuspended():
                self.state = AssociationState.suspended
                self.reason = event.detail["reason"]
            case AssociationReinstated():
                self.state = AssociationState.accredited
                self.reason = None
            case _:
                raise TypeError(f"not an association's event: {event.type}")

    @property
    def legal(self) -> LegalIdentity:
        """The legal identity every registered association has."""
        assert self.identity, "a blank association has no identity yet"
        return self.identity

    def audience(self) -> tuple[str, ...]:
        return (self.legal.academy,)

    def visible_to(self) -> tuple[str, ...]:
        offices = (office.code for office in directorates_of(self.legal.province))
        return (self.legal.academy, *offices, f"org:{self.id}", f"org:{NETWORK_ID}")
