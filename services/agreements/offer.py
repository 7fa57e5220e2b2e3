"""The offer: what is frozen can be signed until a day, party after party, and who is awaited is reminded before."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.agreements.bilingual import Bilingual, called
from services.agreements.errors import AlreadySigned
from services.agreements.errors.signing import (
    CheckedByAnother,
    NoScanToCheck,
    NothingContested,
    NothingDelegated,
    NotYourDelegation,
    NotYourTurnToSign,
    OfferExpired,
    OfferStillStands,
    ScanToBeChecked,
    SignsForOthers,
)
from services.agreements.signatures import Delegation, Given, Scan
from services.agreements.signing_order import SigningOrder
from services.agreements.steps import CHECKS, CONFIRMS, GIVES, NEED_AN_OFFER, RECALLS, RENEWS, TAKES_BACK
from services.agreements.surroundings import Surrounded
from shared.events.agreements import AgreementParty, AgreementPartySigned, AmendmentPartySigned
from shared.refusals import Refusal


class Offered(Surrounded):
    """Who signs it and until when: agreements and amendments alike."""

    offered_until: date | None = None
    """The last day to sign; none if the kind sets no limit."""
    offer_over: bool = False
    reminded: int | None = None
    """The last reminder sent, by its days before the end of the offer."""
    sealed_file: str | None = None
    """The hash of the PDF that carries the signatures sealed so far."""
    archived_file: str | None = None
    """The hash of the PDF from before the first seal, kept beside the sealed one."""

    if TYPE_CHECKING:  # each keeps these in its own way

        @property
        def names(self) -> Mapping[UUID, Bilingual]: ...
        @property
        def signatures(self) -> Sequence[Given]: ...
        @property
        def delegations(self) -> Mapping[UUID, Delegation]: ...
        @property
        def scans(self) -> Mapping[UUID, Scan]: ...
        @property
        def frozen_on(self) -> date | None: ...

    def party(self, party_id: UUID) -> AgreementParty:
        """The party of this id. Refuses NotAParty."""
        raise NotImplementedError

    @property
    def being_signed(self) -> bool:
        """Whether it waits for signatures."""
        raise NotImplementedError

    @property
    def signing_parties(self) -> Sequence[AgreementParty]:
        """Those who sign it, in their order."""
        raise NotImplementedError

    @property
    def signing_order(self) -> SigningOrder:
        """Whose turn it is, by the groups of the kind."""
        return SigningOrder(self.rules.signing.groups, self.signing_parties, self.counted)

    @property
    def counted(self) -> set[UUID]:
        """The parties whose signature counts: while signatures are awaited, a contested one does not."""
        return {each.party_id for each in self.signatures if not (each.in_doubt and self.being_signed)}

    @property
    def to_remind(self) -> list[AgreementParty]:
        """Those whose turn it is and who are awaited still."""
        order = self.signing_order
        return [each for each in order.may_sign_now if each in order.awaited and each.party_id not in self.scans]

    def delegation(self, party_id: UUID, person: str) -> Delegation | None:
        """What lets this person sign for the party without a mandate of their own."""
        found = self.delegations.get(party_id)
        return found if found and found.delegate == person else None

    def delegation_to_withdraw(self, action: str, party_id: UUID, by: str) -> Delegation:
        """What a person let another sign the party's signature by, while it is not given.

        Refuses NotAParty, AlreadySigned, ScanToBeChecked, NothingDelegated, NotYourDelegation.
        """
        if refusal := self.party_refusal(action, party_id):
            raise refusal
        found = self.delegations.get(party_id)
        if found is None:
            raise NothingDelegated(party=party_id)
        if found.delegator != by:
            raise NotYourDelegation(delegator=found.delegator)
        return found

    def party_refusal(self, action: str, party_id: UUID) -> Refusal | None:
        """Why this party may not take a step towards its signature though another might; None if it may.

        Refuses NotAParty.
        """
        self.party(party_id)
        if action in CONFIRMS:
            return self.barred(action, party_id) if party_id in self.in_doubt else NothingContested(party=party_id)
        if party_id in self.counted:
            return AlreadySigned(party=party_id)
        if party_id in self.scans:
            return ScanToBeChecked(party=party_id)
        if barred := self.barred(action, party_id):
            return barred
        if action in GIVES and self.being_signed and (first := self.signing_order.awaited_before(party_id)):
            names = [self.names[each.organisation_id] for each in first if each.organisation_id in self.names]
            return NotYourTurnToSign(
                awaited=[each.party_id for each in first], names=[name.model_dump() for name in names]
            )
        return None

    def person_refusal(self, party_id: UUID, *people: str | None) -> Refusal | None:
        """Why these people, a delegate and who delegated, do not sign for this party beside others; None if they may.

        The kind says for how many parties one person may.
        """
        most = self.rules.signing.parties_per_person
        given = {each.party_id: each for each in self.signatures if each.party_id in self.counted} | {**self.scans}
        for person in people if most else ():
            own = [id for id, each in given.items() if person and person in each.people and id != party_id]
            if most and len(own) >= most:
                named = called((self.party(id).organisation_id for id in own), self.names)
                return SignsForOthers(most=most, parties=own, names=named)
        return None

    def require_person(self, party_id: UUID, *people: str | None) -> None:
        """Refuse SignsForOthers if person_refusal does."""
        if refusal := self.person_refusal(party_id, *people):
            raise refusal

    def offer_refusal(self, action: str) -> Refusal | None:
        """Nothing is signed once the offer is over; a signature given is not given away while it stands.

        Only what waits is checked.
        """
        if action in RECALLS and not self.delegations:
            return NothingDelegated(party=None)
        if action in NEED_AN_OFFER and self.offer_over:
            return OfferExpired(offered_until=self.offered_until)
        given_away = action in TAKES_BACK and self.counted and self.expires_on
        if given_away or (action in RENEWS and not self.offer_over):
            return OfferStillStands(offered_until=self.offered_until)
        return NoScanToCheck() if action in CHECKS and not self.scans else None

    def scan_to_check(self, party_id: UUID, checker: str) -> Scan:
        """The party's scan, for somebody who neither signed nor saw it.

        Refuses NotAParty, NoScanToCheck, CheckedByAnother.
        """
        scan = self.scans.get(self.party(party_id).party_id)
        if scan is None:
            raise NoScanToCheck()
        if checker in (scan.person, scan.witness):
            raise CheckedByAnother()
        return scan

    @property
    def in_doubt(self) -> set[UUID]:
        """The parties whose signature is contested, and was not confirmed."""
        return {each.party_id for each in self.signatures if each.in_doubt}

    def contestable(self, mandate_id: UUID, ended_on: date) -> list[UUID]:
        """The parties whose signature rests on a mandate that, as is known now, had ended by then."""
        given = {each.party_id: each.confirmed or each for each in self.signatures} | {**self.scans}
        return [party_id for party_id, each in given.items() if each.contestable(mandate_id, ended_on)]

    @property
    def expires_on(self) -> date | None:
        """The last day to sign while an offer stands that has one."""
        return self.offered_until if self.being_signed and not self.offer_over else None

    @property
    def remind_on(self) -> date | None:
        """The day of the next reminder, if there is one left."""
        left = self._reminders_left()
        return self.expires_on - timedelta(days=max(left)) if self.expires_on and left else None

    def reminder_due(self, today: date) -> int | None:
        """Which reminder is due, by its days before the end: late ones are one; none if there is none."""
        if self.expires_on is None:
            return None
        left = [days for days in self._reminders_left() if today >= self.expires_on - timedelta(days=days)]
        return min(left, default=None)

    def require_offer(self, today: date) -> None:
        """Refuse OfferExpired after the last day."""
        if self.offered_until and today > self.offered_until:
            raise OfferExpired(offered_until=self.offered_until)

    def offer_until(self, day: date | None) -> None:
        """Begin an offer that ends with this day."""
        self.offered_until, self.offer_over, self.reminded = day, False, None

    def take_seal(self, signed: AgreementPartySigned | AmendmentPartySigned) -> None:
        """Keep the file of a signature that was sealed, and that from before the first seal."""
        if signed.file_hash and signed.level != "handwritten_scan":
            self.sealed_file = signed.file_hash
            self.archived_file = signed.detail.get("archived_file") or self.archived_file

    def _reminders_left(self) -> list[int]:
        return [days for days in self.rules.signing.remind_days if self.reminded is None or days < self.reminded]
