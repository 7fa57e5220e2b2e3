"""Readers: who is told of what a decision publishes, in number and by where they are at home.

A statutory notice goes to all known people to whom it is addressed, whatever they subscribe to; everything else, and
whatever is not addressed to them, to those who subscribe to it. The notifications decide; tests compare.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.agreements.agreement import Agreement
from shared.events.agreements import AmendmentWithdrawn, CenterToOpen
from shared.events.centers import CenterSuspended
from shared.events.notifications import Wanted
from shared.subscribing import unmet
from shared.territory import PROVINCES, codes_of, directorates_of, jurisdiction_of


class PeopleTouched(BaseModel):
    """How many people who are at home in a jurisdiction are told: an academy, a directorate, `org:<id>`, the nation."""

    model_config = ConfigDict(frozen=True)

    jurisdiction: str
    number: int
    subscribed: int = Field(description="of these, those whom nothing but their own subscriptions tells of it")


@dataclass(frozen=True, slots=True)
class News:
    """An event that will be published, as far as it decides who is told."""

    type: str
    audience: frozenset[str]
    codes: frozenset[str]
    """All whose jurisdiction it lies in."""
    provinces: frozenset[str]
    agreement_type: str
    addressed: frozenset[str] = frozenset()
    """Of a statutory notice, the jurisdictions all of whose people are told."""


class Subscribers(BaseModel):
    """People of a jurisdiction who subscribe to the same."""

    model_config = ConfigDict(from_attributes=True)

    jurisdiction: str
    wanted: Sequence[Wanted]
    people: int

    def are_told(self, published: Iterable[News]) -> bool:
        """Whether any of it is theirs to see and what they asked for."""
        theirs = [news for news in published if self.jurisdiction in news.codes]
        return any(next(unmet(each, news), None) is None for each in self.wanted for news in theirs)


class Branch(NamedTuple):
    """An amendment that is not settled."""

    agreement_id: UUID
    state: str
    codes: frozenset[str]
    """Who may see it."""


def people_told(
    published: Sequence[News], known: Mapping[str, int], subscribers: Iterable[Subscribers]
) -> list[PeopleTouched]:
    """How many of the known people of each jurisdiction are told of any of it, each once."""
    addressed = {home for news in published for home in news.addressed}
    subscribed: Counter[str] = Counter()
    for each in subscribers:
        if each.jurisdiction not in addressed and each.are_told(published):
            subscribed[each.jurisdiction] += each.people
    told = {home: known.get(home, 0) for home in addressed} | subscribed
    return [
        PeopleTouched(jurisdiction=home, number=number, subscribed=subscribed[home])
        for home, number in sorted(told.items())
        if number
    ]


def news_of(agreement: Agreement, type: str) -> News:
    """A statutory notice about an agreement: addressed to all who see it, and to the nation as to a party."""
    parties = {jurisdiction_of(party.organisation_id) for party in agreement.parties}
    nation = set() if agreement.academy else {"national"}
    codes = frozenset({"national", *agreement.visible_to()})
    return _news(agreement, type, codes, addressed=frozenset(parties | {*agreement.visible_to()} | nation))


def news_of_branch(agreement: Agreement, branch: Branch) -> News:
    """That an amendment ends with its agreement."""
    return _news(agreement, AmendmentWithdrawn.type, branch.codes | {"national", *agreement.audience()})


def news_of_center(agreement: Agreement, center_id: UUID, type: str) -> News:
    """What a center publishes; that it rests is a statutory notice."""
    center = next(each for each in agreement.centers if each.center_id == center_id)
    codes = seen_by(center)
    return News(
        type,
        frozenset({PROVINCES[center.province].academy}),
        codes | {"national"},
        frozenset({center.province}),
        agreement.agreement_type,
        codes if type == CenterSuspended.type else frozenset(),
    )


def seen_by(center: CenterToOpen) -> frozenset[str]:
    """Who may see a center, beside the nation: its academy, its directorates and its operator."""
    offices = (office.code for office in directorates_of(center.province))
    return frozenset({PROVINCES[center.province].academy, *offices, *codes_of(center.operator_id)})


def _news(agreement: Agreement, type: str, codes: frozenset[str], addressed: frozenset[str] = frozenset()) -> News:
    provinces = frozenset(center.province for center in agreement.centers)
    return News(type, frozenset(agreement.audience()), codes, provinces, agreement.agreement_type, addressed)
