"""Signing: the parties that the amendment touches put their signatures under the frozen branch."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.amendment.approval import Approval
from services.agreements.amendment.core import BEING_SIGNED, AmendmentState
from services.agreements.errors.agreements import AlreadySigned
from services.agreements.errors.amendments import ContentHashDiffers, NotTouched
from services.agreements.errors.signing import LevelTooLow, NotYourTurnToSign
from services.agreements.signing_order import SigningOrder, reaches
from shared.clock import business_date
from shared.events.agreements import (
    AgreementParty,
    AmendmentAgreed,
    AmendmentPartySigned,
    AmendmentRebaseNeeded,
    AmendmentSignatureContested,
    AmendmentSigned,
    SignatureLevel,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AmendmentState


class AmendmentSignature(BaseModel):
    """A party's signature under the branch."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    person: str
    mandate_id: UUID
    level: SignatureLevel
    signed_at: datetime
    contested: date | None = None
    """The day from which on the mandate held no more, if that became known after the signature."""


class Signing(Approval):
    """Who has signed and who is still to sign."""

    ALLOWED: ClassVar = {
        "sign_amendment": BEING_SIGNED,
        "decline_amendment": BEING_SIGNED,
    }

    touched: tuple[UUID, ...] = ()
    """The parties that sign it, while it is frozen."""
    signatures: tuple[AmendmentSignature, ...] = ()

    @property
    def signing_order(self) -> SigningOrder:
        """Who signs when, of those whom it touches."""
        parties = [party for party in self.parties if party.party_id in self.touched]
        return SigningOrder(self.rules.signing.groups, parties, {each.party_id for each in self.signatures})

    def party_refusal(self, action: str, party_id: UUID) -> Refusal | None:
        """Why this party may not sign or decline though another might; None if it may. Refuses NotAParty."""
        self.party(party_id)
        if self.state not in BEING_SIGNED:
            return None
        if party_id not in self.touched:
            return NotTouched(party=party_id)
        if any(each.party_id == party_id for each in self.signatures):
            return AlreadySigned(party=party_id)
        if action == "sign_amendment" and (awaited := self.signing_order.awaited_before(party_id)):
            names = [self.names[each.organisation_id].model_dump() for each in awaited]
            return NotYourTurnToSign(awaited=[each.party_id for each in awaited], names=names)
        return None

    def sign(
        self,
        party_id: UUID,
        *,
        content_hash: str,
        person: str,
        mandate_id: UUID,
        level: SignatureLevel,
        at: datetime,
    ) -> list[DomainEvent]:
        """Sign the frozen branch for a party; the last whom it touches makes the amendment signed.

        Refuses NotAParty, NotTouched, AlreadySigned, ContentHashDiffers, NotYourTurnToSign, LevelTooLow.
        """
        self.require("sign_amendment")
        party = self._party_for("sign_amendment", party_id, content_hash)
        least = self.rules.signing.least_level
        if not reaches(level, least):
            raise LevelTooLow(level=level, least=least)
        given = AmendmentPartySigned(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            party_id=party_id,
            organisation_id=party.organisation_id,
            person=person,
            mandate_id=mandate_id,
            content_hash=content_hash,
            level=level,
            signed_at=at,
        )
        return [given, self._signed(business_date(at))] if self.signing_order.completed_by(party_id) else [given]

    def decline(self, party_id: UUID, *, content_hash: str, reason: str) -> list[DomainEvent]:
        """Refuse to sign for a party: the amendment will not be.

        Refuses NotAParty, NotTouched, AlreadySigned, ContentHashDiffers.
        """
        self.require("decline_amendment")
        self._party_for("decline_amendment", party_id, content_hash)
        return [self._refused("declined", reason)]

    def contest_signatures(self, mandate_id: UUID, *, ended_on: date) -> list[DomainEvent]:
        """Mark what was signed under a mandate that, as is known now, had ended by then. The state stays."""
        return [
            AmendmentSignatureContested(
                amendment_id=self.id,
                agreement_id=self.agreement_id,
                party_id=each.party_id,
                mandate_id=mandate_id,
                ended_on=ended_on,
            )
            for each in self.signatures
            if each.mandate_id == mandate_id and business_date(each.signed_at) >= ended_on and each.contested is None
        ]

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        detail: dict[str, Any] = event.detail
        match event:
            case AmendmentAgreed():
                self.touched = tuple(map(UUID, detail["touched"]))
            case AmendmentPartySigned():
                self.state = _S.signing
                signature = event.model_dump(include=set(AmendmentSignature.model_fields))
                self.signatures = (*self.signatures, AmendmentSignature(**signature))
            case AmendmentSigned():
                self.state = _S.signed
            case AmendmentSignatureContested():
                self.signatures = tuple(
                    each.model_copy(update={"contested": event.ended_on}) if each.party_id == event.party_id else each
                    for each in self.signatures
                )
            case AmendmentRebaseNeeded():
                self.signatures, self.touched = (), ()
        super().apply(event)

    def _signed(self, on: date) -> DomainEvent:
        return AmendmentSigned(amendment_id=self.id, agreement_id=self.agreement_id, number=self.numbered, signed_on=on)

    def _party_for(self, action: str, party_id: UUID, content_hash: str) -> AgreementParty:
        if refusal := self.party_refusal(action, party_id):
            raise refusal
        if content_hash != self.content_hash:
            raise ContentHashDiffers(frozen=self.content_hash, named=content_hash)
        return self.party(party_id)
