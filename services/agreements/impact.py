"""Impact: what suspending or terminating an agreement would touch, worked out before anybody decides it.

The agreement's own part is not foretold by rules of its own: the decision is taken on a copy, and what it changed is
told. Centers follow by their own service's doing, so that what they will do is said here, and tests compare it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.agreements.agreement import Agreement, AgreementState, EditionState, ObligationState
from services.agreements.agreement.family import OVER, Parent
from services.agreements.readers import (
    Branch,
    News,
    PeopleTouched,
    Subscribers,
    news_of,
    news_of_branch,
    news_of_center,
    people_told,
)
from services.agreements.touched import (
    DONE,
    UNOPENED,
    Action,
    AgreementTouched,
    AmendmentTouched,
    AmountTouched,
    CenterStanding,
    CenterTouched,
    CeremonyTouched,
    Decision,
    EditionTouched,
    ObligationsTouched,
    Part,
    SubscriberTouched,
)
from shared.aggregate import Recorded
from shared.audit import canonical
from shared.clock import business_date
from shared.events.agreements import AgreementSuspended, AgreementTerminated, CenterToOpen
from shared.events.base import DomainEvent
from shared.events.centers import CenterAbandoned, CenterHandoverStarted, CenterSuspended
from shared.territory import PROVINCES

AT_REST: Mapping[str, CenterStanding] = {"opened": "suspended"}
"""What becomes of a center that a suspension names; those that are not open yet do not open."""
AT_THE_END: Mapping[str, CenterStanding] = {
    "planned": "abandoned",
    "fitting_out": "abandoned",
    "ready": "abandoned",
    "opened": "handing_over",
    "suspended": "handing_over",
}
"""What becomes of a center when its agreement ends."""
TAKES_EFFECT: Mapping[Action, str] = {
    "suspend_agreement": AgreementSuspended.type,
    "terminate_agreement": AgreementTerminated.type,
}
"""What is published on the day of effect."""
CENTER_MOVES: Mapping[CenterStanding, str] = {
    "suspended": CenterSuspended.type,
    "abandoned": CenterAbandoned.type,
    "handing_over": CenterHandoverStarted.type,
}
"""What a center publishes when this becomes of it."""
SHOWN_ONLY = frozenset({"people"})
"""What is shown and not acknowledged: anybody who opens their inbox changes it, and no decision does anything else."""


P = TypeVar("P", bound=Part)


class Impact(BaseModel):
    """All that a decision would touch. Each list is sorted, so that the same impact is the same bytes."""

    decision: Decision
    agreements: list[AgreementTouched]
    centers: list[CenterTouched]
    obligations: list[ObligationsTouched]
    editions: list[EditionTouched]
    amounts: list[AmountTouched]
    amendments: list[AmendmentTouched]
    ceremonies: list[CeremonyTouched]
    parties: list[UUID] = Field(description="the organisations that are told, as parties")
    subscribers: list[SubscriberTouched] = Field(
        description="every academy that is told, also without an address; its people are under `people`"
    )
    people: list[PeopleTouched] = Field(
        description="how many people are told of it or of what follows from it, each once, by where they are at home:"
        " all known people of the academies, of the parties, of the directorates of centers that rest, and of the"
        " nation where it concerns every academy or the ministry is a party, whatever they subscribe to; of those who"
        " may see it besides, whoever subscribes to it. The numbers are of the last count; one is taken every minute."
        " They are shown and not acknowledged: another number refuses no decision"
    )

    @property
    def fingerprint(self) -> str:
        """What stands for this very impact: twelve hex digits of SHA-256 for each acknowledged part, in order."""
        return "-".join(self._marks().values())

    def changed_since(self, acknowledged: str) -> list[str]:
        """The parts that are not what was acknowledged; all of them if it cannot be told."""
        known, marks = acknowledged.split("-"), self._marks()
        if len(known) != len(marks):
            return list(marks)
        return [part for (part, mark), before in zip(marks.items(), known, strict=True) if mark != before]

    def _marks(self) -> dict[str, str]:
        told = self.model_dump(mode="json", exclude={*SHOWN_ONLY})
        return {part: sha256(canonical({part: value})).hexdigest()[:12] for part, value in told.items()}


class CenterFact(BaseModel):
    """What is known of a center beside its agreement."""

    model_config = ConfigDict(from_attributes=True)

    academy: str
    province: str
    state: CenterStanding
    funded_seats: int
    unfunded_seats: int
    learners: int | None = None
    funded_learners: int | None = None
    counted_on: date | None = None

    @model_validator(mode="after")
    def _nobody_before_the_opening(self) -> Self:
        if self.state in UNOPENED:
            self.learners = self.funded_learners = 0
        return self

    @classmethod
    def promised(cls, center: CenterToOpen) -> Self:
        """What the agreement provides for, as long as the centers have told nothing of it."""
        seats = center.model_dump(include={"province", "funded_seats", "unfunded_seats"})
        return cls(academy=PROVINCES[center.province].academy, state="planned", **seats)


class Life(NamedTuple):
    """An agreement right before and right after the decision takes effect, as things stand today.

    If it is over before, by the end of a renewal that nobody decides, the decision touches nothing more of it.
    """

    before: Agreement
    after: Agreement


def impact_of(
    agreement: Agreement,
    decision: Decision,
    decided: Sequence[DomainEvent],
    *,
    at: datetime,
    children: Iterable[Agreement],
    life: Sequence[Recorded],
    parent: Parent | None = None,
    known: Mapping[UUID, CenterFact],
    amendments: Mapping[UUID, Branch],
    ceremonies: Mapping[UUID, str],
    endpoints: Mapping[str, int],
    people: Mapping[str, int],
    subscribers: Iterable[Subscribers],
) -> Impact:
    """What the decision would touch.

    `decided` is what the agreement decides at this moment; `children` are those that follow it and last, `life` is its
    own where it has some, `parent` is what it follows; `known` is what the centers told, by center; `amendments` are
    those that are open, of the agreement and its children, `ceremonies` gives the state of each that lists the
    agreement; `endpoints` the number of addresses of each academy, `people` of the known people of each jurisdiction,
    of whom `subscribers` asked for the same.
    """
    own = _life(agreement, decided, parent)
    ends = own.after.state == AgreementState.terminated
    lives = [own]
    if ends:
        told = [Recorded(0, at, event) for event in decided]
        before = Parent(agreement, life)
        after = Parent(agreement.model_copy().evolve(decided), [*life, *told])
        day = max(decision.effective_on, business_date(at))
        endings = (_ending(child, day, before, after) for child in children)
        lives += [life for life in endings if life]
    academies = sorted({academy for life in lives for academy in life.after.audience()})
    centers = _sorted(each for life in lives for each in _centers(life, decision, known))
    ended = {life.after.id for life in lives} if ends else {}
    branches = {id: branch for id, branch in amendments.items() if branch.agreement_id in ended}
    published = [*_published(lives, {event.type for event in decided}, decision.action, centers, branches)]
    return Impact(
        decision=decision,
        agreements=[_agreement(life) for life in lives],
        centers=centers,
        obligations=_sorted(each for life in lives for each in _obligations(life)),
        editions=_sorted(each for life in lives for each in _editions(life)),
        amounts=_sorted(each for life in lives for each in _amounts(life, since=decision.effective_on.year)),
        amendments=_sorted(
            AmendmentTouched(amendment_id=id, state=branch.state, becomes="withdrawn")
            for id, branch in branches.items()
        ),
        ceremonies=_sorted(CeremonyTouched(ceremony_id=id, state=state) for id, state in ceremonies.items()),
        parties=sorted({party.organisation_id for life in lives for party in life.after.parties}),
        subscribers=[SubscriberTouched(academy=each, endpoints=endpoints.get(each, 0)) for each in academies],
        people=people_told(published, people, subscribers),
    )


def _life(agreement: Agreement, decided: Sequence[DomainEvent], parent: Parent | None) -> Life:
    after = agreement.model_copy().evolve(decided)
    if after.announcement is None:
        return Life(agreement, after)
    day = after.announcement.effective_on
    return Life(_on(after, day - timedelta(days=1), parent), _on(after, day, parent))


def _ending(child: Agreement, day: date, before: Parent, after: Parent) -> Life | None:
    """What follows the agreement, right before and right after it ends with it; None if its own end comes first."""
    announced = after.now.announcement is not None
    right_before = _on(child, day - timedelta(days=1), after) if announced else _on(child, day, before)
    events = child.catch_up(day, after)
    ends = any(isinstance(each, AgreementTerminated) and each.because == "parent_ended" for each in events)
    return Life(right_before, child.model_copy().evolve(events)) if ends else None


def _on(agreement: Agreement, day: date, parent: Parent | None) -> Agreement:
    """What time alone makes of it until this day."""
    return agreement.model_copy().evolve(agreement.catch_up(day, parent))


def _agreement(life: Life) -> AgreementTouched:
    return AgreementTouched(
        agreement_id=life.after.id,
        reference=life.after.reference,
        state=life.before.state,
        becomes=life.after.state,
    )


def _centers(life: Life, decision: Decision, known: Mapping[UUID, CenterFact]) -> list[CenterTouched]:
    if life.before.state in OVER:
        return []
    suspends = decision.action == "suspend_agreement"
    becomes = AT_REST if suspends else AT_THE_END
    touched = []
    for center in life.after.centers:
        fact = known.get(center.center_id) or CenterFact.promised(center)
        if fact.state not in DONE and (not suspends or center.center_id in decision.centers):
            touched.append(
                CenterTouched(
                    center_id=center.center_id,
                    agreement_id=life.after.id,
                    becomes=becomes.get(fact.state, fact.state),
                    **fact.model_dump(),
                )
            )
    return touched


def _obligations(life: Life) -> list[ObligationsTouched]:
    after = {(each.obligation_id, each.occurrence): each.state for each in life.after.obligations}
    moved: Counter[tuple[UUID, ObligationState, ObligationState]] = Counter()
    for each in life.before.obligations:
        becomes = after[each.obligation_id, each.occurrence]
        if becomes != each.state:
            moved[each.debtor_id, each.state, becomes] += 1
    return [
        ObligationsTouched(agreement_id=life.after.id, debtor_id=debtor_id, state=state, becomes=becomes, number=number)
        for (debtor_id, state, becomes), number in moved.items()
    ]


def _editions(life: Life) -> list[EditionTouched]:
    before = {each.number: each.state for each in life.before.editions}
    return [
        EditionTouched(
            agreement_id=life.after.id,
            edition=each.number,
            state=before[each.number],
            becomes=each.state,
            **each.model_dump(include={"budget_year", "funded_seats", "unfunded_seats", "amount"}),
        )
        for each in life.after.editions
        if before.get(each.number) in (EditionState.planned, EditionState.running)
    ]


def _amounts(life: Life, *, since: int) -> list[AmountTouched]:
    payers = {party.party_id: party.organisation_id for party in life.after.parties}
    lines = [line for line in life.after.budget if line.budget_year >= since and life.before.state not in OVER]
    return [
        AmountTouched(
            agreement_id=life.after.id,
            payer_id=payers[line.payer],
            heading=line.heading,
            kind=line.kind,
            budget_year=line.budget_year,
            amount=line.amount,
        )
        for line in lines
    ]


def _published(
    lives: Sequence[Life],
    decided: AbstractSet[str],
    action: Action,
    centers: Iterable[CenterTouched],
    amendments: Mapping[UUID, Branch],
) -> Iterator[News]:
    """What is published about it: the decision, at once and on its day, what ends with it, and what the centers do."""
    own, *children = (life.after for life in lives)
    effects = set() if lives[0].before.state in OVER else {TAKES_EFFECT[action]}
    yield from (news_of(own, type) for type in {*decided, *effects})
    yield from (news_of(child, TAKES_EFFECT[action]) for child in children)
    by_id = {each.id: each for each in (own, *children)}
    yield from (news_of_branch(by_id[each.agreement_id], each) for each in amendments.values())
    yield from (
        news_of_center(by_id[each.agreement_id], each.center_id, type)
        for each in centers
        if (type := CENTER_MOVES.get(each.becomes)) and each.becomes != each.state
    )


def _sorted(parts: Iterable[P]) -> list[P]:
    return sorted(parts, key=lambda each: canonical(each.model_dump(mode="json")))
