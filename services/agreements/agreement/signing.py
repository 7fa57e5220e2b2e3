"""Signing: each party puts its signature under the frozen text, in its turn and while the offer stands."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from services.agreements.agreement.core import BEING_SIGNED, SIGNED_BY_ALL, AgreementState
from services.agreements.agreement.timely import Timely, earliest
from services.agreements.errors import TermOver, TextHashDiffers
from services.agreements.errors.signing import OfferExpired
from services.agreements.offer import Offered
from services.agreements.signatures import (
    OPEN_REQUESTS,
    Delegation,
    PartyRequest,
    RequestState,
    Scan,
    Signature,
    delegation_until,
    doubted,
    replaced,
    require_delegable,
)
from services.agreements.signing_order import require_level
from services.agreements.terms import must_sign
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import (
    AgreementApproved,
    AgreementCameIntoForce,
    AgreementCancelled,
    AgreementDelegationWithdrawn,
    AgreementNegotiationOpened,
    AgreementParty,
    AgreementPartyDeclined,
    AgreementPartySigned,
    AgreementSignatureContested,
    AgreementSignatureOfferExpired,
    AgreementSignatureOfferRenewed,
    AgreementSignatureReminded,
    AgreementSigned,
    AgreementSigningDelegated,
    AgreementVisaAwaited,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal


class Signing(Timely, Offered):
    """Who has signed, who is still to sign, and until when."""

    ALLOWED: ClassVar = {
        "sign_agreement": BEING_SIGNED,
        "decline_agreement": BEING_SIGNED,
        "delegate_signing": BEING_SIGNED,
        "withdraw_delegation": BEING_SIGNED,
        "renew_offer": BEING_SIGNED,
        "contest_signatures": BEING_SIGNED | SIGNED_BY_ALL,
    }

    requests: tuple[PartyRequest, ...] = ()
    """Of the text that is or was last frozen, one per party that signs."""
    signatures: tuple[Signature, ...] = ()
    signed_on: date | None = None
    """The day on which all had signed; a signature on paper counts from its check."""

    @property
    def signing_parties(self) -> tuple[AgreementParty, ...]:
        """All but those who only witness."""
        return tuple(party for party in self.parties if must_sign(party))

    @property
    def scans(self) -> dict[UUID, Scan]:
        """The signatures on paper that wait for their check, by party."""
        return {each.party_id: each.scan for each in self.requests if each.scan}

    @property
    def delegations(self) -> dict[UUID, Delegation]:
        """Party -> who signs for it in whose place."""
        return {each.party_id: each.delegation for each in self.requests if each.delegation}

    @property
    def missing_signatures(self) -> tuple[AgreementParty, ...]:
        """The parties that have not signed though their group still needs signatures."""
        return self.signing_order.awaited

    @property
    def being_signed(self) -> bool:
        """Whether it waits for signatures."""
        return self.state in BEING_SIGNED

    def request(self, party_id: UUID) -> PartyRequest:
        """The request for the party's signature. Refuses NotAParty; a party that only witnesses has a blank one."""
        self.party(party_id)
        return next((each for each in self.requests if each.party_id == party_id), PartyRequest(party_id=party_id))

    def guard(self, action: str) -> Refusal | None:
        """It is signed while its offer stands."""
        return self.offer_refusal(action) or super().guard(action)

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
        on_behalf_of: str | None = None,
        file_hash: str | None = None,
        archived_file: str | None = None,
        certificate: SealingCertificate | None = None,
    ) -> list[DomainEvent]:
        """Sign the frozen text for a party; the last signature makes the agreement signed, and in force once it starts.

        Refuses NotAParty, AlreadySigned, ScanToBeChecked, TextHashDiffers, NotYourTurnToSign, LevelTooLow,
        SignsForOthers, OfferExpired, TermOver.
        """
        party = self._party_for("sign_agreement", party_id)
        self.require("sign_agreement")
        self._require_text(text_hash)
        require_level(level, self.rules.signing.least_level)
        self.require_person(party_id, person, on_behalf_of)
        self._require_offer(business_date(at))
        signed = AgreementPartySigned(
            agreement_id=self.id,
            party_id=party_id,
            organisation_id=party.organisation_id,
            person=person,
            mandate_id=mandate_id,
            ceremony_id=ceremony_id,
            text_hash=text_hash,
            level=level,
            on_behalf_of=on_behalf_of,
            file_hash=file_hash,
            certificate=certificate,
        )
        return self._count(signed, at, archived_file=archived_file)

    def decline(self, party_id: UUID, *, text_hash: str, reason: str, at: datetime) -> list[DomainEvent]:
        """Refuse to sign for a party: signatures given so far are void and the text is negotiated again.

        Refuses NotAParty, AlreadySigned, TextHashDiffers.
        """
        self._party_for("decline_agreement", party_id)
        self.require("decline_agreement")
        self._require_text(text_hash)
        return [
            AgreementPartyDeclined(agreement_id=self.id, party_id=party_id),
            *self.negotiate_again("declined", reason=reason, at=at),
        ]

    def delegate(
        self,
        party_id: UUID,
        *,
        delegator: str,
        delegate: str,
        mandate_id: UUID,
        valid_until: date,
        mandate_until: date | None = None,
        document: str,
        today: date,
    ) -> list[DomainEvent]:
        """Let another person sign for a party under the delegator's mandate; a later delegation replaces it.

        It ends with the mandate (`mandate_until`) or the offer, if they end before. Refuses NotAParty, AlreadySigned,
        ScanToBeChecked, DelegateIsOneself, DelegationOver.
        """
        self._party_for("delegate_signing", party_id)
        self.require("delegate_signing")
        require_delegable(delegator, delegate, valid_until, today)
        delegated = AgreementSigningDelegated(
            agreement_id=self.id,
            party_id=party_id,
            delegator=delegator,
            delegate=delegate,
            mandate_id=mandate_id,
            valid_until=delegation_until(valid_until, mandate_until, self.expires_on),
            delegated_on=today,
        )
        return [delegated.keeping(document=document)]

    def withdraw_delegation(self, party_id: UUID, *, by: str, reason: str) -> list[DomainEvent]:
        """Take back that another signs for a party, for who delegated it.

        Refuses NotAParty, AlreadySigned, ScanToBeChecked, NothingDelegated, NotYourDelegation.
        """
        self.require("withdraw_delegation")
        found = self.delegation_to_withdraw("withdraw_delegation", party_id, by)
        withdrawn = AgreementDelegationWithdrawn(
            agreement_id=self.id, party_id=party_id, delegator=found.delegator, delegate=found.delegate
        )
        return [withdrawn.keeping(reason=reason)]

    def renew_offer(self, today: date) -> list[DomainEvent]:
        """Offer the same text for signature again, for as long as the first time. Refuses TermOver."""
        self.require("renew_offer")
        self._require_term(today)
        offered_until = self.rules.signing.offered_until(today)
        assert offered_until is not None, "an offer without an end does not expire"
        awaited = tuple(each.organisation_id for each in self.missing_signatures)
        return [AgreementSignatureOfferRenewed(agreement_id=self.id, offered_until=offered_until, awaited=awaited)]

    def contest_signatures(self, mandate_id: UUID, *, ended_on: date) -> list[DomainEvent]:
        """Mark what was signed under a mandate that, as is known now, had ended by then. The state stays.

        While signatures are awaited, one that is marked counts no more, and its party may sign again in its place. A
        signature on paper that waits for its check is marked too.
        """
        self.require("contest_signatures")
        return [
            AgreementSignatureContested(
                agreement_id=self.id, party_id=party_id, mandate_id=mandate_id, ended_on=ended_on
            )
            for party_id in self.contestable(mandate_id, ended_on)
        ]

    def next_on(self) -> date | None:
        """The day of the next reminder, or after the last day to sign."""
        over = self.expires_on + timedelta(days=1) if self.expires_on else None
        return earliest(super().next_on(), self.remind_on, over)

    def due_by(self, today: date) -> list[DomainEvent]:
        """Nobody signs after the last day; before it, those whose turn it is are reminded: late reminders are one."""
        if self.expires_on and today > self.expires_on:
            left = tuple(each.party_id for each in self.requests if each.state in OPEN_REQUESTS)
            return [AgreementSignatureOfferExpired(agreement_id=self.id, parties=left, offered_until=self.expires_on)]
        if self.expires_on and (days := self.reminder_due(today)) is not None:
            awaited = self.to_remind
            return [
                AgreementSignatureReminded(
                    agreement_id=self.id,
                    parties=tuple(each.party_id for each in awaited),
                    offered_until=self.expires_on,
                    days=days,
                    awaited=tuple(each.organisation_id for each in awaited),
                )
            ]
        return super().due_by(today)

    def _count(self, signed: AgreementPartySigned, at: datetime, **detail: Any) -> list[DomainEvent]:
        today = business_date(at)
        last = self.signing_order.completed_by(signed.party_id)
        return [signed.keeping(signed_at=at, **detail), *(self._complete(today) if last else [])]

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
        if self.rules.visa is not None:
            return [signed, AgreementVisaAwaited(agreement_id=self.id, awaited=(self.keeper.organisation_id,))]
        # A child binds once its parent does, which the schedule looks at.
        if today < self.effective_from or self.parent_id is not None:
            return [signed]
        return [signed, AgreementCameIntoForce(agreement_id=self.id, academy=self.academy, in_force_on=today)]

    def _party_for(self, action: str, party_id: UUID) -> AgreementParty:
        if refusal := self.party_refusal(action, party_id):
            raise refusal
        return self.party(party_id)

    def _require_text(self, text_hash: str) -> None:
        if text_hash != self.text_hash:
            raise TextHashDiffers(frozen=self.text_hash, named=text_hash)

    def offered_on(self, day: date) -> bool:
        """Whether it can be signed on this day: neither its offer nor its term is over."""
        try:
            self._require_offer(day)
        except (OfferExpired, TermOver):
            return False
        return not self.offer_over

    def _require_offer(self, today: date) -> None:
        self._require_term(today)
        self.require_offer(today)

    def _require_term(self, today: date) -> None:
        if today > self.effective_until:
            raise TermOver(effective_until=self.effective_until)

    @follows
    def _ask(self, event: AgreementApproved) -> None:
        self.offer_until(event.offered_until)
        self.requests = tuple(PartyRequest(party_id=each.party_id) for each in self.signing_parties)

    @follows
    def _ask_again(self, event: AgreementSignatureOfferRenewed) -> None:
        self.offer_until(event.offered_until)
        self._become(RequestState.requested, of={RequestState.expired}, delegation=None)

    @follows
    def _end_offer(self, _: AgreementSignatureOfferExpired) -> None:
        self.offer_over = True
        self._become(RequestState.expired, of={RequestState.requested, RequestState.delegated})

    @follows
    def _remind(self, event: AgreementSignatureReminded) -> None:
        self.reminded = event.days

    @follows
    def _hand_over(self, event: AgreementSigningDelegated) -> None:
        self._become(RequestState.delegated, only=event.party_id, delegation=Delegation.told(event))

    @follows
    def _take_back(self, event: AgreementDelegationWithdrawn) -> None:
        self._ask_party_again(event.party_id)

    @follows
    def _put_signature(self, event: AgreementPartySigned) -> None:
        self.state = AgreementState.partially_signed
        self.signatures = replaced(self.signatures, _signature(event))
        self._become(RequestState.signed, only=event.party_id, scan=None)
        self.take_seal(event)

    @follows
    def _doubt_signature(self, event: AgreementSignatureContested) -> None:
        self.signatures = doubted(self.signatures, event.party_id, event.ended_on)
        if waiting := self.scans.get(event.party_id):
            marked = waiting.model_copy(update={"contested": event.ended_on})
            stays = None if waiting.on_behalf_of else self.delegations.get(event.party_id)
            self._become(RequestState.scanned, only=event.party_id, scan=marked, delegation=stays)
        elif self.being_signed:
            self._ask_party_again(event.party_id)

    @follows
    def _end_signing(self, event: AgreementSigned) -> None:
        self.state = AgreementState.signed
        self.signed_on = event.signed_on
        for each in self.signatures:
            self._become(RequestState.signed, only=each.party_id, scan=None)
        self._become(RequestState.voided, of=OPEN_REQUESTS, scan=None)

    @follows
    def _refuse(self, event: AgreementPartyDeclined) -> None:
        self.signatures = ()
        self._become(RequestState.declined, only=event.party_id)

    @follows
    def _undo_signing(self, _: AgreementNegotiationOpened) -> None:
        self.signatures = ()
        self.offered_until = self.sealed_file = self.archived_file = None
        self.offer_over = False
        self._become(RequestState.voided, of=OPEN_REQUESTS | {RequestState.signed}, scan=None)

    @follows
    def _ask_no_more(self, _: AgreementCancelled) -> None:
        self._become(RequestState.voided, of=OPEN_REQUESTS, scan=None)

    def _ask_party_again(self, party_id: UUID) -> None:
        again = RequestState.expired if self.offer_over else RequestState.requested
        self._become(again, only=party_id, delegation=None)

    def _become(
        self,
        state: RequestState,
        *,
        of: Collection[RequestState] = frozenset(RequestState),
        only: UUID | None = None,
        **changes: Any,
    ) -> None:
        """Let the requests that are in these states, or the one of this party, go on to another state."""
        moved = {each.party_id for each in self.requests if each.state in of and only in (None, each.party_id)}
        self.requests = tuple(
            each.model_copy(update={"state": state, **changes}) if each.party_id in moved else each
            for each in self.requests
        )


def _signature(event: AgreementPartySigned) -> Signature:
    shared = event.model_dump(include={*Signature.model_fields})
    return Signature(**shared, signed_at=event.detail["signed_at"])
