"""Amending: an agreement in force becomes what an applied amendment says, without changing its state."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.agreements.agreement.core import AgreementState, names_of
from services.agreements.agreement.edition import granting
from services.agreements.agreement.force import Force
from services.agreements.agreement.negotiation import Negotiation
from services.agreements.agreement.renewals import Renewals
from services.agreements.agreement.timely import latest
from services.agreements.bilingual import Bilingual
from services.agreements.content import Content, content_hash, language_hashes
from services.agreements.errors import TermOver
from services.agreements.errors.amendments import CenterMoved, CenterRemoved, KeeperRemoved, StartIsKept
from services.agreements.errors.editions import TermBeyondEditions
from services.agreements.signatures import PartyRequest, RequestState, Signature
from services.agreements.terms import BudgetLine, Duty, center_named, check_seats, province_named
from shared.aggregate import follows
from shared.events.agreements import AgreementAmended, AmendmentType, CenterToOpen
from shared.events.base import DomainEvent

_S = AgreementState
AMENDABLE = frozenset({_S.signed, _S.in_force, _S.suspended})
"""Signed by all, and not over."""


class AppliedAmendment(BaseModel):
    """An amendment that the agreement is made of."""

    model_config = ConfigDict(frozen=True)

    amendment_id: UUID
    number: int
    amendment_type: AmendmentType
    amended_on: date


class Amending(Force, Negotiation, Renewals):
    """What amendments have made of the agreement."""

    ALLOWED: ClassVar = {
        "propose_amendment": AMENDABLE,
        "amend_agreement": frozenset({_S.in_force, _S.suspended}),
    }

    amendments: tuple[AppliedAmendment, ...] = ()

    @property
    def settled_since(self) -> date | None:
        """Nor before it was last amended or an edition last began: what all signed, or renewed, stays."""
        running = self.edition_under_way
        amended = (each.amended_on for each in self.amendments[-1:])
        return latest(super().settled_since, running.starts_on if running else None, *amended)

    def check_amended(self, content: Content) -> None:
        """Refuse what no amendment brings about.

        Refuses CenterRemoved, CenterMoved, CenterWithoutSeats for a new one, KeeperRemoved, StartIsKept;
        TermBeyondEditions if it is to last longer.
        """
        known = {center.center_id for center in self.centers}
        check_seats(center for center in content.centers if center.center_id not in known)
        left = {center.center_id: center for center in content.centers}
        if gone := [center for center in self.centers if center.center_id not in left]:
            raise CenterRemoved(centers=[each.center_id for each in gone], names=[center_named(each) for each in gone])
        for center in self.centers:
            if left[center.center_id].province != center.province:
                raise CenterMoved(
                    center=center.center_id,
                    province=center.province,
                    name=center_named(center),
                    where=province_named(center.province),
                )
        keeper = self.keeper
        if all(party.organisation_id != keeper.organisation_id for party in content.parties):
            raise KeeperRemoved(party=keeper.party_id, which="academy" if self.academy else "ministry")
        if content.effective_from != self.effective_from:
            raise StartIsKept(effective_from=self.effective_from)
        until = self.latest_until
        if self.rules.editions and until and content.effective_until > max(until, self.effective_until):
            raise TermBeyondEditions(most=self.rules.editions.most, latest=until)

    def amend(
        self,
        content: Content,
        *,
        text_hash: str,
        amendment_id: UUID,
        number: int,
        amendment_type: AmendmentType,
        names: dict[UUID, Bilingual],
        signatures: Collection[Signature],
        today: date,
    ) -> list[DomainEvent]:
        """Become what the content says, from today on; the signatures under it of parties that have none are kept here.

        What is claimed of an obligation that it makes something else of is returned first.

        Refuses what check_amended refuses, and TermOver if it is over, or would be.
        """
        self.require("amend_agreement")
        self.check_amended(content)
        if (until := min(self.effective_until, content.effective_until)) < today:
            raise TermOver(effective_until=until)
        signed = {each.party_id for each in self.signatures}
        joining = self._resting_as_well(content.centers)
        amended = AgreementAmended(
            agreement_id=self.id,
            amendment_id=amendment_id,
            number=number,
            amendment_type=amendment_type,
            academy=self.academy,
            amended_on=today,
            text_hash=text_hash,
            content_hash=content_hash(content),
            language_hashes=language_hashes(content.clauses),
            resting=joining if self.suspension else (),
            **{name: getattr(content, name) for name in _TOLD},
            granted=self._granted(content.centers),
        )
        return [
            *self.return_changed(content.obligations),
            amended.keeping(
                title=content.title,
                obligations=content.obligations,
                budget=content.budget,
                annexed=[each.document_id for each in content.annexes],
                names=names,
                signatures=[each for each in signatures if each.party_id not in signed],
                by_day=True,
                anew=True,
                to_rest=joining,
            ),
        ]

    def _granted(self, centers: Sequence[CenterToOpen]) -> tuple[CenterToOpen, ...] | None:
        """The amended centers with the seats that the edition under way still sets itself; none if it sets none."""
        under_way = self.edition_under_way
        kept = under_way.still_set(self.centers, centers) if under_way else ()
        return granting(centers, kept) if kept else None

    @follows
    def _change_content(self, event: AgreementAmended) -> None:
        before = self.model_copy()
        self._take_over(event)
        duties = [Duty.model_validate(each) for each in event.detail["obligations"]]
        # First the editions: what is owed is owed until their ends.
        self.amend_editions(before, duties)
        how = {name: event.detail.get(name, False) for name in ("by_day", "anew")}
        self.follow(duties, since=event.amended_on, **how)
        applied = AppliedAmendment(**event.model_dump(include=set(AppliedAmendment.model_fields)))
        self.amendments = (*self.amendments, applied)

    def _take_over(self, event: AgreementAmended) -> None:
        detail: dict[str, Any] = event.detail
        for name in (*_TOLD, "text_hash", "content_hash", "language_hashes"):
            setattr(self, name, getattr(event, name))
        self.title = Bilingual.model_validate(detail["title"])
        # The names of those who were parties before are frozen for good.
        self.names = {**names_of(detail), **self.names}
        self.budget = tuple(BudgetLine.model_validate(line) for line in detail["budget"])
        joined = [Signature.model_validate(each) for each in detail["signatures"]]
        parties = {party.party_id for party in self.parties}
        self.signatures = tuple(each for each in (*self.signatures, *joined) if each.party_id in parties)
        asked = {each.party_id: PartyRequest(party_id=each.party_id, state=RequestState.signed) for each in joined}
        requests = {each.party_id: each for each in self.requests} | asked
        self.requests = tuple(each for each in requests.values() if each.party_id in parties)


_TOLD = ("parties", "school_year", "effective_from", "effective_until", "centers")
"""What the event tells of the content as it is."""
