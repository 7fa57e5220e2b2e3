"""What every part of an amendment stands on: its branch of the agreement's content, and where it stands."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from services.agreements.agreement.core import names_of
from services.agreements.bilingual import Bilingual
from services.agreements.errors.agreements import NotAParty
from services.agreements.errors.amendments import NothingAmended
from services.agreements.errors.texts import NothingToRedraw
from services.agreements.kinds import AmendmentRule, ContentPart
from services.agreements.surroundings import Surrounded
from shared.aggregate import follows
from shared.events.agreements import (
    AgreementParty,
    AmendmentAgreed,
    AmendmentProposed,
    AmendmentRebased,
    AmendmentRebaseNeeded,
    AmendmentRevised,
    AmendmentType,
    AmendmentWithdrawn,
)
from shared.events.base import DomainEvent
from shared.refusals import Refusal
from shared.territory import ACADEMY_CODES, codes_of


class AmendmentState(StrEnum):
    """Where an amendment stands (domain: amendment)."""

    proposed = "proposed"
    under_review = "under_review"
    agreed = "agreed"
    signing = "signing"
    signed = "signed"
    rebase_needed = "rebase_needed"
    applied = "applied"
    refused = "refused"
    withdrawn = "withdrawn"


_S = AmendmentState
BEING_SIGNED = frozenset({_S.agreed, _S.signing})
OPEN = BEING_SIGNED | {_S.proposed, _S.under_review, _S.signed, _S.rebase_needed}
"""Not decided yet: what is in them rests on the agreement as it is."""
FORWARD = frozenset(
    {
        "revise_amendment",
        "redraw_amendment",
        "submit_amendment",
        "approve_amendment",
        "sign_amendment",
        "delegate_amendment",
        "record_amendment_scan",
        "accept_amendment_scan",
        "renew_amendment_offer",
        "rebase_amendment",
    }
)
"""Steps that lead to an amended agreement: none is taken once it is over. Those that lead away from it are."""


class Core(Surrounded):
    """A branch of an agreement's content, under its number."""

    kind: ClassVar[str] = "amendment"
    ALLOWED: ClassVar = {
        "revise_amendment": frozenset({_S.proposed}),
        "redraw_amendment": frozenset({_S.proposed}),
        "rebase_amendment": frozenset({_S.rebase_needed, _S.signed}),
        "withdraw_amendment": OPEN,
    }

    state: AmendmentState = AmendmentState.proposed
    agreement_id: UUID = UUID(int=0)
    amendment_type: AmendmentType = "correction"
    academy: str | None = None
    codes: tuple[str, ...] = ()
    """Who may see it: whoever may see the agreement, and the parties that the branch adds."""
    number: int | None = None
    """From its approval on, for good."""
    reference: str | None = None
    reason: str = ""
    remarks: str | None = None
    """What its approvers, a declining party, who returned a scan or who withdrew it last said."""
    authors: tuple[str, ...] = ()
    base_hash: str = ""
    """The content that the branch began from."""
    content_hash: str = ""
    """The branch."""
    parties: tuple[AgreementParty, ...] = ()
    """Of the base and of the branch, as those that sign it (`merge.parties_of`)."""
    names: dict[UUID, Bilingual] = {}
    """Names of the parties' organisations, as last known before its approval, and then for good."""

    @property
    def own_rule(self) -> AmendmentRule:
        """What the kind asks of this type of amendment: the agreement's own ladder, unless it says otherwise."""
        return self.rules.amendments.get(self.amendment_type) or AmendmentRule(approval=self.rules.approval)

    @property
    def reach(self) -> tuple[ContentPart, ...]:
        """The parts that it may change; all when none is named."""
        return self.own_rule.parts

    @property
    def numbered(self) -> int:
        """The number of an amendment that was approved."""
        assert self.number is not None, "not approved yet"
        return self.number

    def party(self, party_id: UUID) -> AgreementParty:
        """The party of the base or the branch. Refuses NotAParty."""
        for party in self.parties:
            if party.party_id == party_id:
                return party
        raise NotAParty(party=party_id)

    def audience(self) -> tuple[str, ...]:
        """The agreement's academy; all twelve for a national agreement."""
        return (self.academy,) if self.academy else ACADEMY_CODES

    def visible_to(self) -> tuple[str, ...]:
        """Whoever may see the agreement, and the parties that the branch adds."""
        return self.codes

    def guard(self, action: str) -> Refusal | None:
        """There is something to approve, and an agreement to amend; only what is outdated is drawn anew."""
        if action in FORWARD and self._around and self._around.over:
            return self._around.over
        if action == "submit_amendment" and self.content_hash == self.base_hash:
            return NothingAmended()
        if action == "redraw_amendment" and not self.to_redraw:
            return NothingToRedraw()
        return super().guard(action)

    @staticmethod
    def propose(
        id: UUID,
        *,
        agreement_id: UUID,
        agreement_kind: str,
        rules: Mapping[str, Any] | None,
        amendment_type: AmendmentType,
        academy: str | None,
        codes: Collection[str],
        parties: Collection[AgreementParty],
        names: Mapping[UUID, Bilingual],
        base_hash: str,
        reason: str,
        by: str,
    ) -> list[DomainEvent]:
        """Begin a branch of the agreement's content as it is; `rules` are those that it keeps."""
        proposed = AmendmentProposed(
            amendment_id=id,
            agreement_id=agreement_id,
            amendment_type=amendment_type,
            academy=academy,
            parties=_organisations(parties),
        )
        return [
            proposed.keeping(
                agreement_kind=agreement_kind,
                rules=rules,
                codes=codes,
                parties=parties,
                names=names,
                base_hash=base_hash,
                reason=reason,
                by=by,
            )
        ]

    def revise(
        self,
        content_hash: str,
        *,
        parties: Collection[AgreementParty],
        names: Mapping[UUID, Bilingual],
        codes: Collection[str],
        by: str,
    ) -> list[DomainEvent]:
        """Put another content on the branch; the same again changes nothing.

        `parties` are the base's too; `codes` are who may see it from now on.
        """
        self.require("revise_amendment")
        if content_hash == self.content_hash:
            return []
        revised = AmendmentRevised(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            content_hash=content_hash,
            parties=_organisations(parties),
        )
        return [revised.keeping(parties=parties, names=names, codes=codes, by=by)]

    def lose_base(self, applied: UUID | None, codes: Collection[str] = ()) -> list[DomainEvent]:
        """The agreement is another now, by an amendment or because it is not renewed: this one is to be rebased.

        `codes` are who may see it from now on, where the agreement's parties may be others. One that waits for its
        rebase already is told again: what somebody has seen of its conflicts is out of date.
        """
        if self.state not in OPEN:
            return []
        lost = AmendmentRebaseNeeded(amendment_id=self.id, agreement_id=self.agreement_id, applied=applied)
        return [lost.keeping(codes=codes) if codes else lost]

    def rebase(
        self,
        base_hash: str,
        content_hash: str,
        *,
        parties: Collection[AgreementParty],
        names: Mapping[UUID, Bilingual],
        codes: Collection[str],
        resolved: int,
        by: str,
    ) -> list[DomainEvent]:
        """Put the branch on the agreement as it is now; it is proposed again, and what was signed of it is void."""
        self.require("rebase_amendment")
        voided = self.lose_base(None) if self.state == _S.signed else []
        rebased = AmendmentRebased(
            amendment_id=self.id,
            agreement_id=self.agreement_id,
            content_hash=content_hash,
            resolved=resolved,
            parties=_organisations(parties),
        )
        return [*voided, rebased.keeping(base_hash=base_hash, parties=parties, names=names, codes=codes, by=by)]

    def withdraw(self, reason: str) -> list[DomainEvent]:
        """Take it back."""
        self.require("withdraw_amendment")
        return [self._withdrawn("decision", reason)]

    def end_with_agreement(self) -> list[DomainEvent]:
        """The agreement is over: there is nothing left to amend."""
        return [self._withdrawn("agreement_ended", None)] if self.state in OPEN else []

    @follows
    def _begin(self, event: AmendmentProposed) -> None:
        detail: dict[str, Any] = event.detail
        self.agreement_id = event.agreement_id
        self.amendment_type = event.amendment_type
        self.academy = event.academy
        self.agreement_kind = detail["agreement_kind"]
        self.keep(detail.get("rules"))
        self.reason = detail["reason"]
        self.base_hash = self.content_hash = detail["base_hash"]
        self._wrote(detail)

    @follows
    def _say(self, event: AmendmentRevised) -> None:
        self.content_hash = event.content_hash
        self._wrote(event.detail)

    @follows
    def _number(self, event: AmendmentAgreed) -> None:
        self.number, self.reference = event.number, event.reference
        self.names = names_of(event.detail)

    @follows
    def _lack_base(self, event: AmendmentRebaseNeeded) -> None:
        self.state = _S.rebase_needed
        if event.detail:
            self.codes = tuple(event.detail["codes"])

    @follows
    def _stand_anew(self, event: AmendmentRebased) -> None:
        self.state = _S.proposed
        self.base_hash, self.content_hash = event.detail["base_hash"], event.content_hash
        self._wrote(event.detail)

    @follows
    def _take_back(self, event: AmendmentWithdrawn) -> None:
        self.state = _S.withdrawn
        self.remarks = event.detail["remarks"]

    def _withdrawn(self, because: Literal["decision", "agreement_ended"], reason: str | None) -> DomainEvent:
        withdrawn = AmendmentWithdrawn(amendment_id=self.id, agreement_id=self.agreement_id, because=because)
        return withdrawn.keeping(remarks=reason)

    def _wrote(self, detail: dict[str, Any]) -> None:
        self.authors = tuple(dict.fromkeys([*self.authors, detail["by"]]))
        self.parties = tuple(AgreementParty.model_validate(each) for each in detail["parties"])
        self.names = names_of(detail)
        # Before they were told again each time, those of the branch were added to them.
        parties = (code for each in self.parties for code in codes_of(each.organisation_id))
        self.codes = tuple(detail.get("codes") or dict.fromkeys([*self.codes, *parties]))


def _organisations(parties: Collection[AgreementParty]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(party.organisation_id for party in parties))
