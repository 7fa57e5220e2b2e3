"""Negotiation: the text passes from party to party until all have accepted it."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import BEING_SIGNED, Again, AgreementState, Core
from services.agreements.bilingual import Bilingual
from services.agreements.errors import TextMissing
from services.agreements.errors.negotiation import (
    AcceptedAlready,
    NotAccepted,
    NotAcceptedByAll,
    NothingToUnlock,
    TextLocked,
    TextMovedOn,
    TurnIsTheirs,
)
from services.agreements.errors.texts import TextOutdated
from services.agreements.terms import Terms, must_sign
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementAcceptancesLapsed,
    AgreementAcceptanceWithdrawn,
    AgreementDrafted,
    AgreementNegotiationOpened,
    AgreementParty,
    AgreementTermsRevised,
    AgreementTextAccepted,
    AgreementTextRevised,
    AgreementTurnPassed,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal

_S = AgreementState


class Turn(BaseModel):
    """The party in whose hands the text is."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    since: datetime
    note: str | None = None
    """What the one before said on passing it."""


class Acceptance(BaseModel):
    """A party's word that it accepts the text as it stands."""

    model_config = ConfigDict(frozen=True)

    party_id: UUID
    person: str
    text_hash: str
    at: datetime


class Negotiation(Core):
    """Whose turn it is, who has accepted the text, and who has written it."""

    ALLOWED: ClassVar = {
        "open_negotiation": frozenset({_S.draft}),
        "pass_turn": frozenset({_S.negotiation}),
        "accept_text": frozenset({_S.negotiation}),
        "withdraw_acceptance": frozenset({_S.negotiation}),
        "unlock_text": frozenset({_S.negotiation}),
        "reopen_text": BEING_SIGNED,
    }

    authors: tuple[str, ...] = ()
    """Who drafted the agreement or revised its text."""
    turn: Turn | None = None
    """Only while it is negotiated."""
    acceptances: tuple[Acceptance, ...] = ()

    @property
    def not_accepted(self) -> tuple[AgreementParty, ...]:
        """The parties that sign and have not accepted the text."""
        accepted = {acceptance.party_id for acceptance in self.acceptances}
        return tuple(party for party in self.parties if must_sign(party) and party.party_id not in accepted)

    @property
    def locked(self) -> bool:
        """Whether all parties that sign have accepted the text."""
        return bool(self.acceptances) and not self.not_accepted

    def accepted_by(self, party_id: UUID) -> bool:
        """Whether the party accepts the text as it stands."""
        return any(each.party_id == party_id for each in self.acceptances)

    def guard(self, action: str) -> Refusal | None:
        """A text comes before its acceptance and its review, all acceptances before review; they lock it.

        One that is drawn from other terms than are agreed is neither accepted nor reviewed.
        """
        match action:
            case "accept_text" | "submit_for_review" if self.text_hash is None:
                return TextMissing()
            case "accept_text" | "submit_for_review" if self.to_redraw:
                titles = [each.title.model_dump() for each in self.to_redraw]
                return TextOutdated(clauses=[each.key for each in self.to_redraw], names=titles)
            case "submit_for_review" if self.rules.acceptance and self.not_accepted:
                left = [party.party_id for party in self.not_accepted]
                return NotAcceptedByAll(parties=left, names=self.called(left))
            case "revise_text" | "revise_terms" | "redraw_clauses" | "withdraw_acceptance" if self.locked:
                return TextLocked()
            case "unlock_text" if not self.locked:
                return NothingToUnlock()
        return super().guard(action)

    def open_negotiation(self, at: datetime) -> list[DomainEvent]:
        """Hand the draft to the parties; the one that keeps the file begins."""
        self.require("open_negotiation")
        return [self.opening("drafted").keeping(at=at)]

    def pass_turn(self, party_id: UUID, *, note: str | None, at: datetime) -> list[DomainEvent]:
        """Put the text into another party's hands. Refuses NotAParty, TurnIsTheirs."""
        self.require("pass_turn")
        party = self.party(party_id)
        if self.turn and self.turn.party_id == party_id:
            raise TurnIsTheirs(party=party_id, name=self.called([party_id])[0], since=self.turn.since)
        home = (party.organisation_id,)
        return [
            AgreementTurnPassed(agreement_id=self.id, party_id=party_id, organisations=home).keeping(note=note, at=at)
        ]

    def accept(self, party_id: UUID, *, text_hash: str, person: str, at: datetime) -> list[DomainEvent]:
        """Accept the text for a party, as it stands. Refuses NotAParty, TextMovedOn, AcceptedAlready."""
        self.require("accept_text")
        self.party(party_id)
        if text_hash != self.text_hash:
            raise TextMovedOn(current=self.text_hash, named=text_hash)
        if self.accepted_by(party_id):
            raise AcceptedAlready(party=party_id)
        accepted = AgreementTextAccepted(agreement_id=self.id, party_id=party_id, text_hash=text_hash)
        return [accepted.keeping(person=person, at=at)]

    def withdraw_acceptance(self, party_id: UUID, *, reason: str) -> list[DomainEvent]:
        """Take back a party's acceptance before the last one's. Refuses NotAParty, NotAccepted, TextLocked."""
        self.require("withdraw_acceptance")
        self.party(party_id)
        if not self.accepted_by(party_id):
            raise NotAccepted(party=party_id)
        others = tuple(each.organisation_id for each in self.parties if must_sign(each) and each.party_id != party_id)
        withdrawn = AgreementAcceptanceWithdrawn(agreement_id=self.id, party_id=party_id, organisations=others)
        return [withdrawn.keeping(reason=reason)]

    def unlock(self, reason: str) -> list[DomainEvent]:
        """Give a text that all have accepted free for revision: every acceptance lapses. Refuses NothingToUnlock."""
        self.require("unlock_text")
        return self._lapsed("unlocked", reason)

    def revise(self, text_hash: str, *, by: str) -> list[DomainEvent]:
        """Put another text; what parties had accepted of the one before lapses. Refuses TextLocked."""
        revised = super().revise(text_hash, by=by)
        return [*revised, *self.text_changed()] if revised else []

    def text_changed(self) -> list[DomainEvent]:
        """What parties had accepted lapses."""
        return [*self._lapsed("text_revised"), *super().text_changed()]

    def revise_terms(self, terms: Terms, *, names: dict[UUID, Bilingual], by: str) -> list[DomainEvent]:
        """Put other terms; what parties had accepted lapses. Refuses TextLocked."""
        return [*self._lapsed("terms_revised"), *super().revise_terms(terms, names=names, by=by)]

    def reopen(self, reason: str, *, at: datetime) -> list[DomainEvent]:
        """Take the frozen text back into negotiation; signatures given so far are void."""
        self.require("reopen_text")
        return self.negotiate_again("reopened", reason=reason, at=at)

    def negotiate_again(
        self, because: Again, *, reason: str, at: datetime, in_place_of: str | None = None
    ) -> list[DomainEvent]:
        """Back to the parties, who are asked to accept again."""
        again = super().negotiate_again(because, reason=reason, at=at, in_place_of=in_place_of)
        return [*self._lapsed(because, reason), *again]

    def _lapsed(
        self, because: Again | Literal["text_revised", "terms_revised", "unlocked"], reason: str | None = None
    ) -> list[DomainEvent]:
        if not self.acceptances:
            return []
        parties = tuple(acceptance.party_id for acceptance in self.acceptances)
        lapsed = AgreementAcceptancesLapsed(
            agreement_id=self.id,
            because=because,
            parties=parties,
            organisations=tuple(each.organisation_id for each in self.parties if each.party_id in parties),
        )
        return [lapsed.keeping(reason=reason)]

    @follows
    def _remember_author(self, event: AgreementDrafted | AgreementTermsRevised | AgreementTextRevised) -> None:
        self.authors = tuple(dict.fromkeys([*self.authors, event.detail["by"]]))

    @follows
    def _open_table(self, event: AgreementNegotiationOpened) -> None:
        self.state = AgreementState.negotiation
        self.remarks = event.detail.get("remarks")
        self.turn = Turn(party_id=self.keeper.party_id, since=event.detail["at"])

    @follows
    def _give_turn(self, event: AgreementTurnPassed) -> None:
        self.turn = Turn(party_id=event.party_id, since=event.detail["at"], note=event.detail["note"])

    @follows
    def _take_acceptance(self, event: AgreementTextAccepted) -> None:
        said = {name: event.detail[name] for name in ("person", "at")}
        accepted = Acceptance(party_id=event.party_id, text_hash=event.text_hash, **said)
        self.acceptances = (*self.acceptances, accepted)

    @follows
    def _give_acceptance_back(self, event: AgreementAcceptanceWithdrawn) -> None:
        self.acceptances = tuple(each for each in self.acceptances if each.party_id != event.party_id)
        self.remarks = event.detail["reason"]

    @follows
    def _drop_acceptances(self, event: AgreementAcceptancesLapsed) -> None:
        self.acceptances = ()
        # An unlocking from before organisations were told is folded as it was.
        if event.because == "unlocked" and event.organisations:
            self.remarks = event.detail.get("reason")
