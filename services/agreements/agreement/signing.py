"""Signing: each party puts its signature under the frozen text."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import BEING_SIGNED, AgreementState, Core
from services.agreements.errors import AlreadySigned, TermOver, TextHashDiffers
from services.agreements.errors.signing import NotYourTurnToSign
from services.agreements.signing_order import SigningOrder
from shared.clock import business_date
from shared.events.agreements import (
    AgreementCameIntoForce,
    AgreementNegotiationOpened,
    AgreementParty,
    AgreementPartyDeclined,
    AgreementPartySigned,
    AgreementSigned,
    SignatureLevel,
)
from shared.events.base import DomainEvent


class Signature(BaseModel):
    """A party's signature under the frozen text, through a mandated person."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    person: str
    mandate_id: UUID
    ceremony_id: UUID | None
    text_hash: str
    level: SignatureLevel
    signed_at: datetime


class Signing(Core):
    """Who has signed, and who is still to sign."""

    ALLOWED: ClassVar = {"sign_agreement": BEING_SIGNED, "decline_agreement": BEING_SIGNED}

    signatures: tuple[Signature, ...] = ()

    @property
    def signing_order(self) -> SigningOrder:
        """Whose turn it is, by the groups of the kind."""
        signed = {signature.party_id for signature in self.signatures}
        return SigningOrder(self.rules.signing.groups, self.parties, signed)

    @property
    def missing_signatures(self) -> tuple[AgreementParty, ...]:
        """The parties that have not signed though their group still needs signatures."""
        return self.signing_order.awaited

    def sign(
        self,
        party_id: UUID,
        *,
        text_hash: str,
        person: str,
        mandate_id: UUID,
        ceremony_id: UUID | None,
        level: SignatureLevel,
        at: datetime,
    ) -> list[DomainEvent]:
        """Sign the frozen text for a party; the last signature makes the agreement signed, and in force once it starts.

        Refuses NotAParty, AlreadySigned, NotYourTurnToSign, TextHashDiffers, TermOver.
        """
        party = self._may_still_sign(party_id)
        self.require("sign_agreement")
        self._require_text(text_hash)
        self._require_turn(party_id)
        today = business_date(at)
        self._require_term(today)
        signed = AgreementPartySigned(
            agreement_id=self.id,
            party_id=party_id,
            organisation_id=party.organisation_id,
            person=person,
            mandate_id=mandate_id,
            ceremony_id=ceremony_id,
            text_hash=text_hash,
            level=level,
        )
        last = self.signing_order.completed_by(party_id)
        return [signed.keeping(signed_at=at), *(self._complete(today) if last else [])]

    def decline(self, party_id: UUID, *, text_hash: str, reason: str) -> list[DomainEvent]:
        """Refuse to sign for a party: signatures given so far are void and the text is negotiated again.

        Refuses NotAParty, AlreadySigned, TextHashDiffers.
        """
        self._may_still_sign(party_id)
        self.require("decline_agreement")
        self._require_text(text_hash)
        return [
            AgreementPartyDeclined(agreement_id=self.id, party_id=party_id),
            AgreementNegotiationOpened(agreement_id=self.id, because="declined").keeping(remarks=reason),
        ]

    def _complete(self, today: date) -> list[DomainEvent]:
        assert self.reference is not None, "frozen without a reference"
        signed = AgreementSigned(
            agreement_id=self.id,
            agreement_type=self.agreement_type,
            academy=self.academy,
            reference=self.reference,
            signed_on=today,
            effective_from=self.effective_from,
            effective_until=self.effective_until,
            centers=self.centers,
        )
        if today < self.effective_from:
            return [signed]
        return [signed, AgreementCameIntoForce(agreement_id=self.id, academy=self.academy, in_force_on=today)]

    def _may_still_sign(self, party_id: UUID) -> AgreementParty:
        party = self.party(party_id)
        if any(signature.party_id == party_id for signature in self.signatures):
            raise AlreadySigned(party=party_id)
        return party

    def _require_text(self, text_hash: str) -> None:
        if text_hash != self.text_hash:
            raise TextHashDiffers(frozen=self.text_hash, named=text_hash)

    def _require_turn(self, party_id: UUID) -> None:
        if awaited := self.signing_order.awaited_before(party_id):
            raise NotYourTurnToSign(
                awaited=[each.party_id for each in awaited],
                names=[self.names[each.organisation_id].model_dump() for each in awaited],
            )

    def _require_term(self, today: date) -> None:
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        match event:
            case AgreementNegotiationOpened() | AgreementPartyDeclined():
                self.signatures = ()
            case AgreementPartySigned():
                self.state = AgreementState.partially_signed
                self.signatures = (*self.signatures, _signature(event))
            case AgreementSigned():
                self.state = AgreementState.signed
        super().apply(event)


def _signature(event: AgreementPartySigned) -> Signature:
    return Signature(
        party_id=event.party_id,
        person=event.person,
        mandate_id=event.mandate_id,
        ceremony_id=event.ceremony_id,
        text_hash=event.text_hash,
        level=event.level,
        signed_at=event.detail["signed_at"],
    )
