"""Signing: the parties that the amendment touches put their signatures under the frozen branch."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from services.agreements.amendment.approval import Approval
from services.agreements.amendment.core import BEING_SIGNED, AmendmentState
from services.agreements.errors.amendments import ContentHashDiffers, NotTouched
from services.agreements.offer import Offered
from services.agreements.signatures import (
    Delegation,
    Given,
    Scan,
    delegation_until,
    doubted,
    replaced,
    require_attested,
    require_delegable,
)
from services.agreements.signing_order import require_level
from services.agreements.steps import CONFIRMS
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import (
    AgreementParty,
    AmendmentAgreed,
    AmendmentDelegationWithdrawn,
    AmendmentPartySigned,
    AmendmentRebaseNeeded,
    AmendmentRefused,
    AmendmentScanReturned,
    AmendmentSignatureContested,
    AmendmentSignatureOfferExpired,
    AmendmentSignatureOfferRenewed,
    AmendmentSignatureReminded,
    AmendmentSignatureScanned,
    AmendmentSigned,
    AmendmentSigningDelegated,
    AmendmentWithdrawn,
    SealingCertificate,
    SignatureLevel,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AmendmentState


class AmendmentSignature(Given):
    """A party's signature under the branch."""


class Signing(Approval, Offered):
    """Who has signed and who is still to sign."""

    ALLOWED: ClassVar = {
        "sign_amendment": BEING_SIGNED,
        "decline_amendment": BEING_SIGNED,
        "delegate_amendment": BEING_SIGNED,
        "withdraw_amendment_delegation": BEING_SIGNED,
        "record_amendment_scan": BEING_SIGNED,
        "accept_amendment_scan": BEING_SIGNED,
        "return_amendment_scan": BEING_SIGNED,
        "renew_amendment_offer": BEING_SIGNED,
    }

    touched: tuple[UUID, ...] = ()
    """The parties that sign it, while it is frozen."""
    signatures: tuple[AmendmentSignature, ...] = ()
    delegations: dict[UUID, Delegation] = {}
    """Party -> who signs for it in whose place, while it is frozen."""
    scans: dict[UUID, Scan] = {}
    """Party -> its signature on paper that waits for its check."""

    @property
    def frozen(self) -> bool:
        """Whether its content is the one that was approved: it is what is signed, or was last."""
        return bool(self.touched)

    @property
    def signing_parties(self) -> list[AgreementParty]:
        """The parties whom it touches, in their order."""
        return [party for party in self.parties if party.party_id in self.touched]

    @property
    def being_signed(self) -> bool:
        """Whether it waits for signatures."""
        return self.state in BEING_SIGNED

    def guard(self, action: str) -> Refusal | None:
        """It is signed while its offer stands."""
        return self.offer_refusal(action) or super().guard(action)

    def party_refusal(self, action: str, party_id: UUID) -> Refusal | None:
        """Why this party may not take a step towards its signature though another might; None if it may.

        Refuses NotAParty.
        """
        self.party(party_id)
        if self.state not in BEING_SIGNED and action not in CONFIRMS:
            return None
        if party_id not in self.touched:
            return NotTouched(party=party_id)
        return super().party_refusal(action, party_id)

    def sign(
        self,
        party_id: UUID,
        *,
        content_hash: str,
        person: str,
        mandate_id: UUID,
        level: SignatureLevel,
        at: datetime,
        on_behalf_of: str | None = None,
        file_hash: str | None = None,
        archived_file: str | None = None,
        certificate: SealingCertificate | None = None,
    ) -> list[DomainEvent]:
        """Sign the frozen branch for a party; the last whom it touches makes the amendment signed.

        Refuses NotAParty, NotTouched, AlreadySigned, ScanToBeChecked, ContentHashDiffers, NotYourTurnToSign,
        LevelTooLow, SignsForOthers, OfferExpired.
        """
        self.require("sign_amendment")
        self.require_offer(business_date(at))
        party = self._party_for("sign_amendment", party_id, content_hash)
        require_level(level, self.rules.signing.least_level)
        self.require_person(party_id, person, on_behalf_of)
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
            on_behalf_of=on_behalf_of,
            file_hash=file_hash,
            certificate=certificate,
        )
        return self._count(given.keeping(archived_file=archived_file) if archived_file else given)

    def decline(self, party_id: UUID, *, content_hash: str, reason: str) -> list[DomainEvent]:
        """Refuse to sign for a party: the amendment will not be.

        Refuses NotAParty, NotTouched, AlreadySigned, ScanToBeChecked, ContentHashDiffers.
        """
        self.require("decline_amendment")
        self._party_for("decline_amendment", party_id, content_hash)
        return [self._refused("declined", reason)]

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

        It ends with the mandate (`mandate_until`) or the offer, if they end before. Refuses NotAParty, NotTouched,
        AlreadySigned, ScanToBeChecked, DelegateIsOneself, DelegationOver.
        """
        self.require("delegate_amendment")
        if refusal := self.party_refusal("delegate_amendment", party_id):
            raise refusal
        require_delegable(delegator, delegate, valid_until, today)
        delegated = AmendmentSigningDelegated(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
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

        Refuses NotAParty, NotTouched, AlreadySigned, ScanToBeChecked, NothingDelegated, NotYourDelegation.
        """
        self.require("withdraw_amendment_delegation")
        found = self.delegation_to_withdraw("withdraw_amendment_delegation", party_id, by)
        withdrawn = AmendmentDelegationWithdrawn(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            party_id=party_id,
            delegator=found.delegator,
            delegate=found.delegate,
        )
        return [withdrawn.keeping(reason=reason)]

    def record_scan(self, party_id: UUID, scan: Scan, *, content_hash: str, today: date) -> list[DomainEvent]:
        """Take down a signature given on paper, as its witness attests it. It counts once another person checked it.

        Refuses NotAParty, NotTouched, AlreadySigned, ScanToBeChecked, ContentHashDiffers, NotYourTurnToSign,
        OfferExpired, WitnessIsSigner, EffectiveDateAhead, SignedBeforeText, SignsForOthers.
        """
        self.require("record_amendment_scan")
        self.require_offer(today)
        self._party_for("record_amendment_scan", party_id, content_hash)
        require_attested(scan, frozen_on=self.frozen_on, today=today)
        self.require_person(party_id, scan.person, scan.on_behalf_of)
        attested = scan.model_dump(exclude={"ceremony_id", "contested"})
        return [
            AmendmentSignatureScanned(
                amendment_id=self.id, agreement_id=self.agreement_id, party_id=party_id, **attested
            )
        ]

    def scan_to_accept(self, party_id: UUID, *, checker: str) -> Scan:
        """The scan that would count. Refuses NotAParty, NoScanToCheck, CheckedByAnother."""
        self.require("accept_amendment_scan")
        return self.scan_to_check(party_id, checker)

    def accept_scan(self, party_id: UUID, *, checker: str, mandate_id: UUID, at: datetime) -> list[DomainEvent]:
        """Let a signature on paper count, under this mandate. Refuses what scan_to_accept refuses."""
        scan = self.scan_to_accept(party_id, checker=checker)
        self.require_person(party_id, scan.person, scan.on_behalf_of)
        party = self.party(party_id)
        given = AmendmentPartySigned(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            party_id=party_id,
            organisation_id=party.organisation_id,
            content_hash=self.content_hash,
            mandate_id=mandate_id,
            level="handwritten_scan",
            signed_at=at,
            **scan.model_dump(exclude={"mandate_id", "ceremony_id", "contested"}),
        )
        return self._count(given)

    def return_scan(self, party_id: UUID, *, checker: str, reason: str) -> list[DomainEvent]:
        """Ask the party to sign again. Refuses NotAParty, NoScanToCheck, CheckedByAnother."""
        self.require("return_amendment_scan")
        party = self.party(party_id)
        scan = self.scan_to_check(party_id, checker)
        returned = AmendmentScanReturned(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            party_id=party_id,
            file_hash=scan.file_hash,
            awaited=(party.organisation_id,),
        )
        return [returned.keeping(remarks=reason)]

    def renew_offer(self, today: date) -> list[DomainEvent]:
        """Offer the same branch for signature again, for as long as the first time. Refuses OfferStillStands."""
        self.require("renew_amendment_offer")
        until = self.rules.signing.offered_until(today)
        assert until is not None, "an offer without an end does not expire"
        return [
            AmendmentSignatureOfferRenewed(
                amendment_id=self.id,
                agreement_id=self.agreement_id,
                offered_until=until,
                awaited=tuple(each.organisation_id for each in self.signing_order.awaited),
            )
        ]

    def pass_time(self, today: date) -> list[DomainEvent]:
        """Nobody signs after the last day; before it, those whose turn it is are reminded: late reminders are one."""
        until = self.expires_on
        if until is None:
            return []
        offer = {"amendment_id": self.id, "agreement_id": self.agreement_id, "offered_until": until}
        if today > until:
            unsigned = tuple(each.party_id for each in self.signing_order.awaited)
            return [AmendmentSignatureOfferExpired(parties=unsigned, **offer)]
        if (days := self.reminder_due(today)) is None:
            return []
        turn = self.to_remind
        parties, awaited = (each.party_id for each in turn), (each.organisation_id for each in turn)
        return [AmendmentSignatureReminded(parties=tuple(parties), days=days, awaited=tuple(awaited), **offer)]

    def contest_signatures(self, mandate_id: UUID, *, ended_on: date) -> list[DomainEvent]:
        """Mark what was signed under a mandate that, as is known now, had ended by then. The state stays.

        While signatures are awaited, one that is marked counts no more, and its party may sign again in its place. A
        signature on paper that waits for its check is marked too.
        """
        return [
            AmendmentSignatureContested(
                amendment_id=self.id,
                agreement_id=self.agreement_id,
                party_id=party_id,
                mandate_id=mandate_id,
                ended_on=ended_on,
            )
            for party_id in self.contestable(mandate_id, ended_on)
        ]

    @follows
    def _ask(self, event: AmendmentAgreed) -> None:
        self.touched = tuple(map(UUID, event.detail["touched"]))
        self.offer_until(event.offered_until)

    @follows
    def _ask_again(self, event: AmendmentSignatureOfferRenewed) -> None:
        self.offer_until(event.offered_until)
        self.delegations = {}

    @follows
    def _end_offer(self, _: AmendmentSignatureOfferExpired) -> None:
        self.offer_over = True

    @follows
    def _remind(self, event: AmendmentSignatureReminded) -> None:
        self.reminded = event.days

    @follows
    def _hand_over(self, event: AmendmentSigningDelegated) -> None:
        self.delegations = {**self.delegations, event.party_id: Delegation.told(event)}

    @follows
    def _take_delegation_back(self, event: AmendmentDelegationWithdrawn) -> None:
        self.delegations = self._delegations_without(event.party_id)

    @follows
    def _show_scan(self, event: AmendmentSignatureScanned) -> None:
        self.scans = {**self.scans, event.party_id: Scan.told(event)}

    @follows
    def _give_scan_back(self, event: AmendmentScanReturned) -> None:
        self.scans = self._scans_without(event.party_id)
        self.remarks = event.detail["remarks"]

    @follows
    def _put_signature(self, event: AmendmentPartySigned) -> None:
        self.state = _S.signing
        self.scans = self._scans_without(event.party_id)
        signature = event.model_dump(include=set(AmendmentSignature.model_fields))
        self.signatures = replaced(self.signatures, AmendmentSignature(**signature))
        self.take_seal(event)

    @follows
    def _end_signing(self, _: AmendmentSigned) -> None:
        self.state = _S.signed

    @follows
    def _doubt_signature(self, event: AmendmentSignatureContested) -> None:
        self.signatures = doubted(self.signatures, event.party_id, event.ended_on)
        if waiting := self.scans.get(event.party_id):
            marked = waiting.model_copy(update={"contested": event.ended_on})
            self.scans = {**self.scans, event.party_id: marked}
        # A delegation falls with the mandate; whoever signed on paper under their own leaves it as it was.
        if self.being_signed and (waiting is None or waiting.on_behalf_of):
            self.delegations = self._delegations_without(event.party_id)

    @follows
    def _undo_signing(self, _: AmendmentRebaseNeeded) -> None:
        self.signatures, self.touched, self.delegations = (), (), {}
        self.sealed_file = self.archived_file = None
        self.offer_until(None)

    @follows
    def _drop_scans(self, _: AmendmentSigned | AmendmentRebaseNeeded | AmendmentRefused | AmendmentWithdrawn) -> None:
        self.scans = {}

    def _delegations_without(self, party_id: UUID) -> dict[UUID, Delegation]:
        return {each: given for each, given in self.delegations.items() if each != party_id}

    def _scans_without(self, party_id: UUID) -> dict[UUID, Scan]:
        return {each: scan for each, scan in self.scans.items() if each != party_id}

    def _count(self, given: AmendmentPartySigned) -> list[DomainEvent]:
        last = self.signing_order.completed_by(given.party_id)
        return [given, self._signed(business_date(given.signed_at))] if last else [given]

    def _signed(self, on: date) -> DomainEvent:
        return AmendmentSigned(amendment_id=self.id, agreement_id=self.agreement_id, number=self.numbered, signed_on=on)

    def _party_for(self, action: str, party_id: UUID, content_hash: str) -> AgreementParty:
        if refusal := self.party_refusal(action, party_id):
            raise refusal
        if content_hash != self.content_hash:
            raise ContentHashDiffers(frozen=self.content_hash, named=content_hash)
        return self.party(party_id)
