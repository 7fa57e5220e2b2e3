"""The agreement: who binds themselves to what, from the draft to the end."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.errors import (
    AlreadySigned,
    CenterNotInAgreement,
    EffectiveDateAhead,
    NotAParty,
    TermOver,
    TextHashDiffers,
    TextMissing,
)
from services.agreements.terms import Bilingual, Terms, check_terms, must_sign
from shared.aggregate import Aggregate
from shared.clock import business_date
from shared.events.agreements import (
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementDrafted,
    AgreementExpired,
    AgreementNegotiationOpened,
    AgreementParty,
    AgreementPartyDeclined,
    AgreementPartySigned,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmittedForReview,
    AgreementSuspended,
    AgreementTerminated,
    AgreementTextRevised,
    AgreementType,
    CenterToOpen,
    SignatureLevel,
)
from shared.events.base import DomainEvent
from shared.territory import ACADEMY_CODES


class AgreementState(StrEnum):
    """Where an agreement stands; late, expiring and the like are derived, never stored."""

    draft = "draft"
    negotiation = "negotiation"
    legal_review = "legal_review"
    ready_to_sign = "ready_to_sign"
    partially_signed = "partially_signed"
    signed = "signed"
    in_force = "in_force"
    suspended = "suspended"
    terminated = "terminated"
    expired = "expired"
    cancelled = "cancelled"


_S = AgreementState
BEING_SIGNED = frozenset({_S.ready_to_sign, _S.partially_signed})
SIGNED_BY_ALL = frozenset({_S.signed, _S.in_force, _S.suspended, _S.terminated, _S.expired})


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


class Suspension(BaseModel):
    """Why and how far the agreement rests."""

    model_config = ConfigDict(frozen=True)

    effective_on: date
    scope: Literal["money", "centers"]
    centers: tuple[UUID, ...]
    reason: str
    document: str


class Ending(BaseModel):
    """Why the agreement was terminated or cancelled."""

    model_config = ConfigDict(frozen=True)

    effective_on: date
    reason: str
    document: str | None = None


class Agreement(Aggregate):
    """A partnership agreement between organisations, bilingual, signed by each party."""

    kind: ClassVar[str] = "agreement"
    ALLOWED: ClassVar = {
        "revise_text": frozenset({_S.draft, _S.negotiation}),
        "open_negotiation": frozenset({_S.draft}),
        "submit_for_review": frozenset({_S.negotiation}),
        "return_with_remarks": frozenset({_S.legal_review}),
        "approve_agreement": frozenset({_S.legal_review}),
        "reopen_text": BEING_SIGNED,
        "sign_agreement": BEING_SIGNED,
        "decline_agreement": BEING_SIGNED,
        "bring_into_force": frozenset({_S.signed}),
        "suspend_agreement": frozenset({_S.in_force}),
        "resume_agreement": frozenset({_S.suspended}),
        "terminate_agreement": frozenset({_S.signed, _S.in_force, _S.suspended}),
        "expire_agreement": frozenset({_S.in_force, _S.suspended}),
        "cancel_agreement": frozenset({_S.draft, _S.negotiation, _S.legal_review}) | BEING_SIGNED,
    }

    state: AgreementState = AgreementState.draft
    agreement_type: AgreementType = "regional"
    academy: str | None = None
    title: Bilingual = Bilingual(ar="-", fr="-")
    parties: tuple[AgreementParty, ...] = ()
    names: dict[UUID, Bilingual] = {}
    """Names of the parties' organisations as known at drafting, and for good from the freezing of the text."""
    centers: tuple[CenterToOpen, ...] = ()
    school_year: str = ""
    effective_from: date = date.min
    effective_until: date = date.min
    text_hash: str | None = None
    reference: str | None = None
    remarks: str | None = None
    """What legal review, a reopening or a declining party last said."""
    signatures: tuple[Signature, ...] = ()
    suspension: Suspension | None = None
    ending: Ending | None = None

    # Who is concerned

    def audience(self) -> tuple[str, ...]:
        """The agreement's academy; all twelve for a national agreement."""
        return (self.academy,) if self.academy else ACADEMY_CODES

    def visible_to(self) -> tuple[str, ...]:
        """The audience and the parties."""
        return (*self.audience(), *(f"org:{party.organisation_id}" for party in self.parties))

    def party(self, party_id: UUID) -> AgreementParty:
        """The party of this id. Refuses NotAParty."""
        for party in self.parties:
            if party.party_id == party_id:
                return party
        raise NotAParty(party=party_id)

    @property
    def missing_signatures(self) -> tuple[AgreementParty, ...]:
        """The parties that must sign and have not."""
        signed = {signature.party_id for signature in self.signatures}
        return tuple(party for party in self.parties if must_sign(party) and party.party_id not in signed)

    # Decisions

    @staticmethod
    def draft(id: UUID, terms: Terms, *, names: dict[UUID, Bilingual]) -> list[DomainEvent]:
        """A new agreement between its parties, on its centers; without a text so far."""
        check_terms(terms)
        drafted = AgreementDrafted(
            agreement_id=id,
            agreement_type=terms.agreement_type,
            academy=terms.academy,
            parties=terms.parties,
            school_year=terms.school_year,
            effective_from=terms.effective_from,
            effective_until=terms.effective_until,
        )
        return [drafted.keeping(title=terms.title, names=names, centers=terms.centers)]

    def revise(self, text_hash: str) -> list[DomainEvent]:
        """Put another text, both languages at once; the same text again changes nothing."""
        self.require("revise_text")
        if text_hash == self.text_hash:
            return []
        return [AgreementTextRevised(agreement_id=self.id, text_hash=text_hash)]

    def open_negotiation(self) -> list[DomainEvent]:
        """Hand the draft to the parties."""
        self.require("open_negotiation")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="drafted")]

    def submit(self) -> list[DomainEvent]:
        """Hand the negotiated text to legal review. Refuses TextMissing."""
        self.require("submit_for_review")
        if self.text_hash is None:
            raise TextMissing()
        return [AgreementSubmittedForReview(agreement_id=self.id)]

    def return_with_remarks(self, remarks: str) -> list[DomainEvent]:
        """Send the text back to the parties."""
        self.require("return_with_remarks")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="remarks").keeping(remarks=remarks)]

    def approve(self, *, reference: str, names: dict[UUID, Bilingual], today: date) -> list[DomainEvent]:
        """Freeze the text for signature under its reference, which it keeps if it had one."""
        self.require("approve_agreement")
        self._require_term(today)
        assert self.text_hash is not None, "submitted without a text"
        approved = AgreementApproved(
            agreement_id=self.id, reference=self.reference or reference, text_hash=self.text_hash
        )
        return [approved.keeping(names=names)]

    def reopen(self, reason: str) -> list[DomainEvent]:
        """Take the frozen text back into negotiation; signatures given so far are void."""
        self.require("reopen_text")
        return [AgreementNegotiationOpened(agreement_id=self.id, because="reopened").keeping(remarks=reason)]

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

        Refuses NotAParty, AlreadySigned, TextHashDiffers, TermOver.
        """
        party = self._may_still_sign(party_id)
        self.require("sign_agreement")
        self._require_text(text_hash)
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
        last = all(missing == party for missing in self.missing_signatures)
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

    def bring_into_force(self, today: date) -> list[DomainEvent]:
        """Let the agreement bind from its start date on; before it, nothing happens."""
        self.require("bring_into_force")
        if today < self.effective_from:
            return []
        return [AgreementCameIntoForce(agreement_id=self.id, academy=self.academy, in_force_on=self.effective_from)]

    def suspend(
        self,
        *,
        scope: Literal["money", "centers"],
        centers: Sequence[UUID],
        reason: str,
        document: str,
        effective_on: date,
        today: date,
    ) -> list[DomainEvent]:
        """Let the agreement rest: its money only, or the named centers too (all of them when none is named)."""
        self.require("suspend_agreement")
        _require_reached(effective_on, today)
        own = [center.center_id for center in self.centers]
        if foreign := [center for center in centers if center not in own]:
            raise CenterNotInAgreement(centers=foreign)
        named = tuple(centers or own) if scope == "centers" else ()
        suspended = AgreementSuspended(agreement_id=self.id, effective_on=effective_on, scope=scope, centers=named)
        return [suspended.keeping(reason=reason, document=document)]

    def resume(self, *, effective_on: date, today: date) -> list[DomainEvent]:
        """Lift the suspension."""
        self.require("resume_agreement")
        _require_reached(effective_on, today)
        centers = self.suspension.centers if self.suspension else ()
        return [AgreementResumed(agreement_id=self.id, effective_on=effective_on, centers=centers)]

    def terminate(self, *, reason: str, document: str, effective_on: date, today: date) -> list[DomainEvent]:
        """End the agreement before its time."""
        self.require("terminate_agreement")
        _require_reached(effective_on, today)
        terminated = AgreementTerminated(agreement_id=self.id, academy=self.academy, effective_on=effective_on)
        return [terminated.keeping(reason=reason, document=document)]

    def expire(self, today: date) -> list[DomainEvent]:
        """End the agreement after its end date; until then, nothing happens."""
        self.require("expire_agreement")
        if today <= self.effective_until:
            return []
        expired_on = self.effective_until + timedelta(days=1)
        return [AgreementExpired(agreement_id=self.id, academy=self.academy, expired_on=expired_on)]

    def cancel(self, *, reason: str, today: date) -> list[DomainEvent]:
        """Give the agreement up before all have signed."""
        self.require("cancel_agreement")
        return [AgreementCancelled(agreement_id=self.id).keeping(reason=reason, effective_on=today)]

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

    def _require_term(self, today: date) -> None:
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)

    # Evolution

    def apply(self, event: DomainEvent) -> None:
        """Change the fields as the event says."""
        detail: dict[str, Any] = event.detail
        match event:
            case AgreementDrafted():
                self.agreement_type = event.agreement_type
                self.academy = event.academy
                self.parties = event.parties
                self.school_year = event.school_year
                self.effective_from = event.effective_from
                self.effective_until = event.effective_until
                self.title = Bilingual.model_validate(detail["title"])
                self.names = _names(detail)
                self.centers = tuple(CenterToOpen.model_validate(center) for center in detail["centers"])
            case AgreementTextRevised():
                self.text_hash = event.text_hash
            case AgreementNegotiationOpened():
                self.state = AgreementState.negotiation
                self.signatures = ()
                self.remarks = detail.get("remarks")
            case AgreementSubmittedForReview():
                self.state = AgreementState.legal_review
            case AgreementApproved():
                self.state = AgreementState.ready_to_sign
                self.reference = event.reference
                self.names = _names(detail)
                self.remarks = None
            case AgreementPartySigned():
                self.state = AgreementState.partially_signed
                self.signatures = (*self.signatures, _signature(event))
            case AgreementPartyDeclined():
                self.signatures = ()
            case AgreementSigned():
                self.state = AgreementState.signed
            case AgreementCameIntoForce():
                self.state = AgreementState.in_force
            case AgreementSuspended():
                self.state = AgreementState.suspended
                self.suspension = Suspension(
                    effective_on=event.effective_on, scope=event.scope, centers=event.centers, **detail
                )
            case AgreementResumed():
                self.state = AgreementState.in_force
                self.suspension = None
            case AgreementTerminated():
                self.state = AgreementState.terminated
                self.ending = Ending(effective_on=event.effective_on, **detail)
            case AgreementExpired():
                self.state = AgreementState.expired
            case AgreementCancelled():
                self.state = AgreementState.cancelled
                self.ending = Ending.model_validate(detail)
            case _:
                raise TypeError(f"not an agreement's event: {event.type}")


def _require_reached(effective_on: date, today: date) -> None:
    if effective_on > today:
        raise EffectiveDateAhead(effective_on=effective_on)


def _names(detail: dict[str, Any]) -> dict[UUID, Bilingual]:
    return {UUID(id): Bilingual.model_validate(name) for id, name in detail["names"].items()}


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
