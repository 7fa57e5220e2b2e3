"""What every part of an agreement stands on: its terms, its text and its state."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from services.agreements.bilingual import Bilingual, called
from services.agreements.content import ClauseRef, Content
from services.agreements.errors import AgreedDayNotPossible, KindIsKept, NotAParty
from services.agreements.errors.texts import NothingToRedraw
from services.agreements.surroundings import Surrounded
from services.agreements.terms import BudgetLine, Duty, Terms, check_terms, impossible_day, must_sign
from shared.aggregate import follows
from shared.clock import FIRST_DAY, LAST_DAY
from shared.events.agreements import (
    AgreementApproved,
    AgreementDrafted,
    AgreementNegotiationOpened,
    AgreementParty,
    AgreementTermsRevised,
    AgreementTextRevised,
    AgreementType,
    CenterToOpen,
    LanguageHashes,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal
from shared.territory import ACADEMIES, ACADEMY_CODES, MINISTRY_ID, codes_of


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
    closed = "closed"


_S = AgreementState
BEING_SIGNED = frozenset({_S.ready_to_sign, _S.partially_signed})
SIGNED_BY_ALL = frozenset({_S.signed, _S.in_force, _S.suspended, _S.terminated, _S.expired, _S.closed})
Again = Literal["remarks", "reopened", "declined"]
"""Why a text that was submitted is negotiated again."""
AGREED = ("title", "parties", "centers", "budget", "school_year", "effective_from", "effective_until")
"""The fields that are agreed, beside the duties and the text."""


TOWARDS_FORCE = frozenset(
    {
        "submit_for_review",
        "approve_agreement",
        "sign_agreement",
        "record_scan",
        "accept_scan",
        "renew_offer",
        "bring_into_force",
    }
)
"""What leads to an agreement that binds."""


class Core(Surrounded):
    """The terms, the text and the state: what the parts of an agreement share.

    A part is a class beside this one with its own fields, actions and events. Its `apply` changes what is its own and
    hands every event on, so that several parts can follow the same event.
    """

    kind: ClassVar[str] = "agreement"
    ALLOWED: ClassVar = {
        "revise_text": frozenset({_S.draft, _S.negotiation}),
        "revise_terms": frozenset({_S.draft, _S.negotiation}),
        "redraw_clauses": frozenset({_S.draft, _S.negotiation}),
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
    budget: tuple[BudgetLine, ...] = ()
    duties: tuple[Duty, ...] = ()
    """What is agreed of the obligations; where each stands is the ledger's."""
    parent_id: UUID | None = None
    """The framework agreement that this one follows."""
    terms_revised: bool = False
    """Whether other terms were put since the drafting, which a text may not say yet."""
    text_hash: str | None = None
    content_hash: str | None = None
    """Over all that is agreed, while it is frozen."""
    language_hashes: LanguageHashes | None = None
    """Of each language's text alone, while it is frozen."""
    reference: str | None = None
    remarks: str | None = None
    """What legal review, an unlocking, a reopening, or a party that declined or took its acceptance back last said."""

    def audience(self) -> tuple[str, ...]:
        """The agreement's academy; all twelve for a national agreement."""
        return (self.academy,) if self.academy else ACADEMY_CODES

    def visible_to(self) -> tuple[str, ...]:
        """The audience and the parties."""
        return (*self.audience(), *(code for party in self.parties for code in codes_of(party.organisation_id)))

    def branch_visible_to(self, base: Iterable[AgreementParty], branch: Iterable[AgreementParty]) -> tuple[str, ...]:
        """Who may see a branch: whoever may see the agreement now, and the parties that the branch adds to its base.

        Not who has left either of them since.
        """
        known = {each.party_id for each in base}
        added = (each.organisation_id for each in branch if each.party_id not in known)
        return tuple(dict.fromkeys([*self.visible_to(), *(code for each in added for code in codes_of(each))]))

    def content(self, clauses: Sequence[ClauseRef]) -> Content:
        """All that is agreed, with the clauses that `text_hash` stands for."""
        agreed = {name: getattr(self, name) for name in AGREED}
        return Content(**agreed, obligations=self.duties, clauses=tuple(clauses))

    def party(self, party_id: UUID) -> AgreementParty:
        """The party of this id. Refuses NotAParty."""
        for party in self.parties:
            if party.party_id == party_id:
                return party
        raise NotAParty(party=party_id)

    def called(self, parties: Iterable[UUID]) -> list[dict[str, str] | None]:
        """How refusals name these parties."""
        organisations = {each.party_id: each.organisation_id for each in self.parties}
        return called((organisations.get(each, each) for each in parties), self.names)

    def guard(self, action: str) -> Refusal | None:
        """Terms from before impossible days were refused lead nowhere: from some days nothing can be reckoned.

        Only what is outdated is drawn anew.
        """
        agreed = action in TOWARDS_FORCE and self.state != _S.draft
        if agreed and (day := impossible_day(self.effective_from, self.effective_until, self.duties)):
            return AgreedDayNotPossible(day=day, first=FIRST_DAY, last=LAST_DAY)
        if action == "redraw_clauses" and not self.to_redraw:
            return NothingToRedraw()
        return super().guard(action)

    @property
    def keeper(self) -> AgreementParty:
        """The party whose office keeps the file: the academy, or the ministry for a national agreement."""
        organisation = ACADEMIES[self.academy].organisation_id if self.academy else MINISTRY_ID
        return next(party for party in self.parties if party.organisation_id == organisation)

    @staticmethod
    def draft(id: UUID, terms: Terms, *, names: dict[UUID, Bilingual], by: str) -> list[DomainEvent]:
        """A new agreement between its parties, on its centers; without a text so far."""
        check_terms(terms, names=names)
        drafted = AgreementDrafted(
            agreement_id=id,
            agreement_kind=terms.agreement_kind,
            agreement_type=terms.rules.agreement_type,
            academy=terms.academy,
            parties=terms.parties,
            school_year=terms.school_year,
            effective_from=terms.effective_from,
            effective_until=terms.effective_until,
            framework_id=terms.parent_id,
        )
        return [drafted.keeping(names=names, by=by, **_kept(terms))]

    def revise_terms(self, terms: Terms, *, names: dict[UUID, Bilingual], by: str) -> list[DomainEvent]:
        """Put other terms; the kind and the academy stay. Refuses KindIsKept, and terms that do not hold together."""
        self.require("revise_terms")
        if (terms.agreement_kind, terms.academy) != (self.agreement_kind, self.academy):
            raise KindIsKept(
                agreement_kind=self.agreement_kind, academy=self.academy, name=self.todays_kind.name.model_dump()
            )
        check_terms(terms, names=names)
        revised = AgreementTermsRevised(
            agreement_id=self.id,
            academy=self.academy,
            parties=terms.parties,
            school_year=terms.school_year,
            effective_from=terms.effective_from,
            effective_until=terms.effective_until,
            framework_id=terms.parent_id,
        )
        spent = [rule.category for rule in self.rules.documents if rule.for_cash]
        return [revised.keeping(names=names, by=by, for_cash=spent, **_kept(terms))]

    def revise(self, text_hash: str, *, by: str) -> list[DomainEvent]:
        """Put another text, both languages at once; the same text again changes nothing."""
        self.require("revise_text")
        if text_hash == self.text_hash:
            return []
        return [AgreementTextRevised(agreement_id=self.id, text_hash=text_hash).keeping(by=by)]

    def completes(self, action: str) -> bool:  # noqa: ARG002 - approval goes by its steps
        """Whether the action, taken once, is done: an approval is done with the last step's."""
        return True

    def text_changed(self) -> list[DomainEvent]:
        """What follows when the text is another one; the parts that lose something by it say so."""
        return []

    def negotiate_again(
        self, because: Again, *, reason: str, at: datetime, in_place_of: str | None = None
    ) -> list[DomainEvent]:
        """Back to the parties; the parts that lose something by it say so first."""
        return [self.opening(because, in_place_of=in_place_of).keeping(remarks=reason, at=at)]

    def opening(
        self, because: Again | Literal["drafted"], *, in_place_of: str | None = None
    ) -> AgreementNegotiationOpened:
        """That the text is in the parties' hands."""
        asked = tuple(each.organisation_id for each in self.parties if must_sign(each))
        return AgreementNegotiationOpened(
            agreement_id=self.id, because=because, organisations=asked, in_place_of=in_place_of
        )

    @follows
    def _begin(self, event: AgreementDrafted) -> None:
        self.agreement_kind = event.agreement_kind
        self.agreement_type = event.agreement_type
        self.academy = event.academy

    @follows
    def _agree(self, event: AgreementDrafted | AgreementTermsRevised) -> None:
        detail: dict[str, Any] = event.detail
        self.terms_revised = isinstance(event, AgreementTermsRevised)
        self.parties = event.parties
        self.school_year = event.school_year
        self.effective_from = event.effective_from
        self.effective_until = event.effective_until
        self.parent_id = event.framework_id
        self.title = Bilingual.model_validate(detail["title"])
        self.names = names_of(detail)
        self.centers = tuple(CenterToOpen.model_validate(center) for center in detail["centers"])
        self.budget = tuple(BudgetLine.model_validate(line) for line in detail.get("budget", ()))
        self.duties = tuple(Duty.model_validate(duty) for duty in detail.get("obligations", ()))

    @follows
    def _say(self, event: AgreementTextRevised) -> None:
        self.text_hash = event.text_hash

    @follows
    def _freeze(self, event: AgreementApproved) -> None:
        self.content_hash, self.language_hashes = event.content_hash, event.language_hashes
        self.keep(event.detail.get("rules"))

    @follows
    def _melt(self, _: AgreementNegotiationOpened) -> None:
        self.content_hash = self.language_hashes = None
        self.keep(None)


def _kept(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in ("title", "centers", "obligations", "budget")}


def names_of(detail: dict[str, Any]) -> dict[UUID, Bilingual]:
    """The parties' names as an event keeps them."""
    return {UUID(id): Bilingual.model_validate(name) for id, name in detail["names"].items()}
