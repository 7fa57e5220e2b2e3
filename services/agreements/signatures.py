"""What agreements and amendments keep of signatures: those asked for, those given, who stands in for whom."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.errors import EffectiveDateAhead
from services.agreements.errors.signing import (
    DelegateIsOneself,
    DelegationOver,
    SignedBeforeDelegation,
    SignedBeforeText,
    WitnessIsSigner,
)
from shared.clock import business_date
from shared.events.agreements import (
    AgreementSignatureConfirmed,
    AgreementSignatureScanned,
    AgreementSigningDelegated,
    AmendmentSignatureConfirmed,
    AmendmentSignatureScanned,
    AmendmentSigningDelegated,
    SealingCertificate,
    SignatureLevel,
)
from shared.refusals import Refusal


class RequestState(StrEnum):
    """Where the request for one party's signature stands."""

    requested = "requested"
    delegated = "delegated"
    scanned = "scanned"
    signed = "signed"
    declined = "declined"
    expired = "expired"
    voided = "voided"


OPEN_REQUESTS = frozenset({RequestState.requested, RequestState.delegated, RequestState.expired, RequestState.scanned})
"""Those that may still lead to a signature."""


class Delegation(BaseModel):
    """A mandated person lets another sign for a party, until a day (included) and while the mandate holds."""

    model_config = ConfigDict(frozen=True)

    delegator: str
    delegate: str
    mandate_id: UUID
    """The delegator's."""
    valid_until: date
    delegated_on: date | None = None
    """The first day; unknown of what was delegated before it was kept."""
    document: str
    """Reference of the act of delegation."""

    @classmethod
    def told(cls, event: AgreementSigningDelegated | AmendmentSigningDelegated) -> Self:
        """As the event tells it."""
        return cls(**event.model_dump(include={*cls.model_fields}), document=event.detail["document"])

    def refusal_on(self, day: date) -> Refusal | None:
        """Why nobody signs by it on a day: SignedBeforeDelegation, DelegationOver; None if it stands."""
        if self.delegated_on and day < self.delegated_on:
            return SignedBeforeDelegation(signed_on=day, delegated_on=self.delegated_on)
        return DelegationOver(valid_until=self.valid_until) if day > self.valid_until else None


def delegation_until(asked: date, *others: date | None) -> date:
    """The last day of a delegation: that asked for, or that of its mandate or of the offer if it comes before."""
    return min(each for each in (asked, *others) if each is not None)


def require_delegable(delegator: str, delegate: str, valid_until: date, today: date) -> None:
    """Refuse DelegateIsOneself, and DelegationOver for a last day that has passed."""
    if delegate == delegator:
        raise DelegateIsOneself()
    if valid_until < today:
        raise DelegationOver(valid_until=valid_until)


class Mandated(BaseModel):
    """What was signed under a mandate, whose end may become known later."""

    model_config = ConfigDict(frozen=True)

    mandate_id: UUID
    contested: date | None = None
    """The day from which on the mandate held no more, if that became known after the signature."""

    @property
    def day(self) -> date:
        """The day on which the mandate had to hold."""
        raise NotImplementedError

    @property
    def people(self) -> set[str | None]:
        """Who gave it, and in whose place."""
        raise NotImplementedError

    def contestable(self, mandate_id: UUID, ended_on: date) -> bool:
        """Whether it rests on this mandate, which had ended by its day, and that is not known yet."""
        return self.mandate_id == mandate_id and self.day >= ended_on and self.contested is None


class Scan(Mandated):
    """A signature on paper: who gave it when, who saw it, and the picture of it."""

    person: str
    on_behalf_of: str | None = None
    """The mandated person, when another signed by delegation."""
    ceremony_id: UUID | None = None
    file_hash: str
    signed_on: date
    witness: str

    @property
    def day(self) -> date:
        """The day on the paper."""
        return self.signed_on

    @property
    def people(self) -> set[str | None]:
        """Who signed the paper, and the mandated person if that was a delegate."""
        return {self.person, self.on_behalf_of} - {None}

    @property
    def mandated(self) -> str:
        """Whose mandate it rests on."""
        return self.on_behalf_of or self.person

    @classmethod
    def told(cls, event: AgreementSignatureScanned | AmendmentSignatureScanned) -> Self:
        """As the event tells it."""
        return cls(**event.model_dump(include={*cls.model_fields}))


