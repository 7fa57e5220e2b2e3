"""Signatures on paper: a witness attests each, another person checks it, and then it counts like any other."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from services.agreements.agreement.core import BEING_SIGNED
from services.agreements.agreement.signing import Signing
from services.agreements.signatures import RequestState, Scan, require_attested
from shared.aggregate import follows
from shared.clock import business_date
from shared.events.agreements import AgreementPartySigned, AgreementScanReturned, AgreementSignatureScanned
from shared.events.base import DomainEvent


class Scans(Signing):
    """What was signed by hand, as it was scanned."""

    ALLOWED: ClassVar = {
        "record_scan": BEING_SIGNED,
        "accept_scan": BEING_SIGNED,
        "return_scan": BEING_SIGNED,
    }

    @property
    def files_on_paper(self) -> frozenset[str]:
        """Those of its own signatures too."""
        given = {each.file_hash for each in self.signatures if each.file_hash and each.level == "handwritten_scan"}
        given |= {each.confirmed.file_hash for each in self.signatures if each.confirmed and each.confirmed.file_hash}
        return super().files_on_paper | given | {scan.file_hash for scan in self.scans.values()}

    def record_scan(self, party_id: UUID, scan: Scan, *, text_hash: str, today: date) -> list[DomainEvent]:
        """Take down a signature given on paper, as its witness attests it. It counts once another person checked it.

        Refuses NotAParty, AlreadySigned, ScanToBeChecked, TextHashDiffers, NotYourTurnToSign, OfferExpired, TermOver,
        WitnessIsSigner, EffectiveDateAhead, SignedBeforeText, SignsForOthers.
        """
        self._party_for("record_scan", party_id)
        self.require("record_scan")
        self._require_text(text_hash)
        self._require_offer(today)
        require_attested(scan, frozen_on=self.frozen_on, today=today)
        self.require_person(party_id, scan.person, scan.on_behalf_of)
        attested = scan.model_dump(exclude={"contested"})
        return [AgreementSignatureScanned(agreement_id=self.id, party_id=party_id, **attested)]

    def scan_to_accept(self, party_id: UUID, *, checker: str) -> Scan:
        """The scan that would count. Refuses NotAParty, NoScanToCheck, CheckedByAnother."""
        self.require("accept_scan")
        return self.scan_to_check(party_id, checker)

    def accept_scan(self, party_id: UUID, *, checker: str, mandate_id: UUID, at: datetime) -> list[DomainEvent]:
        """Let a signature on paper count, under this mandate.

        Refuses what scan_to_accept refuses, SignsForOthers, TermOver.
        """
        scan = self.scan_to_accept(party_id, checker=checker)
        self.require_person(party_id, scan.person, scan.on_behalf_of)
        party = self.party(party_id)
        self._require_term(business_date(at))
        assert self.text_hash is not None, "frozen without a text"
        signed = AgreementPartySigned(
            agreement_id=self.id,
            party_id=party_id,
            organisation_id=party.organisation_id,
            text_hash=self.text_hash,
            mandate_id=mandate_id,
            level="handwritten_scan",
            **scan.model_dump(exclude={"mandate_id", "contested"}),
        )
        return self._count(signed, at)

    def return_scan(self, party_id: UUID, *, checker: str, reason: str, today: date) -> list[DomainEvent]:
        """Ask the party to sign again, or its delegate as before.

        Refuses NotAParty, NoScanToCheck, CheckedByAnother.
        """
        self.require("return_scan")
        party = self.party(party_id)
        scan = self.scan_to_check(party_id, checker)
        delegation = self.delegations.get(party_id)
        returned = AgreementScanReturned(
            agreement_id=self.id,
            party_id=party_id,
            file_hash=scan.file_hash,
            awaited=(party.organisation_id,),
            delegated=delegation is not None and today <= delegation.valid_until,
        )
        return [returned.keeping(reason=reason)]

    @follows
    def _show_scan(self, event: AgreementSignatureScanned) -> None:
        self._become(RequestState.scanned, only=event.party_id, scan=Scan.told(event), remark=None)

    @follows
    def _give_scan_back(self, event: AgreementScanReturned) -> None:
        asked = RequestState.delegated if event.delegated else RequestState.requested
        again = RequestState.expired if self.offer_over else asked
        self._become(again, only=event.party_id, scan=None, remark=event.detail["reason"])