def require_attested(scan: Scan, *, frozen_on: date | None, today: date) -> None:
    """Refuse WitnessIsSigner, and a day on which nobody can have signed it.

    EffectiveDateAhead for one that is still to come, SignedBeforeText for one on which it was not frozen yet.
    """
    if scan.witness == scan.person:
        raise WitnessIsSigner()
    if scan.signed_on > today:
        raise EffectiveDateAhead(effective_on=scan.signed_on)
    if frozen_on and scan.signed_on < frozen_on:
        raise SignedBeforeText(signed_on=scan.signed_on, frozen_on=frozen_on)


class PartyRequest(BaseModel):
    """The request for one party's signature under the frozen text."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    state: RequestState = RequestState.requested
    delegation: Delegation | None = None
    scan: Scan | None = None
    remark: str | None = None
    """Why the last scan was returned."""


class Confirmed(Mandated):
    """A party's word, under a mandate that holds, that it stands by a signature that is contested."""

    person: str
    confirmed_at: datetime
    file_hash: str | None = None
    """Of the document that shows it, if it was given on paper."""

    @property
    def day(self) -> date:
        """Its day."""
        return business_date(self.confirmed_at)

    @property
    def people(self) -> set[str | None]:
        """Who confirmed it."""
        return {self.person}

    @classmethod
    def told(cls, event: AgreementSignatureConfirmed | AmendmentSignatureConfirmed) -> Self:
        """As the event tells it."""
        return cls(**event.model_dump(include={*cls.model_fields}))


class Given(Mandated):
    """A party's signature, through a mandated person."""

    party_id: UUID
    person: str
    on_behalf_of: str | None = None
    """The mandated person, when another signed by delegation."""
    level: SignatureLevel
    signed_at: datetime
    """When it counted; one on paper counts from its check on."""
    signed_on: date | None = None
    """The day on the paper."""
    witness: str | None = None
    file_hash: str | None = None
    """Of the sealed PDF, or of the scan."""
    certificate: SealingCertificate | None = None
    """With which it was sealed."""
    confirmed: Confirmed | None = None
    """By which its party stands by it though it is contested."""

    @property
    def by_seal(self) -> bool:
        """Whether its certificate states that it is for seals: it is its organisation's, and no person's."""
        return self.certificate is not None and self.certificate.purpose == "seal"

    @property
    def in_doubt(self) -> bool:
        """Whether it is contested, and its party has not confirmed it since."""
        return self.contested is not None and self.confirmed is None

    @property
    def day(self) -> date:
        """The day on which the mandate had to hold."""
        return self.signed_on or business_date(self.signed_at)

    @property
    def people(self) -> set[str | None]:
        """Who signed, the mandated person if that was a delegate, and who confirmed it."""
        return {self.person, self.on_behalf_of, self.confirmed.person if self.confirmed else None} - {None}


class Signature(Given):
    """A party's signature under the frozen text."""

    ceremony_id: UUID | None
    text_hash: str


G = TypeVar("G", bound=Given)


def doubted(signatures: Iterable[G], party_id: UUID, ended_on: date) -> tuple[G, ...]:
    """The signatures, that of the party contested: its mandate had ended by that day. What is contested stays so.

    If it was confirmed, the mandate is that of the confirmation, which falls.
    """
    return tuple(
        each.model_copy(update={"contested": each.contested or ended_on, "confirmed": None})
        if each.party_id == party_id
        else each
        for each in signatures
    )


def confirmed(signatures: Iterable[G], party_id: UUID, by: Confirmed) -> tuple[G, ...]:
    """The signatures, that of the party confirmed."""
    return tuple(
        each.model_copy(update={"confirmed": by}) if each.party_id == party_id else each for each in signatures
    )


def replaced(signatures: Iterable[G], given: G) -> tuple[G, ...]:
    """The signatures with one more, in the place of what its party signed before."""
    return (*(each for each in signatures if each.party_id != given.party_id), given)
